"""Learning to answer: the problem that the trainer is given."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from caption.engine.asked import asked, contradiction, with_asked
from caption.engine.task import LossTerms
from caption.errors import Command, FeatureStoreError, ModelError
from caption.text.nouns import objects
from caption.text.tokenize import tokenize
from caption.text.vocabulary import Vocabulary
from caption.vision.concepts import ConceptHead
from caption.vision.store import FeatureStore
from vqa.answers import AnswerVocabulary
from vqa.concepts import needed
from vqa.config import HeadConfig, TextConfig, VqaConfig
from vqa.data.annotations import ImageQuestion
from vqa.data.batches import QuestionBatch, QuestionCollate, load_questions, shuffled
from vqa.data.reading import VqaData
from vqa.data.recognised import Recognised
from vqa.evaluate import VqaReport, evaluate_answers, recognised_by
from vqa.model import Sight, VqaModel, opening

SelectBy = Literal["accuracy", "expected_accuracy"]
"""What tells which model is the best: how often it is right, or how probable it holds what is."""
NEW_TEXT = TextConfig(minimum_count=2)
"""Which new words and answers a trained model learns: no word that it sees only once."""
FREE = ("head.concepts", "head.dropout")
"""Settings with which training may go on from a model that has others."""

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

    def __init__(
        self,
        config: VqaConfig,
        model: VqaModel,
        *,
        train: tuple[VqaData, FeatureStore],
        validation: tuple[VqaData, FeatureStore] | None,
        head: ConceptHead | None = None,
        select_by: SelectBy = "accuracy",
    ) -> None:
        """Prepare to learn.

        Args:
            config: how to train.
            model: what learns.
            train: questions to learn, and the features of their images.
            validation: others, to select the best model by; none where all are learnt.
            head: what recognises words in the features, for a model that reads them.
            select_by: what of these makes a model the best.

        Raises:
            FeatureStoreError: the features are another encoder's.
            ModelError: the model reads recognised words, and nothing recognises any.
        """
        for _, store in filter(None, (train, validation)):
            if store.plan.encoder_id != model.sight.encoder_id:
                raise FeatureStoreError(
                    f"the features are of encoder {store.plan.encoder_id}, the model reads those "
                    f"of {model.sight.encoder_id}",
                    Command("prepare features", "to extract them again with its encoder"),
                )
        self.config, self.model = config, model
        model.confidence = model.companion = None  # those to come are other answers
        self.train, self.validation = train, validation
        self.select_by: str = select_by
        self._in_train = self._in_validation = recognised_by(model, train[1], head)
        if validation is not None and validation[1] is not train[1]:
            self._in_validation = recognised_by(model, validation[1], head)

    def loader(self, epoch: int) -> "DataLoader[Any]":
        """Return the training questions of an epoch in batches."""
        data, store = self.train
        seed = hash((self.config.trainer.seed, epoch)) % 2**63
        return load_questions(
            data.questions,
            self._collate(store, self._in_train),
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
            "concepts": model.concept_words,
        }

    @property
    def stages_from_last(self) -> Mapping[str, int]:
        """Nothing: the model reads stored features, and has no encoder of its own."""
        return {}

    def loss(self, batch: QuestionBatch, done: float) -> LossTerms:
        """Return the loss of a batch, summed over its questions."""
        concepts = self.model.kept(batch.probabilities)
        scores, _ = self.model(batch.grid, batch.images, batch.words, batch.lengths, concepts)
        scores = scores.float()
        if self.model.config.outputs == "sigmoid":
            total = F.binary_cross_entropy_with_logits(scores, batch.targets, reduction="sum")
        else:
            shares = batch.targets / batch.targets.sum(dim=-1, keepdim=True).clamp(min=1e-9)
            total = -(shares * scores.log_softmax(dim=-1)).sum()
        count = torch.tensor(len(scores), device=scores.device)
        return LossTerms(total, total.detach(), count)

    def validate(self) -> Mapping[str, float]:
        """Answer the validation questions, if there are some, and score the answers."""
        return {} if self.validation is None else self.evaluate().metrics()

    def evaluate(self) -> VqaReport:
        """Return the answers to the validation questions too; there must be some."""
        if self.validation is None:
            raise ValueError("there are no questions to validate by")
        data, store = self.validation
        return evaluate_answers(
            self.model, data.questions, self._collate(store, self._in_validation)
        )

    def save(self, directory: Path, metrics: Mapping[str, float]) -> None:
        """Write the model directory."""
        scores = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        card = CARD.format(
            encoder_id=self.model.sight.encoder_id, scores=scores or "not yet scored"
        )
        self.model.save_pretrained(directory, card=card)

    def _collate(self, store: FeatureStore, recognised: Recognised | None) -> QuestionCollate:
        return QuestionCollate(
            store,
            self.model.vocabulary,
            self.model.answers,
            max_length=self.config.text.max_length,
            history_turns=self.model.config.history_turns,
            recognised=recognised,
        )


def build_task(
    config: VqaConfig,
    *,
    train: tuple[VqaData, FeatureStore],
    validation: tuple[VqaData, FeatureStore],
    head: ConceptHead | None = None,
    trained: VqaModel | None = None,
) -> VqaTask:
    """Build the model for the words and answers of the training questions.

    Args:
        config: of the model and its training.
        train: questions to learn, and the features of their images.
        validation: others, to select the best model by.
        head: what recognises words in the features. A model that reads them knows all of them, and
            can give each as an answer.
        trained: a model to go on from, with the sizes of the config's head; by default a new one.

    Raises:
        ModelError: the config reads recognised words, and nothing recognises any; or the features
            are of another size than the trained model reads.
    """
    data, store = train
    torch.manual_seed(config.trainer.seed)
    if trained is not None:
        sight = Sight.of(store.plan)
        model = grown(trained, data.questions, sight, head, config=config.head, text=config.text)
        return VqaTask(config, model, train=train, validation=validation, head=head)
    vocabulary = Vocabulary.build(texts_of(data.questions), minimum_count=config.text.minimum_count)
    answers = AnswerVocabulary.build(
        answers_of(data.questions), max_answers=config.text.max_answers
    )
    concept_words: Sequence[str] = ()
    if config.head.reads_concepts:
        vocabulary, concept_words = with_words(vocabulary, needed(head).words)
        answers = with_things(answers, concept_words)
    model = VqaModel(
        config.head,
        vocabulary,
        answers,
        Sight.of(store.plan),
        openings_of(data.questions),
        concept_words=concept_words,
        only_copied=set(answers.answers) - learnt_of(answers, data.questions),
    )
    return VqaTask(config, model, train=train, validation=validation, head=head)


def head_to_go_on(trained: VqaModel, wanted: HeadConfig) -> HeadConfig:
    """Return the config of a head to go on from, with what may be changed as it is asked for.

    Raises:
        ModelError: something is asked for that only a new model can have.
    """
    wrong = [each for each in asked("head", wanted, trained.config) if each.name not in FREE]
    if wrong:
        raise ModelError(contradiction(wrong))
    return with_asked(trained.config, wanted, "head", free=FREE)


def grown(
    model: VqaModel,
    questions: Sequence[ImageQuestion],
    sight: Sight,
    head: ConceptHead | None = None,
    *,
    config: HeadConfig | None = None,
    text: TextConfig = NEW_TEXT,
) -> VqaModel:
    """Return the model with the words and answers of new questions.

    Args:
        model: to start from.
        questions: to learn.
        sight: the encoder whose features it is to read from now on.
        head: what recognises words in these; a model that reads them gets to know all of them.
        config: of the outcome, of the same sizes; by default the model's own.
        text: which words and answers are learnt; what the model has it keeps.

    Raises:
        ModelError: the encoder's features are of another size, or the model reads recognised words
            and nothing recognises any.
    """
    if sight[1:] != model.sight[1:]:
        raise ModelError(
            f"the question answerer reads grids of {model.sight[1:]} positions and features, the "
            f"captioner's encoder gives {sight[1:]}",
            Command("train answers", "to train a new one"),
        )
    vocabulary = model.vocabulary.grown(texts_of(questions), minimum_count=text.minimum_count)
    # What is only copied takes no answer's room.
    most = text.max_answers + len(model.only_copied)
    answers = model.answers.grown(answers_of(questions), max_answers=most)
    words: Sequence[str] = ()
    only_copied: Collection[str] = ()
    config = config or model.config
    if config.reads_concepts:
        words = tuple(dict.fromkeys((*model.concept_words, *needed(head).words)))
        vocabulary, words = with_words(vocabulary, words)
        with_copied = with_things(answers, words)
        new = set(with_copied.answers) - set(answers.answers)
        only_copied = (model.only_copied | new) - learnt_of(with_copied, questions)
        answers = with_copied
    return model.grown(
        vocabulary,
        answers,
        (*model.openings, *openings_of(questions)),
        sight.encoder_id,
        config=config,
        concept_words=words,
        only_copied=only_copied,
    )


def with_words(vocabulary: Vocabulary, words: Sequence[str]) -> tuple[Vocabulary, list[str]]:
    """Return a vocabulary with more words, and those of them that it can have."""
    grown = vocabulary.grown(words, minimum_count=1)
    return grown, [word for word in words if word in grown.tokens]


def with_things(answers: AnswerVocabulary, words: Sequence[str]) -> AnswerVocabulary:
    """Return answers with recognised words that can be answers although no question taught them.

    What somebody does ("wearing") answers no question by itself.
    """
    named = [word for word in words if word in objects() or not word.endswith("ing")]
    return answers.grown(named, max_answers=len(answers) + len(named))


def answers_of(questions: Sequence[ImageQuestion]) -> Iterator[str]:
    """Yield what people answered."""
    for question in questions:
        yield from question.answers


def learnt_of(answers: AnswerVocabulary, questions: Sequence[ImageQuestion]) -> set[str]:
    """Return the answers that are right for some of the questions."""
    ids = map(answers.id_of, set(answers_of(questions)))
    return {answers.answers[number] for number in ids if number is not None}


def summary(task: VqaTask) -> str:
    """Return what there is to learn, and for how much of the rest the model has no answer."""
    train, _ = task.train
    answers = task.model.answers
    learnt = (
        f"{len(train.questions)} questions about {len(train.images)} images to learn, "
        f"{len(task.model.vocabulary)} words, {len(answers)} answers"
    )
    if task.validation is None:
        return learnt
    validation, _ = task.validation
    lost = sum(not answers.targets(question.answers) for question in validation.questions)
    return (
        f"{learnt}\n"
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
