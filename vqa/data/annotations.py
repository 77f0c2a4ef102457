"""Questions, answers and results in the JSON formats of the VQA data sets and their server."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption.errors import DataError
from caption.files.paths import ImageId
from caption.files.records import check_fields, read_json, refuse_duplicates, results_of
from caption.files.writing import write_json
from vqa.question import Turn

QuestionId = int | str


@dataclass(frozen=True)
class ImageQuestion:
    """A question about an image and what people answered."""

    question_id: QuestionId
    image_id: ImageId
    text: str
    answers: tuple[str, ...]
    question_type: str = ""
    answer_type: str = ""
    history: tuple[Turn, ...] = ()
    """The dialog before it, oldest first, if it is part of one."""


@dataclass(frozen=True)
class AnsweredQuestion:
    """What people answered to a question, with the kinds that data sets sort it into."""

    answers: tuple[str, ...]
    answer_type: str
    """In VQA "yes/no", "number" or "other"; empty where the set does not say."""
    question_type: str
    """In VQA the first words, such as "how many"; empty where the set does not say."""


def read_questions(path: Path) -> dict[QuestionId, str]:
    """Return the questions of a VQA questions file.

    Raises:
        DataError: names the first record that is not as expected.
    """
    records = _records(path, "questions", {"question": (str,)})
    return {record["question_id"]: record["question"] for record in records}


def read_answers(path: Path) -> dict[QuestionId, AnsweredQuestion]:
    """Return what a VQA annotations file has for each question.

    Raises:
        DataError: names the first record that is not as expected.
    """
    records = _records(path, "annotations", {"answers": (list,)})
    questions = {}
    for number, record in enumerate(records):
        kind = f"annotation number {number}, answer"
        check_fields(record["answers"], kind, {"answer": (str,)}, path)
        if not record["answers"]:
            raise DataError(
                f"{path}: question {record['question_id']!r} has an empty list of answers; "
                "add one or remove the record"
            )
        kinds = {name: record.get(name, "") for name in ("answer_type", "question_type")}
        check_fields(
            [kinds], f"annotation number {number}, kind", dict.fromkeys(kinds, (str,)), path
        )
        answers = tuple(answer["answer"] for answer in record["answers"])
        questions[record["question_id"]] = AnsweredQuestion(
            answers, str(record.get("answer_type") or ""), str(record.get("question_type") or "")
        )
    return questions


def question_records(
    content: Any, key: str, source: Path, fields: Mapping[str, tuple[type, ...]]
) -> list[dict[str, Any]]:
    """Return the checked records of a VQA file, each with an id of its own.

    Args:
        content: what the file holds.
        key: "questions" or "annotations".
        source: the file, for the message.
        fields: what each record must have besides its `question_id`.

    Raises:
        DataError: names the first record that is not as expected.
    """
    records = content.get(key) if isinstance(content, dict) else None
    if not isinstance(records, list) or not records:
        raise DataError(
            f"{source}: has no list {key!r} with records in it; expected a VQA {key} JSON file"
        )
    check_fields(records, key[:-1], {"question_id": (int, str), **fields}, source)
    refuse_duplicates((record["question_id"] for record in records), "question_id", source)
    return records


def _records(path: Path, key: str, fields: Mapping[str, tuple[type, ...]]) -> list[dict[str, Any]]:
    content = read_json(path, expected=f"a VQA {key} JSON file")
    return question_records(content, key, path, fields)


def read_results(
    path: Path, questions: Collection[QuestionId], *, subset: bool = False
) -> dict[QuestionId, str]:
    """Return the answers of a results file, in the order of the questions.

    Args:
        path: a list of `question_id` and `answer`, as the VQA server (EvalAI) wants it.
        questions: those that are to be answered.
        subset: whether questions may be missing.

    Raises:
        DataError: a question is unknown, missing or answered twice, or a record is not as expected.
    """
    example = '{"question_id": 1, "answer": "yes"}'
    return results_of(
        path, questions, about="question", said="answer", example=example, subset=subset
    )


def write_results(path: Path, answers: Mapping[QuestionId, str]) -> None:
    """Write answers as the VQA server wants them."""
    write_json(path, [{"question_id": i, "answer": answer} for i, answer in answers.items()])


def read_history(record: Mapping[str, Any], source: Path) -> tuple[Turn, ...]:
    """Return the turns before a question: the list `history` of its record, if it has one.

    Raises:
        DataError: the history is not a list of questions with their answers.
    """
    turns = record.get("history", [])
    kind = f"question {record['question_id']!r}, history"
    if not isinstance(turns, list):
        raise DataError(f"{source}: {kind}: expected a list of turns, got {type(turns).__name__}")
    check_fields(turns, kind, {"question": (str,), "answer": (str,)}, source)
    return tuple(Turn(turn["question"], turn["answer"]) for turn in turns)


def write_questions(
    directory: Path, questions: Sequence[ImageQuestion], files: Mapping[ImageId, str]
) -> None:
    """Write questions and answers in the VQA format, as questions.json and annotations.json.

    Args:
        directory: receives both files.
        questions: with what is right.
        files: the file names of the images, written into the questions file.
    """
    directory.mkdir(parents=True, exist_ok=True)
    asked = list(dict.fromkeys(question.image_id for question in questions))
    write_json(
        directory / "annotations.json",
        {"annotations": [_annotation(question) for question in questions]},
    )
    write_json(
        directory / "questions.json",
        {
            "images": [{"id": image_id, "file_name": files[image_id]} for image_id in asked],
            "questions": [_record(question) for question in questions],
        },
    )


def _record(question: ImageQuestion) -> dict[str, Any]:
    record: dict[str, Any] = {
        "question_id": question.question_id,
        "image_id": question.image_id,
        "question": question.text,
    }
    if question.history:
        record["history"] = [turn._asdict() for turn in question.history]
    return record


def _annotation(question: ImageQuestion) -> dict[str, Any]:
    return {
        "question_id": question.question_id,
        "image_id": question.image_id,
        "question_type": question.question_type,
        "answer_type": question.answer_type,
        "multiple_choice_answer": question.answers[0],
        "answers": [
            {"answer": answer, "answer_confidence": "yes", "answer_id": number}
            for number, answer in enumerate(question.answers, start=1)
        ],
    }
