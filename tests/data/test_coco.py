"""Files from other people: captions, results, questions and answers."""

import json
import os
from pathlib import Path

import pytest

from caption.data.coco import read_references, read_results
from caption.errors import DataError
from vqa.data import annotations as vqa

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
QUESTIONS = {"questions": [{"question_id": n, "question": "what is it?"} for n in (5, 7)]}
ANSWERS = {"annotations": [{"question_id": n, "answers": [{"answer": "dog"}]} for n in (5, 7)]}
VQA_RESULTS = [{"question_id": 7, "answer": "cat"}, {"question_id": 5, "answer": "dog"}]
DEEP = "[" * 100_000


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: object) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


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


def test_questions_and_answers_are_read(write) -> None:
    assert vqa.read_questions(write("q.json", QUESTIONS)) == dict.fromkeys((5, 7), "what is it?")
    answers = vqa.read_answers(write("a.json", ANSWERS))
    assert answers[7] == vqa.AnsweredQuestion(("dog",), "", "")


def test_answers_come_in_the_order_of_the_questions_and_go_out_again(write, tmp_path) -> None:
    answers = vqa.read_results(write("results.json", VQA_RESULTS), (5, 7))
    assert list(answers.items()) == [(5, "dog"), (7, "cat")]
    vqa.write_results(tmp_path / "again.json", answers)
    assert vqa.read_results(tmp_path / "again.json", (5, 7)) == answers


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([*VQA_RESULTS, VQA_RESULTS[0]], "question_id 7 appears more than once"),
        (VQA_RESULTS[:1], "no answer for 1 of 2 questions, the first is 5; .*subset=True"),
        ([{"question_id": "5", "answer": "x"}], "question_id '5' is not among the questions"),
        ([{"question_id": 5, "answer": 2}], "record number 0: expected 'answer' to be str, got 2"),
        ({"results": []}, "expected a list of records .* got dict"),
    ],
)
def test_answers_that_cannot_be_used_are_one_sentence(write, content, message) -> None:
    with pytest.raises(DataError, match=message):
        vqa.read_results(write("results.json", content), (5, 7))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"annotations": []}, "has no list 'annotations' with records in it"),
        ([], "has no list 'annotations' with records in it"),
        ({"annotations": [{"question_id": 1}]}, "expected 'answers' to be list, got None"),
        ({"annotations": [{"question_id": 1, "answers": []}]}, "question 1 has an empty list"),
        (
            {"annotations": [{"question_id": 1, "answers": ["yes"]}]},
            "annotation number 0, answer number 0: expected 'answer' to be str",
        ),
        ({"annotations": ANSWERS["annotations"] * 2}, "question_id 5 appears more than once"),
    ],
)
def test_annotations_that_cannot_be_used_are_one_sentence(write, content, message) -> None:
    with pytest.raises(DataError, match=message):
        vqa.read_answers(write("a.json", content))
