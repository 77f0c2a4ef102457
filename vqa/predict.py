"""Answers for people: a picture and a question in, an answer out, with where the model looked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from jaxtyping import Float, Int
from torch import Tensor

from caption.errors import DataError, ModelError
from caption.models.confidence import Trust
from caption.networks.concepts import Concepts
from caption.text.nouns import plural_of
from caption.text.tokenize import tokenize
from caption.vision.extract import FeatureExtractor
from caption.vision.features import ImageFeatures
from caption.vision.image import ImageSource
from vqa.concepts import LEAST, NEVER, by_word, needed
from vqa.config import TextConfig
from vqa.eyes import eyes_of, let_look
from vqa.model import DEFAULT_ANSWERER, VqaModel, opening, pooled
from vqa.question import Turn, encode_history, encode_words, last_turns, pad

LONGEST_QUESTION = TextConfig().max_length
NEXT_TO_NOTHING = 1e-12
"""Attention to the whole grid that is as good as none."""


@dataclass(frozen=True, eq=False)
class Answer:
    """An answer to a question about a picture, and why."""

    text: str
    probability: float
    """That it is right, in the model's own opinion."""
    top: tuple[tuple[str, float], ...]
    """The likeliest answers with their probabilities, best first."""
    attention: Float[np.ndarray, "glimpse row column"]
    """Where each glimpse looked: weights over the grid, which sum to 1."""
    unknown_words: tuple[str, ...]
    """Words of the question that the model has not learnt: it did not understand these."""

    unusual_opening: str | None = None
    """How the question begins, if hardly a training question began so."""
    concepts: tuple[tuple[str, float], ...] = ()
    """Words that were recognised, or told by people, with their probabilities; the likeliest first.
    The answer was found with these and the grid."""
    clues: tuple[float, ...] = ()
    """What the confidence is made of, by `ANSWER_CLUES`."""
    confidence: float | None = None
    """How right it is expected to be, from 0 to 1, as the official accuracy counts; None where the
    model has not been calibrated, as `glimpse prepare confidence` does it."""
    is_guess: bool = False
    """Whether that is so little that only a quarter of the answers have less."""

    def __str__(self) -> str:
        return self.text

    @property
    def sureness(self) -> float:
        """Its confidence or, of a model that has not been calibrated, the model's own opinion."""
        return self.probability if self.confidence is None else self.confidence

    @property
    def doubt(self) -> str | None:
        """What a person should be told of before believing the answer, if there is something."""
        doubts = []
        if guess := Trust(self.confidence, self.is_guess).doubt:
            doubts.append(guess)
        if self.unknown_words:
            words = ", ".join(f"'{word}'" for word in self.unknown_words)
            doubts.append(f"I do not know the word{'s' * (len(self.unknown_words) > 1)} {words}")
        if self.unusual_opening:
            doubts.append(f"I have not learnt questions that begin with '{self.unusual_opening}'")
        return "; ".join(doubts) or None


