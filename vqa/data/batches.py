"""Questions served in batches, with the stored features of their images."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader

from caption.files.paths import ImageId
from caption.text.vocabulary import Vocabulary
from caption.vision.store import FeatureStore
from vqa.answers import AnswerVocabulary
from vqa.data.annotations import ImageQuestion
from vqa.data.recognised import Recognised
from vqa.question import encode_question, last_turns, pad


class QuestionBatch(NamedTuple):
    """Questions, and the images that they are about, each image once."""

    grid: Float[Tensor, "image position feature"]
    images: Int[Tensor, " question"]
    """Which of them each question is about."""
    words: Int[Tensor, "question length"]
    lengths: Int[Tensor, " question"]
    targets: Float[Tensor, "question answer"]
    """How right each answer would be, from 0 to 1."""
    probabilities: Float[Tensor, "image word"]
    """Of the words that may be recognised; none for a model that reads none."""
    beside: Float[Tensor, "image place seen"] | None = None
    """What a companion sees of the images, if one is to answer too."""


class QuestionCollate:
    """Joins questions to a batch, reading the features of their images."""

    def __init__(
        self,
        store: FeatureStore,
        vocabulary: Vocabulary,
        answers: AnswerVocabulary,
        *,
        max_length: int,
        history_turns: int,
        recognised: Recognised | None = None,
        beside: FeatureStore | None = None,
    ) -> None:
        self.store, self.vocabulary, self.answers = store, vocabulary, answers
        self.max_length, self.history_turns = max_length, history_turns
        self.recognised, self.beside = recognised, beside

    def __call__(self, questions: Sequence[ImageQuestion]) -> QuestionBatch:
        """Return the questions as one batch."""
        places = {image: n for n, image in enumerate(dict.fromkeys(q.image_id for q in questions))}
        words, lengths = pad([self._words(q) for q in questions], self.vocabulary.pad_id)
        targets = torch.zeros(len(questions), len(self.answers))
        for row, question in enumerate(questions):
            for answer, value in self.answers.targets(question.answers).items():
                targets[row, answer] = value
        grid = self.store.features(list(places)).grid
        return QuestionBatch(
            grid,
            torch.tensor([places[q.image_id] for q in questions]),
            words,
            lengths,
            targets,
            self.recognised.of(list(places)) if self.recognised else grid.new_zeros(len(grid), 0),
            self.beside.features(list(places)).grid if self.beside else None,
        )

    def _words(self, question: ImageQuestion) -> list[int]:
        return encode_question(
            question.text,
            self.vocabulary,
            max_length=self.max_length,
            history=last_turns(question.history, self.history_turns),
        )


def shuffled(questions: Sequence[ImageQuestion], *, together: int, seed: int) -> list[int]:
    """Return a random order in which up to `together` questions about an image stay together."""
    rng = random.Random(seed)
    by_image: defaultdict[ImageId, list[int]] = defaultdict(list)
    for place in rng.sample(range(len(questions)), len(questions)):
        by_image[questions[place].image_id].append(place)
    groups = [
        places[first : first + together]
        for places in by_image.values()
        for first in range(0, len(places), together)
    ]
    rng.shuffle(groups)
    return [place for group in groups for place in group]


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
