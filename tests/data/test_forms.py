"""Every form in which people keep captions is read alike, and what is wrong is named."""

import io
import json
import os
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import webdataset
from forms import COCO, PAIRS, SAID, json_lines, pictures, table
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny import scene

from caption.data.captioned import PICTURES_ALONE, DataSet
from caption.data.forms import read_captions
from caption.errors import DataError
from caption.files.locate import split_of
from caption.files.records import MAX_JSON
from caption.files.tables import MAX_LINE, read_json_lines
from caption.vision.image import load_image

SENTENCES = {name: [{"raw": text} for text in texts] for name, texts in SAID.items()}
KARPATHY = {
    "dataset": "mine",
    "images": [
        {"filename": "red.png", "split": "restval", "sentences": SENTENCES["red.png"]},
        {
            "filepath": "sub",
            "filename": "blue.png",
            "split": "val",
            "sentences": SENTENCES["sub/blue.png"],
        },
    ],
}
FORMS = {
    "metadata.jsonl": json_lines(*({"file_name": n, "captions": list(t)} for n, t in SAID.items())),
    "metadata.csv": table([("file_name", "text"), *PAIRS]),
    "captions.csv": "\ufeff" + table([("Image", "Caption"), *PAIRS]),
    "captions.tsv": table([("image", "caption"), *PAIRS], delimiter="\t"),
    "excel.csv": table([("filename", "description"), *PAIRS], delimiter=";"),
    "results.csv": table(
        [("image_name", " comment_number", " comment"), *((n, 0, t) for n, t in PAIRS)],
        delimiter="|",
    ),
    "bare.csv": table(PAIRS),
    "captions.txt": table([("image", "caption"), *PAIRS]),
    "flickr.token.txt": "".join(f"{n}#{k}\t{t}\n" for k, (n, t) in enumerate(PAIRS)),
    "captions.json": json.dumps(COCO),
    "dataset_mine.json": json.dumps(KARPATHY),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_says_the_same(name, tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    (folder / name).write_text(FORMS[name], encoding="utf-8")
    found = read_captions(folder)
    assert found.problems == ()
    assert {entry.name: entry.captions for entry in found.images} == SAID
    assert [entry.source for entry in found.images] == [folder / entry for entry in SAID]
    assert name in found.form


def test_a_manifest_may_lie_elsewhere_and_the_pictures_in_a_folder_of_images(tmp_path) -> None:
    pictures(tmp_path / "mine" / "images")
    manifest = tmp_path / "list.csv"
    manifest.write_text(FORMS["captions.csv"], encoding="utf-8")
    found = read_captions(tmp_path / "mine", manifest)
    assert {entry.name: entry.captions for entry in found.images} == {
        f"images/{name}": captions for name, captions in SAID.items()
    }


def test_windows_names_lead_to_the_same_files(tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    (folder / "captions.csv").write_text('image,caption\n"sub\\blue.png",blue\n')
    (entry,) = read_captions(folder).images
    assert entry.source == folder / "sub" / "blue.png"


def test_shards_of_webdataset_itself_are_read_where_they_lie(tmp_path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    with webdataset.ShardWriter(str(folder / "photos-%03d.tar"), maxcount=1, verbose=0) as shards:
        for number, (colour, texts) in enumerate((("red", ["red"]), ("blue", ["it", "is blue"]))):
            sample = {"__key__": f"{number:03}", "png": scene(colour, "left")}
            form = {"txt": texts[0]} if len(texts) == 1 else {"json": {"captions": texts}}
            shards.write({**sample, **form})
    found = read_captions(folder)
    assert [entry.captions for entry in found.images] == [("red",), ("it", "is blue")]
    for entry, colour in zip(found.images, ("red", "blue"), strict=True):
        assert load_image(entry.source).tobytes() == scene(colour, "left").tobytes()
    # A member can be named, as a cleaned list does.
    (folder / "list.jsonl").write_text(
        json_lines({"file_name": "photos-001.tar/001.png", "text": "blue"})
    )
    (entry,) = read_captions(folder, folder / "list.jsonl").images
    assert entry.source == found.images[1].source


def test_texts_beside_the_pictures_are_their_captions(tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    (folder / "red.txt").write_text("a red\nblock\n")
    (folder / "sub" / "blue.txt").write_text("a blue block")
    assert {e.name: e.captions for e in read_captions(folder).images} == {
        "red.png": ("a red block",),
        "sub/blue.png": ("a blue block",),
    }


def test_pictures_alone_are_found_and_said_to_be_that(tmp_path) -> None:
    found = read_captions(pictures(tmp_path / "mine"))
    assert (found.form, found.is_captioned, len(found.images)) == (PICTURES_ALONE, False, 2)


def test_files_of_two_splits_are_one_data_set(tmp_path) -> None:
    for split, colour in (("train", "red"), ("val", "blue")):
        (tmp_path / "images" / split).mkdir(parents=True)
        scene(colour, "left").save(tmp_path / "images" / split / "a.png")
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / f"captions_{split}2014.json").write_text(
            json.dumps(
                {
                    "images": [{"id": 1, "file_name": "a.png"}],
                    "annotations": [{"image_id": 1, "caption": colour}],
                }
            )
        )
    assert [(e.split, e.captions) for e in read_captions(tmp_path).images] == [
        ("train", ("red",)),
        ("validation", ("blue",)),
    ]


def test_two_lists_of_one_split_are_not_guessed_between(tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    (folder / "old.csv").write_text(FORMS["captions.csv"], encoding="utf-8")
    (folder / "new.csv").write_text(FORMS["captions.csv"], encoding="utf-8")
    with pytest.raises(DataError, match=r"\(new.csv, old.csv\); pass manifest=FILE"):
        read_captions(folder)
    assert len(read_captions(folder, folder / "new.csv").images) == 2


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("captions_train2017.json", "train"),
        ("restval", "train"),
        ("valid/metadata.csv", "validation"),
        ("dev.csv", "validation"),
        ("test", "test"),
        ("captions.csv", ""),
        ("training notes", "train"),
        ("contest.csv", ""),
    ],
)
def test_a_name_says_the_split(name, split) -> None:
    assert split_of(name) == split


# What is wrong with manifests


def jsonl(row: str) -> tuple[str, str]:
    good = json.dumps({"file_name": "red.png", "text": "a red block"})
    return "metadata.jsonl", f"{good}\n{row}\n"


def coco(images: Sequence[object], annotations: Sequence[object] = ()) -> tuple[str, str]:
    more = {"images": images, "annotations": annotations}
    return "captions.json", json.dumps({key: [*COCO[key], *more[key]] for key in COCO})


NAMES = {
    "absolute": "/etc/passwd",
    "above": "../red.png",
    "hidden above": "sub/../../red.png",
    "above, from Windows": "..\\red.png",
    "drive": "C:\\photos\\red.png",
    "server": "\\\\host\\share\\red.png",
    "NUL": "red.png\0.jpg",
    "out by a link": "out/secret.png",
    "nothing": "   ",
    "not there": "green.png",
    "too long": "x" * 5000,
    "a folder": "sub",
    "a pipe": "pipe.png",
    "web": "https://example.org/red.png",
}
MALFORMED: dict[str, tuple[str, str]] = {
    **{
        f"file name: {kind}": jsonl(json.dumps({"file_name": name, "text": "a block"}))
        for kind, name in NAMES.items()
    },
    "half a character in the name": jsonl('{"file_name": "\\ud800.png", "text": "a"}'),
    "half a character in the text": jsonl('{"file_name": "red.png", "text": "a \\udc00"}'),
    "text a number": jsonl('{"file_name": "red.png", "text": 7}'),
    "text not a number": jsonl('{"file_name": "red.png", "text": NaN}'),
    "text an object": jsonl('{"file_name": "red.png", "text": {"a": 1}}'),
    "captions of numbers": jsonl('{"file_name": "red.png", "captions": ["a", 1]}'),
    "name a list": jsonl('{"file_name": ["red.png"], "text": "a"}'),
    "no name": jsonl('{"text": "a"}'),
    "not an object": jsonl('["red.png", "a"]'),
    "not JSON": jsonl("{'file_name': 'red.png'}"),
    "cut off": jsonl('{"file_name": "red.png", "te'),
    "nested deeply": jsonl("[" * 100_000),
    "endless number": jsonl('{"file_name": "red.png", "text": "a", "size": ' + "9" * 100_000 + "}"),
    "split a number": jsonl('{"file_name": "red.png", "text": "a", "split": 1}'),
    "in two splits": jsonl('{"file_name": "red.png", "text": "a", "split": "val"}'),
    "COCO: an id twice": coco([{"id": 0, "file_name": "red.png"}]),
    "COCO: no id": coco([{"file_name": "red.png"}]),
    "COCO: a list for an id": coco([], [{"image_id": [1], "caption": "a"}]),
    "COCO: a caption of nothing": coco([], [{"image_id": 99, "caption": "a"}]),
    "COCO: caption a number": coco([], [{"image_id": 0, "caption": 1}]),
    "COCO: images not objects": coco(["red.png"]),
    "COCO: no file name": coco([{"id": 7}]),
    "Karpathy: sentences a text": (
        "d.json",
        json.dumps({"images": [*KARPATHY["images"], {"filename": "red.png", "sentences": "a"}]}),
    ),
    "Karpathy: no raw": (
        "d.json",
        json.dumps({"images": [*KARPATHY["images"], {"filename": "red.png", "sentences": [{}]}]}),
    ),
    "CSV: a quote that does not end": ("c.csv", 'image,caption\nred.png,"a red\nblock\n'),
    "CSV: too many columns": ("c.csv", "image,caption\nred.png,a,b\n"),
    "CSV: too few columns": ("c.csv", "image,caption\nred.png\n"),
    "token: no tab": ("t.token", "red.png#0\ta red block\nred.png#1 no tab\n"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_wrong_with_a_record_is_said_with_its_place(kind, tmp_path) -> None:
    folder, outside = pictures(tmp_path / "mine"), tmp_path / "outside"
    outside.mkdir()
    Image.new("RGB", (9, 9)).save(outside / "secret.png")
    (folder / "out").symlink_to(outside)
    os.mkfifo(folder / "pipe.png")
    name, text = MALFORMED[kind]
    (folder / name).write_text(text, encoding="utf-8")
    found = read_captions(folder)
    assert 1 <= sum(problem.fatal for problem in found.problems) <= 2
    for problem in found.problems:
        assert str(folder / name) in problem.where
        assert len(str(problem).splitlines()) == 1
        str(problem).encode()
    assert all(entry.source.is_relative_to(folder) for entry in found.images)


def binary(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_JSON + 1)


UNREADABLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "not UTF-8": (binary("c.csv", "image,caption\nred.png,café\n".encode("cp1252")), "not UTF-8"),
    "UTF-16": (binary("c.csv", "image,caption\n".encode("utf-16")), "not UTF-8"),
    "not UTF-8 far into a token file": (
        binary("t.token", b"red.png#0\ta red block\n" * 9999 + b"red.png#1\tcaf\xe9\n"),
        "not UTF-8",
    ),
    "one endless line": (binary("metadata.jsonl", b"9" * (MAX_LINE + 10)), "longer than a million"),
    "JSON too large": (lambda folder: large(folder / "c.json"), "larger than 1 GB"),
    "JSON an endless number": (binary("c.json", b"9" * 10_000), "a number that is too long"),
    "JSON too deep": (binary("c.json", b"[" * 1_000_000), "nested too deeply"),
    "JSON cut off": (binary("c.json", b'{"images": ['), "line 1 is not JSON"),
    "no tar": (binary("a.tar", b"this is no archive" * 100), "not an uncompressed tar archive"),
    "nothing at all": (lambda folder: None, "no pictures and no list of captions"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_at_all_is_refused_in_one_line(kind, tmp_path) -> None:
    make, message = UNREADABLE[kind]
    make(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        read_captions(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_manifest_that_is_a_pipe_or_a_link_out_is_not_opened(tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    os.mkfifo(folder / "captions.csv")
    (tmp_path / "metadata.csv").write_text(FORMS["metadata.csv"], encoding="utf-8")
    (folder / "metadata.csv").symlink_to(tmp_path / "metadata.csv")
    assert read_captions(folder).form == PICTURES_ALONE
    with pytest.raises(DataError, match="not a regular file"):
        read_captions(folder, folder / "captions.csv")


def test_a_shard_that_is_cut_off_gives_what_is_whole(tmp_path) -> None:
    data = io.BytesIO()
    scene("red", "left").save(data, "PNG")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("1.png", "2.png"):
            member = tarfile.TarInfo(name)
            member.size = len(data.getvalue())
            tar.addfile(member, io.BytesIO(data.getvalue()))
        pipe = tarfile.TarInfo("3.png")
        pipe.type = tarfile.FIFOTYPE
        tar.addfile(pipe)
    whole = (tmp_path / "a.tar").read_bytes()
    assert [entry.name for entry in read_captions(tmp_path).images] == [
        "a.tar/1.png",
        "a.tar/2.png",
    ]
    (tmp_path / "a.tar").write_bytes(whole[: len(whole) // 20])
    try:
        assert len(read_captions(tmp_path).images) <= 2
    except DataError as error:
        assert "not an uncompressed tar archive" in str(error)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader_of_lines(tmp_path_factory, data) -> None:
    path = tmp_path_factory.mktemp("lines") / "m.jsonl"
    path.write_bytes(data)
    try:
        list(read_json_lines(path))
    except DataError as error:
        assert len(str(error).splitlines()) == 1


# Division


# Questions


def test_an_empty_manifest_has_no_entries(tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    (folder / "metadata.jsonl").write_text("")
    assert isinstance(read_captions(folder), DataSet)


def test_a_list_that_is_not_understood_is_named(tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    (folder / "notes.csv").write_text("photo,remark\nred.png,a red block\n")
    (folder / "rows.jsonl").write_text(json_lines({"picture": "red.png"}))
    found = read_captions(folder)
    assert found.form == PICTURES_ALONE
    assert [(p.where, p.fatal) for p in found.problems] == [
        (str(folder / "notes.csv"), False),
        (str(folder / "rows.jsonl"), False),
    ]
    assert "it begins with 'photo, remark'" in found.problems[0].message
