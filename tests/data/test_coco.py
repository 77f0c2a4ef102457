"""Files from other people: captions and results."""

import os

import pytest

from caption.data.coco import read_references, read_results
from caption.errors import DataError

REFERENCES = {
    "images": [{"id": 2}, {"id": 1}, {"id": "x"}],
    "annotations": [
        {"image_id": 1, "caption": "a dog"},
        {"image_id": "x", "caption": "a cat"},
        {"image_id": 2, "caption": "a man"},
        {"image_id": 1, "caption": "the dog"},
    ],
}
RESULTS = [
    {"image_id": "x", "caption": "cat"},
    {"image_id": 1, "caption": ""},
    {"image_id": 2, "caption": "man"},
]
DEEP = "[" * 100_000


def test_references_come_by_image_without_their_files(write) -> None:
    references = read_references(write("captions.json", REFERENCES))
    assert references == {2: ("a man",), 1: ("a dog", "the dog"), "x": ("a cat",)}


def test_results_come_in_the_order_of_the_references(write) -> None:
    references = write("captions.json", REFERENCES)
    results = read_results(write("results.json", RESULTS), read_references(references), references)
    assert list(results.items()) == [(2, "man"), (1, ""), ("x", "cat")]


def test_a_part_is_read_only_if_it_is_asked_for(write) -> None:
    references, results = write("captions.json", REFERENCES), write("results.json", RESULTS[1:2])
    with pytest.raises(DataError, match=r"results.json: no caption for 2 of 3 .* 2; .*subset=True"):
        read_results(results, read_references(references), references)
    assert read_results(results, read_references(references), references, subset=True) == {1: ""}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([*RESULTS, {"image_id": 1, "caption": "x"}], "image_id 1 appears more than once"),
        ([*RESULTS, {"image_id": 9, "caption": "x"}], "image_id 9 is not among .*; remove it"),
        ([{"image_id": "1", "caption": "x"}], "image_id '1' is not among .*; write the id as 1"),
        ([{"image_id": 1}], "record number 0: expected 'caption' to be str, got None"),
        ([{"image_id": float("nan"), "caption": "x"}], "expected 'image_id' .* got nan"),
        ([{"image_id": 1, "caption": float("nan")}], "expected 'caption' to be str, got nan"),
        ([{"image_id": 1, "caption": ["x"] * 99}], "expected 'caption' to be str, got .*\\.\\.\\."),
        ('[{"image_id": 1, "caption": "\\ud800"}]', "'caption' is no valid Unicode text"),
        (["x"], "record number 0: expected 'image_id'"),
        ([], "got an empty list"),
        ({"annotations": RESULTS}, "expected a list of records .* got dict"),
        ("null", "expected a list of records .* got NoneType"),
        ("[1", "line 1 is not JSON"),
        (DEEP, "nested too deeply"),
        ('[{"image_id": ' + "1" * 5000 + "}]", "a number that is too long"),
    ],
)
def test_results_that_cannot_be_used_are_one_sentence(write, content, message) -> None:
    results, references = write("results.json", content), write("captions.json", REFERENCES)
    with pytest.raises(DataError, match=message) as raised:
        read_results(results, read_references(references), references)
    assert str(raised.value).startswith(f"{results}: ")
    assert "\n" not in str(raised.value)


def test_a_pipe_that_might_never_end_is_refused(write, tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(DataError, match="pipe.json: not a regular file"):
        read_references(tmp_path / "pipe.json")
