"""A trained question answerer goes on to learn questions about pictures of one's own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caption.data.divide import divided
from caption.engine.config import OptimConfig, TrainerConfig
from caption.evaluation import page
from caption.evaluation.page import Card, Page
from caption.evaluation.tables import Row, ScoreTable
from caption.files.paths import ImageFile, ImageId
from caption.metrics.bootstrap import Difference
from caption.models.directory import install_model
from caption.vision.concepts import ConceptHead
from caption.vision.store import FeatureStore
from vqa.config import VqaConfig
from vqa.data.annotations import ImageQuestion, QuestionId
from vqa.data.forms import QuestionSet
from vqa.data.reading import VqaData
from vqa.evaluate import VqaReport, evaluate_on
from vqa.metrics import gain
from vqa.model import VqaModel


@dataclass(frozen=True)
class Parts:
    """A data set by what its images are for; no picture is in two of them."""

    train: VqaData
    validation: VqaData
    """To stop in time."""
    held_out: VqaData
    """To tell how good the outcome is: never looked at in training."""


def divide(
    questions: QuestionSet, digests: Mapping[ImageFile, str], *, held_out: float, seed: int
) -> Parts:
    """Divide a data set by image as it says itself, or else by chance.

    Args:
        questions: the data set.
        digests: of the pixels of its images; equal pictures stay together.
        held_out: share that is held out where the data set does not say.
        seed: of the chance.

    Raises:
        DataError: there are too few images.
    """
    images = questions.data.images
    parts = divided(
        list(images),
        [questions.splits.get(image, "") for image in images],
        [digests.get(source, str(source)) for source in images.values()],
        held_out=held_out,
        seed=seed,
    )
    return Parts(*map(questions.data.of, parts))


def config_for(model: VqaModel, num_questions: int, *, epochs: int | None, seed: int) -> VqaConfig:
    """Return how to fine-tune on so many questions: the fewer, the more often."""
    batch = 32 if num_questions < 2000 else 128
    usual = 30 if num_questions < 500 else 20 if num_questions < 5000 else 10
    updates = (epochs or usual) * math.ceil(num_questions / batch)
    return VqaConfig(
        head=model.config,
        batch_questions=batch,
        trainer=TrainerConfig(
            epochs=epochs or usual,
            patience=6,
            seed=seed,
            optim=OptimConfig(learning_rate=5e-4, warmup_steps=max(1, updates // 20)),
        ),
    )


@dataclass(frozen=True)
class Comparison:
    """How a fine-tuned model answers held-out questions, and how the one before it did."""

    data: VqaData
    after: VqaReport
    before: VqaReport
    gain: Difference

    def __str__(self) -> str:
        after, before = self.after.scores.accuracy, self.before.scores.accuracy
        low, high = self.gain.interval
        return (
            f"accuracy on {len(self.data.questions)} questions about {len(self.data.images)} "
            f"held-out images: {before:.1%} before, {after:.1%} after, "
            f"{100 * self.gain.difference:+.1f} points (95 % interval {100 * low:+.1f} "
            f"to {100 * high:+.1f})"
        )

    def table(self) -> ScoreTable:
        """Return the accuracies before and after, in all and by the types of answers."""
        after, before = self.after.scores, self.before.scores
        rows = [Row("accuracy", after.accuracy, before.accuracy, self.gain)]
        if len(after.by_answer_type) > 1:
            rows += [
                Row(f"  {name or '(none)'}", value, before.by_answer_type[name])
                for name, value in after.by_answer_type.items()
            ]
        return ScoreTable(rows, "before")


def compare_models(
    new: VqaModel,
    old: VqaModel,
    data: VqaData,
    store: FeatureStore,
    head: ConceptHead | None = None,
) -> Comparison:
    """Return how much better a model answers questions than the one that it came from.

    Args:
        new: the one.
        old: the other, on the device that is to be used.
        data: questions about images that neither has learnt from.
        store: the features of the images.
        head: what recognises words in these, for models that read them.
    """
    after, before = (
        evaluate_on(model.to(old.device).eval(), data, store, head) for model in (new, old)
    )
    image_of = {question.question_id: question.image_id for question in data.questions}
    return Comparison(data, after, before, gain(after.scores, before.scores, image_of))


def write_page(path: Path, comparison: Comparison, *, count: int = 12) -> None:
    """Write a page that needs no other file: questions with their answers before and after."""
    after, before = (r.scores.per_question for r in (comparison.after, comparison.before))
    ranked = sorted(after, key=lambda question: before[question] - after[question])
    better = [question for question in ranked if after[question] > before[question]]
    worse = [question for question in ranked[::-1] if after[question] < before[question]]
    wrong = [q for q in ranked if after[q] == before[q] == 0]
    groups = {
        "Better": _spread(better, comparison.data, count),
        "Worse": _spread(worse, comparison.data, count),
        "Wrong before and after": _spread(wrong, comparison.data, count),
    }
    page.write_page(
        path,
        Page(
            title="Answers before and after",
            protocol={
                "questions": f"{len(comparison.data.questions)} about "
                f"{len(comparison.data.images)} held-out images",
                "right": "one of the given answers, after the official normalisation",
            },
            scores=comparison.table(),
            groups={
                title: [_card(comparison, question) for question in questions]
                for title, questions in groups.items()
            },
        ),
    )


def _card(comparison: Comparison, question: ImageQuestion) -> Card:
    after, before = (
        report.answers[question.question_id] for report in (comparison.after, comparison.before)
    )
    right = " or ".join(dict.fromkeys(question.answers))
    return Card(
        comparison.data.images[question.image_id],
        question.text,
        (f"after: {after}", f"before: {before}", f"right: {right}"),
    )


def _spread(chosen: Sequence[QuestionId], data: VqaData, count: int) -> list[ImageQuestion]:
    """Return some of the chosen questions, no two about one image."""
    by_id = {question.question_id: question for question in data.questions}
    seen: dict[ImageId, ImageQuestion] = {}
    for question_id in chosen:
        question = by_id[question_id]
        seen.setdefault(question.image_id, question)
    return list(seen.values())[:count]


CARD = """\
---
library_name: glimpse
pipeline_tag: visual-question-answering
---
# A question answerer, fine-tuned

Written by Glimpse's `glimpse finetune answers` from {source}, on {data}: {num_train} questions to
learn. It reads the features of encoder {encoder_id}. {comparison}.
"""


def install(
    model: VqaModel,
    directory: Path,
    comparison: Comparison,
    *,
    source: str,
    data: str,
    num_train: int,
) -> None:
    """Write a model directory with its report, beside what is in the directory already.

    Args:
        model: to write.
        directory: where to; its `training` stays.
        comparison: of `compare_models`.
        source: the model that it came from, for the card.
        data: what it learnt, for the card.
        num_train: questions that it learnt from.
    """
    card = CARD.format(
        source=source,
        data=data,
        num_train=num_train,
        encoder_id=model.sight.encoder_id,
        comparison=comparison,
    )
    install_model(model, directory, card=card)