class QuestionAnswerer:
    """Answers questions about pictures with a trained model.

    >>> from vqa import QuestionAnswerer
    >>> answerer = QuestionAnswerer.from_pretrained()  # doctest: +SKIP
    >>> answerer("photo.jpg", "what colour is the dog?").text  # doctest: +SKIP
    """

    def __init__(self, model: VqaModel, extract: FeatureExtractor) -> None:
        if model.sight.encoder_id != extract.encoder_id:
            raise ModelError(
                f"the question answerer reads features of encoder {model.sight.encoder_id}, not of "
                f"{extract.encoder_id}; give the captioner whose features it was trained on"
            )
        if model.config.reads_concepts:
            needed(extract.head)
        if model.companion is not None:
            let_look(model.companion, extract)
        self.model, self.extract = model.eval(), extract

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        captioner: str | Path | None = None,
        device: str | torch.device | None = None,
    ) -> "QuestionAnswerer":
        """Load a question answerer.

        Args:
            source: model directory, hub id to download, or the name of a model of this package, of
                which the first is the default.
            captioner: the model whose encoder it reads; by default the one of this package.
            device: where to run, such as 'cpu' or 'cuda:1'; by default the best that is there.

        Raises:
            ModelError: a model is missing, damaged, of another format or of another encoder, or
                the captioner recognises no words and the answerer reads them.
        """
        device = device or PartialState().device
        model = VqaModel.from_pretrained(source or DEFAULT_ANSWERER).to(device)
        return cls(model, eyes_of(model, captioner, device))

    def __call__(
        self,
        image: "ImageSource | ImageFeatures",
        question: str,
        *,
        concepts: Mapping[str, float] | None = None,
    ) -> Answer:
        """Answer a question about one image.

        Args:
            image: a path, bytes, a PIL image or an array; or its features.
            question: in the words of the training questions, as far as possible.
            concepts: what people know better than the model of what the image shows, see `ask`.

        Raises:
            ImageError: the image cannot be read.
            DataError: the question is empty or far too long, or a probability is not one.
            ModelError: a concept is no word that the model knows, or it reads none.
        """
        (answer,) = self.ask(image, [question], concepts=concepts)
        return answer

    @torch.inference_mode()
    def ask(
        self,
        image: "ImageSource | ImageFeatures",
        questions: Sequence[str],
        *,
        history: Sequence[Turn] = (),
        concepts: Mapping[str, float] | None = None,
    ) -> list[Answer]:
        """Answer any number of questions about one image, which is looked at once.

        Args:
            image: as for one question.
            questions: each is answered by itself.
            history: the dialog before them, oldest first.
            concepts: what people know better than the model of what the image shows: {"cat": 1.0}
                if there is a cat; with 0 it is not there, and never the answer. Any words that the
                model knows, with probabilities; others count as they were recognised.
        """
        asked = [_words_of(question) for question in questions]
        if not asked:
            return []
        told = self._checked(concepts or {})
        features = self.look(image)
        ids, lengths = self._encode(asked, history)
        device, num_places = self.model.device, features.grid.shape[1]
        known = self._recognised(features, told)
        images = torch.zeros(len(asked), dtype=torch.long, device=device)
        asked_of = images, ids.to(device), lengths, self._read(known)
        scores, weights = self.model(features.grid.to(device), *asked_of)
        if companion := self.model.companion:
            scores = pooled(companion, scores, companion.sees(features).to(device), *asked_of)
        scores[:, self._ruled_out(told)] = NEVER
        is_softmax = self.model.config.outputs == "softmax"
        probabilities = scores.softmax(dim=-1) if is_softmax else scores.sigmoid()
        if known is not None:
            weights = weights[..., :num_places]
            weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=NEXT_TO_NOTHING)
        return [
            self._answer(words, shares, looks.unflatten(-1, features.grid_size), known or ())
            for words, shares, looks in zip(asked, probabilities, weights, strict=True)
        ]

    def look(self, image: "ImageSource | ImageFeatures") -> ImageFeatures:
        """Return the features of one image, or check those that are given."""
        features = image if isinstance(image, ImageFeatures) else self.extract([image])
        self.extract.check(features)
        if len(features) != 1:
            raise ValueError(f"expected the features of one image, got {len(features)}")
        return features

    def understands(self, question: str) -> bool:
        """Return whether every word of a question, and how it begins, has been learnt."""
        return self._not_learnt(tokenize(question)) == ((), None)

    def talk(
        self, image: "ImageSource | ImageFeatures", *, concepts: Mapping[str, float] | None = None
    ) -> "Conversation":
        """Begin a dialog about an image, which is looked at once.

        Args:
            image: as for one question.
            concepts: what people know better than the model of what it shows, see `ask`.
        """
        return Conversation(self, self.look(image), concepts)

    def _checked(self, concepts: Mapping[str, float]) -> dict[str, float]:
        """Return what people told, of words as the model's vocabulary has them.

        Raises:
            ModelError: a word is not in it, or the model reads none.
            DataError: a probability is not one.
        """
        if concepts and not self.model.config.reads_concepts:
            raise ModelError(
                "this question answerer reads no concepts, which could be corrected; use one that "
                "was trained with head.concepts"
            )
        for word, probability in concepts.items():
            if not 0 <= probability <= 1:
                raise DataError(
                    f"the concept {word!r} is given the probability {probability}; expected a "
                    "number from 0, certainly not there, to 1, certainly there"
                )
        vocabulary = self.model.vocabulary
        ids = vocabulary.ids_of(concepts)
        return {vocabulary[i]: p for i, p in zip(ids, concepts.values(), strict=True)}

    def _recognised(
        self, features: ImageFeatures, told: Mapping[str, float]
    ) -> tuple[tuple[str, float], ...] | None:
        """Return the words that the answer is found with, best first; None if none are read."""
        model = self.model
        if not model.config.reads_concepts:
            return None
        seen = features.concepts
        if seen is None:
            seen = needed(self.extract.head).recognise(features.grid.to(model.device))
        (row,) = by_word(seen, model.concept_words).tolist()
        there = {word: p for word, p in told.items() if p > 0}
        likely = [
            (word, p)
            for word, p in zip(model.concept_words, row, strict=True)
            if p >= LEAST and word not in told
        ]
        likely.sort(key=lambda pair: -pair[1])
        likely = likely[: max(0, model.config.concepts - len(there))]
        return tuple(sorted((*there.items(), *likely), key=lambda pair: -pair[1]))

    def _read(self, known: Sequence[tuple[str, float]] | None) -> Concepts | None:
        """Return words with their probabilities as the model reads them."""
        if known is None:
            return None
        device = self.model.device
        ids = [self.model.vocabulary.id_of(word) for word, _ in known]
        return Concepts(
            torch.tensor([ids], dtype=torch.long, device=device),
            torch.tensor([[p for _, p in known]], dtype=torch.float, device=device),
        )

    def _ruled_out(self, told: Mapping[str, float]) -> list[int]:
        """Return the answers that name what is not there, in the singular or the plural."""
        absent = [word for word, p in told.items() if p == 0]
        forms = (form for word in absent for form in (word, plural_of(word)))
        ids = {self.model.answers.id_of(form) for form in forms}
        return sorted(i for i in ids if i is not None)

    def _encode(
        self, asked: Sequence[Sequence[str]], history: Sequence[Turn]
    ) -> tuple[Int[Tensor, "question length"], Int[Tensor, " question"]]:
        """Return what the model reads of some questions with the same history."""
        vocabulary = self.model.vocabulary
        latest = last_turns(history, self.model.config.history_turns)
        before = encode_history(latest, vocabulary, max_length=LONGEST_QUESTION)
        rows = [encode_words(words, vocabulary, max_length=LONGEST_QUESTION) for words in asked]
        return pad([[*before, *row] for row in rows], vocabulary.pad_id)

    def _not_learnt(self, words: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
        """Return the unknown words of a question, and how it begins if that is unusual."""
        vocabulary = self.model.vocabulary
        unknown = dict.fromkeys(
            word
            for word in words
            if vocabulary.id_of(word) == vocabulary.unknown_id and any(map(str.isalnum, word))
        )
        begins, learnt = opening(words), self.model.openings
        return tuple(unknown), begins if learnt and begins not in learnt else None

    def _answer(
        self,
        words: Sequence[str],
        probabilities: Float[Tensor, " answer"],
        weights: Float[Tensor, "glimpse row column"],
        concepts: tuple[tuple[str, float], ...],
        *,
        num_top: int = 5,
    ) -> Answer:
        values, ids = probabilities.topk(min(num_top, len(probabilities)))
        texts = [self.model.answers.answers[i] for i in ids.tolist()]
        top = tuple(zip(texts, values.tolist(), strict=True))
        unknown, unusual = self._not_learnt(words)
        clues = (top[0][1], float(len(unknown)), float(unusual is not None))
        return Answer(
            text=top[0][0],
            probability=top[0][1],
            top=top,
            attention=weights.float().cpu().numpy(),
            unknown_words=unknown,
            unusual_opening=unusual,
            concepts=concepts,
            clues=clues,
            **Trust.of(self.model.confidence, clues)._asdict(),
        )


class Conversation:
    """A dialog about one image, in which "it" is what was spoken of before.

    >>> talk = QuestionAnswerer.from_pretrained().talk("photo.jpg")  # doctest: +SKIP
    >>> talk.ask("is there a dog?").text, talk.ask("what colour is it?").text  # doctest: +SKIP
    """

    def __init__(
        self,
        answerer: QuestionAnswerer,
        features: ImageFeatures,
        concepts: Mapping[str, float] | None = None,
    ) -> None:
        self.answerer, self.features, self.concepts = answerer, features, concepts
        self.turns: list[Turn] = []

    def ask(self, question: str) -> Answer:
        """Answer a question, knowing what was said before, and remember both."""
        (answer,) = self.answerer.ask(
            self.features, [question], history=self.turns, concepts=self.concepts
        )
        self.turns.append(Turn(question, answer.text))
        return answer


def _words_of(question: str) -> list[str]:
    """Return the words of a question.

    Raises:
        DataError: there are none or far too many.
    """
    words = tokenize(question)
    if not any(map(str.isalnum, question)):
        raise DataError(f"the question {question!r} has no words; ask something like 'is it red?'")
    if len(words) > LONGEST_QUESTION:
        raise DataError(
            f"the question has {len(words)} words, at most {LONGEST_QUESTION} can be read; "
            "ask a shorter one"
        )
    return words
