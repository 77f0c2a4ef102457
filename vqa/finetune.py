"""A trained question answerer goes on to learn questions about pictures of one's own.

Of few questions none should be lost. Where all are to be learnt, a first run finds out with the
validation part for how many epochs it is worth learning, and a second one learns that part too.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch

from caption.data.divide import divided
from caption.engine.config import OptimConfig, TrainerConfig
from caption.engine.trainer import Stopped, Trainer
from caption.evaluation import page
from caption.evaluation.page import Card, Page
from caption.evaluation.tables import Row, ScoreTable
from caption.files.paths import ImageFile, ImageId
from caption.metrics.bootstrap import Difference
from caption.models.directory import install_model
from caption.vision.concepts import ConceptHead
from caption.vision.store import FeatureStore
from vqa.answers import spelled
from vqa.config import LearnFrom, VqaConfig
from vqa.data.annotations import ImageQuestion, QuestionId
from vqa.data.forms import QuestionSet
from vqa.data.reading import VqaData
from vqa.evaluate import VqaReport, evaluate_on, guess
from vqa.metrics import VqaScores, gain, type_of
from vqa.model import Sight, VqaModel
from vqa.task import VqaTask, grown

FEW = 5000
"""Questions below which those that tell when to stop are learnt as well."""


@dataclass(frozen=True)
class Parts:
    """A data set by what its images are for; no picture is in two of them."""

    train: VqaData
    validation: VqaData
    """To stop in time."""
    held_out: VqaData
    """To tell how good the outcome is: never looked at in training."""

    def learnt(self, learn_from: LearnFrom) -> VqaData:
        """Return what is learnt in the end: with or without what is to stop in time."""
        if learn_from == "train":
            return self.train
        return VqaData(
            (*self.train.questions, *self.validation.questions),
            {**self.train.images, **self.validation.images},
        )


def learnt_from(parts: Parts, wanted: LearnFrom | None) -> LearnFrom:
    """Return what the outcome learns from: what is wanted, or what suits so many questions."""
    return wanted or ("all" if len(parts.learnt("all").questions) < FEW else "train")


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


def grown_for(
    old: VqaModel, data: VqaData, store: FeatureStore, head: ConceptHead | None
) -> VqaModel:
    """Return a model with the words and answers of a data set, to read the features of a store."""
    return grown(old, data.questions, Sight.of(store.plan), head)


class Outcome(NamedTuple):
    """What came of fine-tuning."""

    model: VqaModel
    learnt: VqaData
    epochs: int
    """For how many it learnt that."""


def finetune(
    old: VqaModel,
    parts: Parts,
    store: FeatureStore,
    head: ConceptHead | None,
    run: Path,
    *,
    learn_from: LearnFrom,
    epochs: int | None = None,
    seed: int = 0,
    resume: bool = False,
) -> Outcome | None:
    """Teach a copy of a model and return what came of it, or None if a signal stopped it.

    Args:
        old: to start from.
        parts: what to learn and what to validate by.
        store: the features of the images.
        head: what recognises words in these, for a model that reads them.
        run: directory of the runs: `train` learns the training part, `all` the validation part too.
        learn_from: what the outcome is to have learnt.
        epochs: the most; by default it depends on how many questions there are.
        seed: of the chance.
        resume: continue where an earlier call was stopped.
    """

    def learn(config: VqaConfig, name: LearnFrom) -> Stopped:
        data = parts.learnt(name)
        torch.manual_seed(seed)
        task = VqaTask(
            *(config, grown_for(old, data, store, head)),
            train=(data, store),
            validation=(parts.validation, store) if name == "train" else None,
            head=head,
            select_by="expected_accuracy",
        )
        begun = (run / name / "state.pt").exists()
        return Trainer(config.trainer).fit(task, run / name, resume=resume and begun)

    config = config_for(old, len(parts.train.questions), epochs=epochs, seed=seed)
    searched = learn(config, "train")
    if not searched.finished:
        return None
    if learn_from == "train":
        best = VqaModel.from_pretrained(run / "train" / "best")
        return Outcome(best, parts.train, searched.best_epoch)
    data = parts.learnt("all")
    # Where the model can answer none of them, the validation questions tell nothing.
    found = searched.best_epoch if searched.best > 0 else config.trainer.epochs
    if not learn(_whole_course(config, len(data.questions), found), "all").finished:
        return None
    return Outcome(VqaModel.from_pretrained(run / "all" / "last"), data, found)


def _whole_course(config: VqaConfig, num_questions: int, epochs: int) -> VqaConfig:
    """Return how to learn so many questions with the whole course of the rate in some epochs."""
    updates = epochs * math.ceil(num_questions / config.batch_questions)
    optim = replace(config.trainer.optim, warmup_steps=max(1, updates // 20))
    return replace(config, trainer=replace(config.trainer, epochs=epochs, optim=optim))


class TypeScores(NamedTuple):
    """How questions with answers of one type are answered."""

    name: str
    num_questions: int
    before: float
    after: float
    guessed: float
    """What always saying the commonest answer of the type would get."""


@dataclass(frozen=True)
class Comparison:
    """How a fine-tuned model answers held-out questions, and how the one before it did."""

    data: VqaData
    after: VqaReport
    before: VqaReport
    gain: Difference
    guessed: VqaScores
    """Of always saying the commonest answer of a question's type, among those learnt."""

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
        after, before, guessed = self.after.scores, self.before.scores, self.guessed
        rows = [Row("accuracy", after.accuracy, before.accuracy, self.gain, guessed.accuracy)]
        rows += [
            Row(f"  {of.name} ({of.num_questions})", of.after, of.before, guessed=of.guessed)
            for of in self.by_type()
        ]
        return ScoreTable(rows, "before", "commonest")

    def by_type(self) -> list[TypeScores]:
        """Return the accuracies by the types of answers."""
        counts = Counter(map(type_of, self.data.questions))
        before, after, guessed = (
            scores.by_answer_type
            for scores in (self.before.scores, self.after.scores, self.guessed)
        )
        return [
            TypeScores(name, counts[name], before[name], value, guessed[name])
            for name, value in after.items()
        ]


def compare_models(
    new: VqaModel,
    old: VqaModel,
    data: VqaData,
    store: FeatureStore,
    head: ConceptHead | None = None,
    *,
    learnt: VqaData,
) -> Comparison:
    """Return how much better a model answers questions than the one that it came from.

    Args:
        new: the one.
        old: the other, on the device that is to be used.
        data: questions about images that neither has learnt from.
        store: the features of the images.
        head: what recognises words in these, for models that read them.
        learnt: what the new one has learnt, whose commonest answers are compared with too.
    """
    after, before = (
        evaluate_on(model.to(old.device).eval(), data, store, head) for model in (new, old)
    )
    image_of = {question.question_id: question.image_id for question in data.questions}
    difference = gain(after.scores, before.scores, image_of)
    guessed = guess(data.questions, learnt.questions)
    return Comparison(data, after, before, difference, guessed)


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
                "commonest": "what always saying the commonest answer of the type would get, "
                "among those that were learnt",
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
    right = " or ".join(spelled(question.answers))
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

| answers | questions | before | after | always the commonest of the type |
|---|---|---|---|---|
{by_type}
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
        by_type="\n".join(
            f"| {of.name} | {of.num_questions} | {of.before:.1%} | {of.after:.1%} "
            f"| {of.guessed:.1%} |"
            for of in comparison.by_type()
        ),
    )
    install_model(model, directory, card=card)
