"""Questions about images: read from VQA-format files, served in batches with stored features."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader

from caption.errors import DataError
from caption.files import check_fields, read_json, refuse_duplicates
from caption.text.vocabulary import Vocabulary
from caption.vision.features import FeatureStore, ImageId
from caption.vision.image import resolve_inside
from vqa.annotations import QuestionId, question_records, read_answers
from vqa.answers import AnswerVocabulary


@dataclass(frozen=True)
class ImageQuestion:
    """A question about an image and what people answered."""

    question_id: QuestionId
    image_id: ImageId
    text: str
    answers: tuple[str, ...]
    question_type: str = ""
    answer_type: str = ""


@dataclass(frozen=True)
class VqaData:
    """Questions and the files of their images."""

    questions: tuple[ImageQuestion, ...]
    images: Mapping[ImageId, Path]

    def of(self, image_ids: Sequence[ImageId]) -> "VqaData":
        """Return the questions about these images."""
        chosen = set(image_ids)
        return VqaData(
            tuple(q for q in self.questions if q.image_id in chosen),
            {image: path for image, path in self.images.items() if image in chosen},
        )


def read_vqa(questions: Path, annotations: Path, images: Path) -> VqaData:
    """Read a data set in the format of VQA v1 and v2.

    Args:
        questions: JSON file with `questions`, and with `images` (id, file_name) unless the files
            are named as COCO's are.
        annotations: JSON file with what people answered.
        images: directory of the images.

    Raises:
        DataError: names the first record that is not as expected.
    """
    content = read_json(questions, expected="a VQA questions JSON file")
    fields = {"question": (str,), "image_id": (int, str)}
    records = question_records(content, "questions", questions, fields)
    truths = read_answers(annotations)
    without = [r["question_id"] for r in records if r["question_id"] not in truths]
    if without:
        raise DataError(
            f"{annotations}: no answers to question {without[0]!r} ({len(without)} such); "
            f"give the annotations that belong to {questions}"
        )
    empty = [r["question_id"] for r in records if not r["question"].strip()]
    if empty:
        raise DataError(f"{questions}: question {empty[0]!r} is empty; write it or remove it")
    name_of = _file_names(content, questions)
    paths: dict[ImageId, Path] = {}
    for record in records:
        image = record["image_id"]
        if image not in paths:
            paths[image] = resolve_inside(images, name_of(image))
            if not paths[image].is_file():
                raise DataError(
                    f"{questions}: question {record['question_id']!r}: no file "
                    f"{paths[image].name!r} of image {image!r} in {images}; check the directory"
                )
    return VqaData(
        tuple(
            ImageQuestion(
                r["question_id"], r["image_id"], r["question"], *_kinds(truths[r["question_id"]])
            )
            for r in records
        ),
        paths,
    )


def _kinds(truth: Any) -> tuple[tuple[str, ...], str, str]:
    return truth.answers, truth.question_type, truth.answer_type


def _file_names(content: Mapping[str, Any], source: Path) -> Callable[[ImageId], str]:
    """Return what names the file of an image."""
    images = content.get("images")
    if images is None:
        part = content.get("data_subtype")
        if not isinstance(part, str):
            raise DataError(
                f"{source}: names no image files; add a list 'images' with id and file_name, or a "
                "'data_subtype' such as 'train2014' where they are named as COCO's are"
            )
        return lambda image: f"COCO_{part}_{image:012}.jpg" if isinstance(image, int) else image
    if not isinstance(images, list):
        raise DataError(f"{source}: expected 'images' to be a list")
    check_fields(images, "image", {"id": (int, str), "file_name": (str,)}, source)
    refuse_duplicates((image["id"] for image in images), "image id", source)
    names = {image["id"]: image["file_name"] for image in images}

    def name_of(image: ImageId) -> str:
        if image not in names:
            raise DataError(f"{source}: image {image!r} of a question is not among the images")
        return names[image]

    return name_of


def split_by_image(data: VqaData, *, share: float, seed: int) -> tuple[VqaData, VqaData]:
    """Hold out the questions of a share of the images, which no other question is about.

    Raises:
        DataError: there are too few images.
    """
    image_ids = sorted(data.images, key=str)
    random.Random(seed).shuffle(image_ids)  # noqa: S311  (no secret depends on it)
    held_out = round(share * len(image_ids))
    if not 0 < held_out < len(image_ids):
        raise DataError(
            f"{share:.0%} of {len(image_ids)} images leave nothing to learn or to validate; "
            "give more images or a validation set"
        )
    return data.of(image_ids[held_out:]), data.of(image_ids[:held_out])


class QuestionBatch(NamedTuple):
    """Questions, and the images that they are about, each image once."""

    grid: Float[Tensor, "image position feature"]
    images: Int[Tensor, " question"]
    """Which of them each question is about."""
    words: Int[Tensor, "question length"]
    lengths: Int[Tensor, " question"]
    targets: Float[Tensor, "question answer"]
    """How right each answer would be, from 0 to 1."""


def encode_questions(
    questions: Sequence[str], vocabulary: Vocabulary, *, max_length: int
) -> tuple[Int[Tensor, "question length"], Int[Tensor, " question"]]:
    """Return the padded ids and the lengths; a question without words is one unknown word."""
    ids = [vocabulary.encode(text)[:-1][:max_length] for text in questions]
    ids = [row or [vocabulary.unknown_id] for row in ids]
    words = torch.full((len(ids), max(map(len, ids))), vocabulary.pad_id)
    for row, values in enumerate(ids):
        words[row, : len(values)] = torch.tensor(values)
    return words, torch.tensor([len(row) for row in ids])


class QuestionCollate:
    """Joins questions to a batch, reading the features of their images."""

    def __init__(
        self,
        store: FeatureStore,
        vocabulary: Vocabulary,
        answers: AnswerVocabulary,
        *,
        max_length: int,
    ) -> None:
        self.store, self.vocabulary, self.answers = store, vocabulary, answers
        self.max_length = max_length

    def __call__(self, questions: Sequence[ImageQuestion]) -> QuestionBatch:
        """Return the questions as one batch."""
        places = {image: n for n, image in enumerate(dict.fromkeys(q.image_id for q in questions))}
        words, lengths = encode_questions(
            [q.text for q in questions], self.vocabulary, max_length=self.max_length
        )
        targets = torch.zeros(len(questions), len(self.answers))
        for row, question in enumerate(questions):
            for answer, value in self.answers.targets(question.answers).items():
                targets[row, answer] = value
        return QuestionBatch(
            self.store.features(list(places)).grid,
            torch.tensor([places[q.image_id] for q in questions]),
            words,
            lengths,
            targets,
        )


def load_questions(
    questions: Sequence[ImageQuestion],
    collate: QuestionCollate,
    *,
    batch_questions: int,
    order: Sequence[int] | None = None,
) -> "DataLoader[Any]":
    """Return the questions in batches, in the given order."""
    return DataLoader(
        questions,  # type: ignore[arg-type]  # a tuple is indexed and counted as a Dataset is
        batch_size=batch_questions,
        sampler=order,
        collate_fn=collate,
        generator=torch.Generator(),  # of its own: dropout draws from the global one
    )
