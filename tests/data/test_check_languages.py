"""A data set in any language is checked as the model would read it, or refused in one line."""

import json

import pytest
from languages import TOYS, captions_in, write_folder
from tiny import scene

from caption.data.captioned import ENDLESS
from caption.data.check import MIXED, checked, cleaned, examine, read_references, read_sound
from caption.data.coco import read_results
from caption.data.forms import read_captions
from caption.errors import DataError
from caption.text.language import Language
from caption.text.scripts import words_of


def folder_of(folder, captions, encoding="utf-8"):
    folder.mkdir()
    rows = []
    for number, caption in enumerate(captions):
        name = f"{number}.png"
        scene("red", "left").resize((20 + number, 20)).save(folder / name)
        rows.append(json.dumps({"image": name, "caption": caption}, ensure_ascii=False))
    (folder / "captions.jsonl").write_text("\n".join(rows), encoding=encoding)
    return folder


@pytest.mark.parametrize("code", TOYS)
def test_a_toy_set_is_read_in_its_own_words(code, tmp_path) -> None:
    examination = examine(read_captions(write_folder(tmp_path / "toy", code)))
    assert examination.language == Language(code)
    assert examination.languages == {code: 12}
    texts = captions_in(code).values()
    words = [word for text in texts for word in words_of(text, Language(code))]
    assert examination.words.total() == 2 * len(words)
    assert not examination.num_fatal
    assert len(list(cleaned(examination))) == 12


def test_several_languages_in_one_column_are_counted(tmp_path) -> None:
    captions = [f"一只狗在跑 {n}" for n in range(7)] + [f"a dog and the cat {n}" for n in range(3)]
    examination = examine(read_captions(folder_of(tmp_path / "two", captions)))
    (mixed,) = [problem for problem in examination.problems if problem.kind == MIXED]
    assert "7 Chinese, 3 English; all will be learnt and scored as Chinese" in mixed.message
    assert not mixed.fatal
    few = examine(read_captions(folder_of(tmp_path / "few", captions[:-1])))
    assert MIXED not in {problem.kind for problem in few.problems}


@pytest.mark.parametrize("text", ["一只狗" * ENDLESS, "a dog " * 2 * ENDLESS])
def test_a_text_without_end_is_no_caption(text, tmp_path) -> None:
    data = read_captions(folder_of(tmp_path / "long", [f"一只狗 {n}" for n in range(10)] + [text]))
    examination = examine(data)
    (fault,) = [problem for problem in examination.problems if problem.fatal]
    assert f"has {len(text):,} characters" in fault.message
    assert len(str(fault)) < 400
    assert len(list(cleaned(examination))) == 10
    with pytest.raises(DataError, match="expected a sentence"):
        read_sound(tmp_path / "long")


def test_a_text_without_end_is_not_scored(tmp_path) -> None:
    images, path = [{"id": 1}], tmp_path / "captions.json"
    truths = {"images": images, "annotations": [{"image_id": 1, "caption": "狗" * (ENDLESS + 1)}]}
    path.write_text(json.dumps(truths))
    with pytest.raises(DataError, match="of image 1 has 10,001 characters; expected a sentence"):
        read_references(path)
    path.write_text(json.dumps(truths["annotations"]))
    with pytest.raises(DataError, match="of image 1 has 10,001 characters; expected a sentence"):
        read_results(path, [1], path)


def test_signs_alone_are_no_caption_and_lost_characters_are_told(tmp_path) -> None:
    captions = [*(f"ein Hund und die Katze {n}" for n in range(10)), "🐶", "ein M\ufffddchen"]
    examination = examine(read_captions(folder_of(tmp_path / "odd", captions)))
    kinds = {problem.kind: problem.fatal for problem in examination.problems}
    assert kinds == {"empty caption": True, "lost characters": False}


def test_a_full_stop_is_no_caption_in_a_language_that_cannot_be_told(tmp_path) -> None:
    examination = examine(read_captions(folder_of(tmp_path / "stops", ["。"] * 3 + ["&!"] * 3)))
    assert not list(cleaned(examination))
    assert [problem.kind for problem in examination.problems].count("empty caption") == 6


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "utf-16"])
def test_an_encoding_that_is_not_known_is_one_line(encoding, tmp_path) -> None:
    folder = folder_of(tmp_path / "old", ["犬が走る"] * 12, encoding)
    with pytest.raises(DataError, match="is not UTF-8; save it as UTF-8"):
        checked(read_captions(folder), folder)


def test_a_text_beside_a_picture_that_is_not_utf_8_is_one_line(tmp_path) -> None:
    scene("red", "left").save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_bytes("一只狗".encode("gb18030"))
    (problem,) = read_captions(tmp_path).problems
    assert str(problem) == f"{tmp_path / 'a.txt'}: is not UTF-8; save it as UTF-8"
