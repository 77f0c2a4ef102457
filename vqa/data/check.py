"""What is wrong with questions about pictures, found before a model is trained on them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption.data.divide import FEWEST
from caption.data.pictures import look, uncaptioned
from caption.data.review import Review, by_split
from caption.errors import DataError
from caption.files.locate import name_of
from caption.files.paths import ImageFile
from caption.files.tables import Problem, refuse_fatal
from vqa.answers import spelled
from vqa.data.annotations import ImageQuestion
from vqa.data.forms import QuestionSet


@dataclass(frozen=True)
class Examination:
    """Questions and what was found in them."""

    questions: QuestionSet
    problems: tuple[Problem, ...]
    """Fatal ones first."""
    digests: Mapping[ImageFile, str]
    """Of the pixels of each picture that can be read."""

    @property
    def good(self) -> list[ImageQuestion]:
        """The questions about pictures that can be read."""
        data = self.questions.data
        return [q for q in data.questions if data.images[q.image_id] in self.digests]


def examine(questions: QuestionSet) -> Examination:
    """Return what is wrong with questions and their pictures, or only odd."""
    digests, faults = look(uncaptioned(questions.data.images, questions.splits))
    problems = sorted((*questions.problems, *faults), key=lambda problem: not problem.fatal)
    return Examination(questions, tuple(problems), digests)


def checked(questions: QuestionSet, data: Path) -> Examination:
    """Return what was found in questions that are fit to be trained on.

    Raises:
        DataError: something in them has to be mended first.
    """
    examination = examine(questions)
    refuse_fatal(examination.problems, data)
    return examination


def review(questions: QuestionSet, folder: Path) -> Review:
    """Return what is asked and answered, and what is wrong with it.

    Args:
        questions: the data set.
        folder: of the pictures.

    Raises:
        DataError: hardly a picture can be read.
    """
    examination, data = examine(questions), questions.data
    if len({question.image_id for question in examination.good}) < FEWEST:
        raise DataError(f"{folder}: questions about fewer than {FEWEST} pictures that can be read")
    answers = Counter(spelled(answer for q in data.questions for answer in q.answers))
    often = ", ".join(f"{answer} {count}" for answer, count in answers.most_common(8))
    return Review(
        lines=[
            questions.form,
            f"{'pictures':<20} {by_split(questions.splits.get(i, '') for i in data.images)}",
            f"{'questions':<20} {len(data.questions)}",
            f"{'answers':<20} {len(answers)} different: {often}",
        ],
        problems=examination.problems,
        facts={
            "asked_about": questions.form,
            "pictures_asked_about": len(data.images),
            "questions": len(data.questions),
            "answers": dict(answers.most_common()),
        },
        cleaned=_records(examination, folder),
    )


def _records(examination: Examination, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the good questions as lines of a table."""
    images, splits = examination.questions.data.images, examination.questions.splits
    for question in examination.good:
        split = splits.get(question.image_id)
        yield {
            "file_name": name_of(images[question.image_id], folder),
            "question": question.text,
            "answers": list(question.answers),
            **({"split": split} if split else {}),
        }
