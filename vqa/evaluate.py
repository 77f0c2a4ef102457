"""How well a question answerer answers the questions of a data set."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import torch

from caption.vision.concepts import ConceptHead
from caption.vision.store import FeatureStore
from vqa.answers import commonest
from vqa.concepts import needed
from vqa.config import TextConfig
from vqa.data.annotations import AnsweredQuestion, ImageQuestion, QuestionId
from vqa.data.batches import QuestionCollate, load_questions
from vqa.data.reading import VqaData
from vqa.data.recognised import Recognised
from vqa.metrics import VqaScores, score, type_of
from vqa.model import VqaModel, pooled


@dataclass(frozen=True)
class VqaReport:
    """What a model answered and how right that is."""

    answers: dict[QuestionId, str]
    scores: VqaScores
    expected_accuracy: float
    """What would be right if answers were drawn by their probability: of few questions a steadier
    measure than what is right, as each says more than yes or no."""

    @property
    def num_distinct(self) -> int:
        """How many different answers were given; few mean that the model listens to nothing."""
        return len(set(self.answers.values()))

    def metrics(self) -> dict[str, float]:
        """Return the figures that a training log shows."""
        return {
            "accuracy": self.scores.accuracy,
            "expected_accuracy": self.expected_accuracy,
            "distinct": self.num_distinct,
        }


@torch.inference_mode()
def evaluate_answers(
    model: VqaModel,
    questions: Sequence[ImageQuestion],
    collate: QuestionCollate,
    *,
    batch_questions: int = 256,
) -> VqaReport:
    """Answer every question and score the answers; the model is in eval mode."""
    given: list[str] = []
    expected = 0.0
    for batch in load_questions(questions, collate, batch_questions=batch_questions):
        asked = (
            batch.images.to(model.device),
            batch.words.to(model.device),
            batch.lengths,
            model.kept(batch.probabilities.to(model.device)),
        )
        scores, _ = model(batch.grid.to(model.device), *asked)
        if batch.beside is not None and model.companion is not None:
            scores = pooled(model.companion, scores, batch.beside.to(model.device), *asked)
        given += [model.answers.answers[i] for i in scores.argmax(dim=-1).tolist()]
        shares = scores.float().softmax(dim=-1)
        expected += (shares * batch.targets.to(scores.device)).sum().item()
    return VqaReport(*_scored(questions, given), expected / len(questions))


def guess(questions: Sequence[ImageQuestion], learnt: Sequence[ImageQuestion]) -> VqaScores:
    """Score always giving the commonest answer of a question's type, or of all if it has none.

    Args:
        questions: to answer.
        learnt: those whose answers are known, and counted.
    """
    answers: defaultdict[str, list[str]] = defaultdict(list)
    for question in learnt:
        answers[type_of(question)] += question.answers
    overall = commonest(chain.from_iterable(answers.values()))
    usual = {name: commonest(some) for name, some in answers.items()}
    _, scores = _scored(questions, [usual.get(type_of(q), overall) for q in questions])
    return scores


def _scored(
    questions: Sequence[ImageQuestion], given: Sequence[str]
) -> tuple[dict[QuestionId, str], VqaScores]:
    """Return what is answered to each question, and how right that is."""
    answers = dict(zip((q.question_id for q in questions), given, strict=True))
    truths = {
        q.question_id: AnsweredQuestion(q.answers, q.answer_type, q.question_type)
        for q in questions
    }
    return answers, score(answers, truths)


def recognised_by(
    model: VqaModel, store: FeatureStore, head: ConceptHead | None
) -> Recognised | None:
    """Return what a model reads of the images of a store beside their grids, if it reads anything.

    Raises:
        ModelError: it does, and nothing recognises words.
    """
    if not model.config.reads_concepts:
        return None
    return Recognised(store, needed(head), model.concept_words)


def evaluate_on(
    model: VqaModel,
    data: VqaData,
    store: FeatureStore,
    head: ConceptHead | None = None,
    *,
    beside: FeatureStore | None = None,
) -> VqaReport:
    """Answer the questions of a data set from stored features, and score the answers.

    Args:
        model: which answers.
        data: the questions.
        store: the features of their images.
        head: what recognises words in these, for a model that reads them.
        beside: the features that the companion reads, if it is to answer too.

    Raises:
        ModelError: it does, and nothing recognises words.
    """
    collate = QuestionCollate(
        store,
        model.vocabulary,
        model.answers,
        max_length=TextConfig().max_length,
        history_turns=model.config.history_turns,
        recognised=recognised_by(model, store, head),
        beside=beside,
    )
    return evaluate_answers(model, data.questions, collate)
