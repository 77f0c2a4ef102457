"""Files from other people: questions, answers and results."""

import pytest

from caption.errors import DataError
from vqa.data.annotations import (
    AnsweredQuestion,
    read_answers,
    read_questions,
    read_results,
    write_results,
)

QUESTIONS = {"questions": [{"question_id": n, "question": "what is it?"} for n in (5, 7)]}
ANSWERS = {"annotations": [{"question_id": n, "answers": [{"answer": "dog"}]} for n in (5, 7)]}
RESULTS = [{"question_id": 7, "answer": "cat"}, {"question_id": 5, "answer": "dog"}]


def test_questions_and_answers_are_read(write) -> None:
    assert read_questions(write("q.json", QUESTIONS)) == dict.fromkeys((5, 7), "what is it?")
    answers = read_answers(write("a.json", ANSWERS))
    assert answers[7] == AnsweredQuestion(("dog",), "", "")


def test_answers_come_in_the_order_of_the_questions_and_go_out_again(write, tmp_path) -> None:
    answers = read_results(write("results.json", RESULTS), (5, 7))
    assert list(answers.items()) == [(5, "dog"), (7, "cat")]
    write_results(tmp_path / "again.json", answers)
    assert read_results(tmp_path / "again.json", (5, 7)) == answers


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([*RESULTS, RESULTS[0]], "question_id 7 appears more than once"),
        (RESULTS[:1], "no answer for 1 of 2 questions, the first is 5; .*subset=True"),
        ([{"question_id": "5", "answer": "x"}], "question_id '5' is not among the questions"),
        ([{"question_id": 5, "answer": 2}], "record number 0: expected 'answer' to be str, got 2"),
        ({"results": []}, "expected a list of records .* got dict"),
    ],
)
def test_answers_that_cannot_be_used_are_one_sentence(write, content, message) -> None:
    with pytest.raises(DataError, match=message):
        read_results(write("results.json", content), (5, 7))


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
        read_answers(write("a.json", content))
