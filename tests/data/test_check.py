"""What is wrong with a data set is found before a model is trained on it."""

import json
import shutil
from collections import Counter

import pytest
from tiny import COLOURS, SIDES, captions_of, scene

from caption.data.check import Examination, cleaned, examine, repair
from caption.data.forms import read_captions

MOJIBAKE = "a caf\u00c3\u00a9 with a red block"  # UTF-8 that was read as Latin-1


def write(folder, *more: dict, splits=("train", "train", "val")):
    """Write a sound data set of twelve pictures, and more records."""
    folder.mkdir(exist_ok=True)
    rows = []
    for number, (colour, side) in enumerate((c, s) for c in COLOURS for s in SIDES):
        for size in (1, 2):
            name = f"{colour}-{side}-{size}.png"
            scene(colour, side).resize((96 * size, 64 * size)).save(folder / name)
            split = splits[number % len(splits)]
            captions = [f"{text} of size {size}" for text in captions_of(colour, side)]
            rows.append({"file_name": name, "captions": captions, "split": split})
    lines = [json.dumps(row) for row in (*rows, *more)]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return folder


def kinds(examination: Examination) -> Counter[str]:
    return Counter(problem.kind for problem in examination.problems)


def test_a_sound_data_set_has_no_problems(tmp_path) -> None:
    examination = examine(read_captions(write(tmp_path / "mine")))
    assert examination.problems == ()
    assert examination.num_captions == 24
    assert len(examination.digests) == 12
    assert examination.unknown({"a", "block", "on", "the", "side", "is", "of", "size", "1"}) == {
        **dict.fromkeys(COLOURS, 8),
        **dict.fromkeys(SIDES, 12),
        "2": 12,
    }


def test_each_problem_is_found_and_named(tmp_path) -> None:
    folder = write(
        tmp_path / "mine",
        {"file_name": "copy.png", "text": "a copy", "split": "train"},
        {"file_name": "leak.png", "text": "a leak", "split": "val"},
        {"file_name": "broken.png", "text": "broken", "split": "train"},
        {"file_name": "mute.png", "split": "train"},
        {"file_name": "quiet.png", "text": " . ", "split": "train"},
        {"file_name": "cafe.png", "text": MOJIBAKE, "split": "train"},
        {"file_name": "long.png", "text": "very " * 100 + "long", "split": "train"},
        {"file_name": "none.png", "text": "not there", "split": "train"},
    )
    for name in ("copy", "leak"):
        shutil.copy(folder / "red-left-1.png", folder / f"{name}.png")
    for number, name in enumerate(("mute", "quiet", "cafe", "long")):
        scene("red", "left").resize((9, 9 + number)).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    examination = examine(read_captions(folder))
    assert kinds(examination) == {
        "missing file": 1,
        "unreadable picture": 1,
        "same picture in two splits": 1,
        "no caption": 1,
        "empty caption": 1,
        "picture twice": 1,
        "wrong encoding": 1,
        "long caption": 1,
    }
    assert [p.fatal for p in examination.problems] == [True] * 5 + [False] * 3
    assert examination.num_fatal == 5
    said = {problem.kind: problem.message for problem in examination.problems}
    assert (
        "'leak.png' (validation) has the same pixels as 'red-left-1.png' (train)"
        in (said["same picture in two splits"])
    )
    assert "may have been 'a café with a red block'" in said["wrong encoding"]
    for problem in examination.problems:
        assert f"{folder / 'metadata.jsonl'}, line" in problem.where


def test_what_is_cleaned_is_sound_and_loses_nothing_good(tmp_path) -> None:
    folder = write(
        tmp_path / "mine",
        {"file_name": "leak.png", "text": "a leak", "split": "val"},
        {"file_name": "copy.png", "text": "a copy", "split": "val"},
        {"file_name": "cafe.png", "captions": [MOJIBAKE, "", "a\n b"], "split": "train"},
    )
    shutil.copy(folder / "red-left-1.png", folder / "leak.png")  # which is for training
    shutil.copy(folder / "blue-left-1.png", folder / "copy.png")  # which is for training too
    scene("red", "left").resize((9, 9)).save(folder / "cafe.png")
    entries = list(cleaned(examine(read_captions(folder))))
    names = {entry.name: entry for entry in entries}
    assert len(names) == len(entries) == 13
    assert names["cafe.png"].captions == ("a café with a red block", "a b")
    assert {"leak.png", "copy.png"} <= names.keys()
    assert not {"red-left-1.png", "blue-left-1.png"} & names.keys()
    lines = [
        json.dumps({"file_name": e.name, "captions": e.captions, "split": e.split}) for e in entries
    ]
    (tmp_path / "clean.jsonl").write_text("\n".join(lines))
    again = examine(read_captions(folder, tmp_path / "clean.jsonl"))
    assert again.problems == ()


def test_few_images_and_one_caption_for_many_are_said(tmp_path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(5):
        scene("red", "left").resize((20 + number, 20)).save(folder / f"{number}.png")
    (folder / "captions.csv").write_text(
        "image,caption\n" + "".join(f"{n}.png,A block.\n" for n in range(5))
    )
    examination = examine(read_captions(folder))
    assert kinds(examination) == {"few images": 1, "one caption for many": 1}
    assert examination.common == (("a block", 5),)
    assert "5 of 5 images have the caption 'a block'" in examination.problems[1].message


@pytest.mark.parametrize(
    "text", ["a café", "Ärger & Öl", "犬が走る", "I\u2019m \u2013 \u201chere\u201d", "½ of it"]
)
def test_what_is_right_is_not_repaired(text) -> None:
    assert repair(text) == text
