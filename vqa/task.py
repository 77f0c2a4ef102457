"""Learning to answer: the problem that the trainer is given."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from caption.engine.task import LossTerms
from caption.errors import Command, FeatureStoreError
from caption.text.tokenize import tokenize
from caption.text.vocabulary import Vocabulary
from caption.vision.store import FeatureStore
from vqa.answers import AnswerVocabulary
from vqa.config import VqaConfig
from vqa.data.annotations import ImageQuestion
from vqa.data.batches import QuestionBatch, QuestionCollate, load_questions, shuffled
from vqa.data.reading import VqaData
from vqa.evaluate import VqaReport, evaluate_answers
from vqa.model import Sight, VqaModel, opening

CARD = """\
---
library_name: glimpse
pipeline_tag: visual-question-answering
---
# A question answerer

Written by Glimpse's `glimpse train answers`. It reads the features of encoder {encoder_id}.
Validation: {scores}.
"""


class VqaTask:
    """Soft answers of the training questions, official accuracy on the others."""

    select_by = "accuracy"

    def __init__(
        self,
        config: VqaConfig,
        model: VqaModel,
        *,
        train: tuple[VqaData, FeatureStore],
        validation: tuple[VqaData, FeatureStore],
    ) -> None:
        for _, store in (train, validation):
            if store.plan.encoder_id != model.sight.encoder_id:
                raise FeatureStoreError(
                    f"the features are of encoder {store.plan.encoder_id}, the model reads those "
                    f"of {model.sight.encoder_id}",
                    Command("prepare features", "to extract them again with its encoder"),
                )
        self.config, self.model = config, model
        self.train, self.validation = train, validation

    def loader(self, epoch: int) -> "DataLoader[Any]":
        """Return the training questions of an epoch in batches."""
        data, store = self.train
        seed = hash((self.config.trainer.seed, epoch)) % 2**63
        return load_questions(
            data.questions,
            self._collate(store),
            batch_questions=self.config.batch_questions,
            order=shuffled(data.questions, together=self.config.asked_together, seed=seed),
        )

    @property
    def settings(self) -> Mapping[str, Any]:
        """The config, its parts by name, with what the model itself reads, knows and answers."""
        settings = asdict(self.config)
        del settings["trainer"]
        model = self.model
        return settings | {
            "vocabulary": model.vocabulary.tokens,
            "answers": model.answers.answers,
            "encoder": model.sight.encoder_id,
            "head": asdict(model.config),
        }

    @property
    def stages_from_last(self) -> Mapping[str, int]:
        """Nothing: the model reads stored features, and has no encoder of its own."""
        return {}

    def loss(self, batch: QuestionBatch, done: float) -> LossTerms:
        """Return the loss of a batch, summed over its questions."""
        scores, _ = self.model(batch.grid, batch.images, batch.words, batch.lengths)
        scores = scores.float()
        if self.model.config.outputs == "sigmoid":
            total = F.binary_cross_entropy_with_logits(scores, batch.targets, reduction="sum")
        else:
            shares = batch.targets / batch.targets.sum(dim=-1, keepdim=True).clamp(min=1e-9)
            total = -(shares * scores.log_softmax(dim=-1)).sum()
        count = torch.tensor(len(scores), device=scores.device)
        return LossTerms(total, total.detach(), count)

    def validate(self) -> Mapping[str, float]:
        """Answer the validation questions and score the answers."""
        return self.evaluate().metrics()

    def evaluate(self) -> VqaReport:
        """Return the answers to the validation questions too."""
        data, store = self.validation
        return evaluate_answers(self.model, data.questions, self._collate(store))

    def save(self, directory: Path, metrics: Mapping[str, float]) -> None:
        """Write the model directory."""
        scores = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        card = CARD.format(
            encoder_id=self.model.sight.encoder_id, scores=scores or "not yet scored"
        )
        self.model.save_pretrained(directory, card=card)

    def _collate(self, store: FeatureStore) -> QuestionCollate:
        return QuestionCollate(
            store,
            self.model.vocabulary,
            self.model.answers,
            max_length=self.config.text.max_length,
            history_turns=self.model.config.history_turns,
        )


def build_task(
    config: VqaConfig,
    *,
    train: tuple[VqaData, FeatureStore],
    validation: tuple[VqaData, FeatureStore],
) -> VqaTask:
    """Build the model for the words and answers of the training questions."""
    data, store = train
    torch.manual_seed(config.trainer.seed)
    model = VqaModel(
        config.head,
        Vocabulary.build(texts_of(data.questions), minimum_count=config.text.minimum_count),
        AnswerVocabulary.build(
            (answer for question in data.questions for answer in question.answers),
            max_answers=config.text.max_answers,
        ),
        Sight.of(store.plan),
        openings_of(data.questions),
    )
    return VqaTask(config, model, train=train, validation=validation)


def summary(task: VqaTask) -> str:
    """Return what there is to learn, and for how much of the rest the model has no answer."""
    (train, _), (validation, _) = task.train, task.validation
    answers = task.model.answers
    lost = sum(not answers.targets(question.answers) for question in validation.questions)
    return (
        f"{len(train.questions)} questions about {len(train.images)} images to learn, "
        f"{len(task.model.vocabulary)} words, {len(answers)} answers\n"
        f"{len(validation.questions)} questions about {len(validation.images)} images to validate; "
        f"{lost} have only answers that the model cannot give"
    )


def texts_of(questions: Sequence[ImageQuestion]) -> Iterator[str]:
    """Yield what the model reads: questions, and in a dialog the answers before them."""
    for question in questions:
        yield question.text
        yield from (turn.answer for turn in question.history)


def openings_of(questions: Sequence[ImageQuestion], *, minimum_count: int = 3) -> list[str]:
    """Return how questions begin that are not asked just once or twice."""
    counts = Counter(opening(tokenize(question.text)) for question in questions)
    return [begins for begins, count in counts.items() if count >= minimum_count]
