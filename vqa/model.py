"""From a question and a grid of features to an answer.

A question LSTM asks, attention with several glimpses looks (Yang et al. 2016; Kazemi & Elqursh
2017, "Show, Ask, Attend, and Answer") at the grid and at words that were recognised in it, what was
seen is joined with the question (by default as a residual, Kim et al. 2016, "Multimodal Residual
Learning for Visual QA"), and a classifier picks one of the answers seen in training, or a
recognised word.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from caption.errors import ModelError
from caption.models.companion import Accompanied, Companion, asked_for_in
from caption.models.confidence import Confidence
from caption.models.directory import (
    NAMES,
    described_by,
    load_weights,
    locate_model,
    read_config,
    write_model,
)
from caption.networks.concepts import ConceptReader, Concepts
from caption.networks.grow import regrown
from caption.text.vocabulary import Vocabulary
from caption.vision.store import StorePlan
from vqa.answers import AnswerVocabulary
from vqa.concepts import AnswerCopier, likeliest
from vqa.config import HeadConfig
from vqa.networks import GlimpseAttention, QuestionEncoder

KIND = "vqa"
ANSWERERS = {name: Path(__file__).parent / "pretrained" / name for name in NAMES}
"""Those that come with the package, each under the name of the captioner whose encoder it reads."""
DEFAULT_ANSWERER = ANSWERERS["base"]
ANSWER_CLUES = ("probability", "unknown_words", "unusual_opening")
"""What the confidence in an answer is made of, as `vqa.predict` gives it."""


def opening(words: Sequence[str]) -> str:
    """Return how a question begins, which says what kind of question it is."""
    return " ".join(words[:2]).lower()


class Sight(NamedTuple):
    """The encoder whose features a head has learnt to read."""

    encoder_id: str
    """Its fingerprint; the features of any other mean nothing to the head."""
    num_positions: int
    feature_dim: int

    @classmethod
    def of(cls, plan: StorePlan) -> "Sight":
        """Return the encoder of stored features."""
        _, num_positions, feature_dim = plan.shape
        return cls(plan.encoder_id, num_positions, feature_dim)


class VqaModel(Accompanied):
    """The question answerer without an encoder: it reads features that are there already."""

    def __init__(
        self,
        config: HeadConfig,
        vocabulary: Vocabulary,
        answers: AnswerVocabulary,
        sight: Sight,
        openings: Collection[str] = (),
        *,
        concept_words: Sequence[str] = (),
        only_copied: Collection[str] = (),
    ) -> None:
        """Make a model with random weights.

        Args:
            config: how it answers.
            vocabulary: words of questions.
            answers: that it can give.
            sight: the encoder whose features it reads.
            openings: how the training questions begin.
            concept_words: words of the vocabulary that may be recognised, if its config reads them.
            only_copied: answers that no training question has; given only where recognised.

        Raises:
            ModelError: the config reads recognised words, and there are none, or the vocabulary
                lacks one.
        """
        super().__init__()
        self.config, self.vocabulary, self.answers, self.sight = config, vocabulary, answers, sight
        self.openings = frozenset(openings)
        """How the training questions begin; others are of a kind that it has not learnt."""
        self.confidence: Confidence | None = None
        """What is expected of its answers; training makes it untrue."""
        fused = config.fused_dim
        if config.inputs != "image":
            self.question = QuestionEncoder(config, vocabulary_size=len(vocabulary))
        if config.inputs != "question":
            self.project_grid = nn.Sequential(
                nn.Linear(sight.feature_dim, config.visual_dim), nn.ReLU()
            )
            # What attention returns does not depend on where it was found, and questions about
            # left and right do: every position adds something of its own.
            self.place = nn.Parameter(torch.empty(sight.num_positions, config.visual_dim))
            nn.init.normal_(self.place, std=0.1)
            self.attention = GlimpseAttention(config)
            self.fuse_seen = nn.Linear(config.num_glimpses * config.visual_dim, fused)
        self.concept_words: tuple[str, ...] = ()
        self.only_copied: frozenset[str] = frozenset()
        if config.reads_concepts:
            if not concept_words:
                raise ModelError("the head reads recognised words, but it is not said which")
            self.concept_words, self.only_copied = tuple(concept_words), frozenset(only_copied)
            ids = torch.tensor(vocabulary.ids_of(concept_words), device="cpu")
            self.concept_ids = nn.Buffer(ids, persistent=False)
            if config.inputs == "image":
                self.embed = nn.Embedding(len(vocabulary), config.word_dim)
            self.read_concepts = ConceptReader(
                word_dim=config.word_dim, visual_dim=config.visual_dim
            )
            self.copy = AnswerCopier(config, vocabulary, answers, self.only_copied)
        self.fuse_asked = nn.Linear(config.state_dim, fused)
        self.classify = nn.Linear(fused, len(answers))
        self.dropout = nn.Dropout(config.dropout)

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.classify.weight.device

    def forward(
        self,
        grid: Float[Tensor, "image position feature"],
        images: Int[Tensor, " question"],
        words: Int[Tensor, "question length"],
        lengths: Int[Tensor, " question"],
        concepts: Concepts | None = None,
    ) -> tuple[Float[Tensor, "question answer"], Float[Tensor, "question glimpse place"]]:
        """Score every answer to each question.

        Args:
            grid: features of some images.
            images: which of them each question is about.
            words: ids of the questions, padded.
            lengths: words of each question, at least one.
            concepts: words recognised in each image, for a model that reads them.

        Returns:
            Scores before softmax or sigmoid, and where each glimpse looked: at which positions of
            the grid, and behind them at which of the concepts.
        """
        if (concepts is not None) != self.config.reads_concepts:
            raise ValueError("a model that reads concepts, and no other, should be given some")
        num_questions, num_positions = len(images), grid.shape[1]
        if self.config.inputs == "image":
            query = grid.new_zeros(num_questions, self.config.state_dim)
        else:
            query = self.question(words, lengths)
        asked = self.fuse_asked(self.dropout(query))
        if self.config.inputs == "question":
            weights = grid.new_full(
                (num_questions, self.config.num_glimpses, num_positions), 1 / num_positions
            )
            return self.classify(self.dropout(F.relu(asked))), weights
        # Projected once for an image, however many questions are about it.
        places, mask = self._places(grid, concepts)
        seen, weights = self.attention(
            query, places[images], None if mask is None else mask[images]
        )
        looked = self.fuse_seen(self.dropout(seen))
        if self.config.fusion == "hadamard":
            fused = F.relu(asked) * F.relu(looked)
        elif self.config.fusion == "residual":
            fused = F.relu(asked) * (1 + F.relu(looked))
        else:  # one linear layer of both side by side is the sum of one of each
            fused = F.relu(asked + looked)
        fused = self.dropout(fused)
        scores = self.classify(fused)
        if concepts is not None:
            of_each = Concepts(*(part[images] for part in concepts))
            scores = self.copy(scores, fused, self.embed_concepts(of_each.words), of_each)
        return scores, weights

    def _places(
        self, grid: Float[Tensor, "image position feature"], concepts: Concepts | None
    ) -> tuple[Float[Tensor, "image place visual"], Bool[Tensor, "image place"] | None]:
        """Return what there is to look at in each image, and which places are real if not all."""
        places = self.project_grid(self.dropout(self.scaled(grid))) + self.place
        if concepts is None:
            return places, None
        words = self.read_concepts(self.embed_concepts(concepts.words), concepts)
        mask = F.pad(concepts.mask, (places.shape[1], 0), value=True)
        return torch.cat([places, words], dim=1), mask

    def scaled(self, grid: Float[Tensor, "*place feature"]) -> Float[Tensor, "*place feature"]:
        """Return feature vectors of the length that normal numbers would have, if so configured."""
        if not self.config.normalise:
            return grid
        return F.normalize(grid, dim=-1) * grid.shape[-1] ** 0.5

    @property
    def embed_concepts(self) -> nn.Embedding:
        """What recognised words mean: the same as in questions, where these are read."""
        embedding: nn.Embedding = (
            self.embed if self.config.inputs == "image" else self.question.embed
        )
        return embedding

    def kept(self, probabilities: Float[Tensor, "image word"]) -> Concepts | None:
        """Return what the model reads of its concept words, given how probable each is.

        In training some are hidden and all are disturbed. A model that reads none has None.
        """
        if not self.config.reads_concepts:
            return None
        return likeliest(
            probabilities, self.concept_ids, self.config.concepts, disturbed=self.training
        )

    def grown(
        self,
        vocabulary: Vocabulary,
        answers: AnswerVocabulary,
        openings: Collection[str],
        encoder_id: str,
        *,
        config: HeadConfig | None = None,
        concept_words: Sequence[str] = (),
        only_copied: Collection[str] = (),
    ) -> "VqaModel":
        """Return a copy that knows other words and answers, and reads another encoder's features.

        Words and answers that it knows keep their weights; others begin near the mean of all.

        Args:
            vocabulary: of the copy.
            answers: likewise.
            openings: likewise.
            encoder_id: likewise.
            config: likewise, of the same sizes; by default the model's own. It may read recognised
                words where the model reads none: what that takes is new, and has to be learnt.
            concept_words: likewise, for a copy that reads them.
            only_copied: likewise; what the copy has learnt as an answer is not among them.
        """
        sight = self.sight._replace(encoder_id=encoder_id)
        model = VqaModel(
            *(config or self.config, vocabulary, answers, sight, openings),
            concept_words=concept_words,
            only_copied=only_copied,
        )
        weights = self.state_dict()
        words = {token: i for i, token in enumerate(self.vocabulary.tokens)}
        for name in ("question.embed.weight", "embed.weight"):
            if name in weights:
                rows = [words.get(token) for token in vocabulary.tokens]
                weights[name] = regrown(weights[name], rows)
        known = [
            None if answer in self.only_copied - model.only_copied else self.answers.id_of(answer)
            for answer in answers.answers
        ]
        for name in ("classify.weight", "classify.bias"):
            weights[name] = regrown(weights[name], known)
        model.load_state_dict(model.state_dict() | weights)
        return model.to(self.device).train(self.training)

    def save_pretrained(
        self, directory: Path | str, *, card: str, dtype: torch.dtype = torch.float32
    ) -> None:
        """Write the model directory; it appears under its name when it is complete."""
        config = {
            "head": asdict(self.config),
            "vocabulary": self.vocabulary.to_json(),
            "answers": list(self.answers.answers),
            "sight": self.sight._asdict(),
            "openings": sorted(self.openings),
        }
        if self.config.reads_concepts:
            config["concepts"] = {
                "words": list(self.concept_words),
                "only_copied": sorted(self.only_copied),
            }
        if self.confidence is not None:
            config["confidence"] = self.confidence.to_json()
        if self.companion is not None:
            config["companion"] = self.companion.to_json()
        write_model(Path(directory), self, KIND, config, card=card, dtype=dtype)

    @classmethod
    def from_pretrained(cls, source: Path | str) -> "VqaModel":
        """Load a model directory, or one by its hub id ('owner/name') or its name in the package.

        Raises:
            ModelError: it is not there, of another format, damaged or inconsistent.
        """
        directory = locate_model(source, ANSWERERS)
        parts = ("head", "vocabulary", "answers", "sight", "openings")
        config = read_config(directory, KIND, parts, also=("concepts", "confidence", "companion"))
        with described_by(directory):
            concepts = config.get("concepts", {"words": (), "only_copied": ()})
            model = cls(
                HeadConfig(**config["head"]),
                Vocabulary.from_json(config["vocabulary"]),
                AnswerVocabulary(_texts(config["answers"], "answers")),
                Sight(**config["sight"]),
                _texts(config["openings"], "openings"),
                concept_words=_texts(concepts["words"], "concepts"),
                only_copied=_texts(concepts["only_copied"], "answers that are only copied"),
            )
            if "confidence" in config:
                model.confidence = Confidence.from_json(config["confidence"], ANSWER_CLUES)
        load_weights(model, directory)
        if "companion" in config:
            with asked_for_in(directory):
                model.companion = answerer_beside(
                    model, **config["companion"], load=cls.from_pretrained
                )
        return model.eval()


def answerer_beside(
    model: VqaModel, name: str, share: float, load: Callable[[str], VqaModel]
) -> Companion[VqaModel]:
    """Load a companion for a question answerer.

    Args:
        model: that it is to help.
        name: of the companion.
        share: of its opinion.
        load: gives the question answerer of a name of the package.

    Raises:
        ModelError: there is no such answerer, it knows other words or answers, or the share is
            none.
    """
    companion = Companion.called(name, share, load)
    known, other_known = (
        (m.vocabulary.tokens, tuple(m.answers.answers), m.concept_words, m.only_copied)
        for m in (model, companion.model)
    )
    if known != other_known or {model.config.outputs, companion.model.config.outputs} != {
        "softmax"
    }:
        raise ModelError(
            f"{name} cannot be the companion of an answerer that knows other words or answers; "
            "only answerers that learnt the same questions, with a softmax, can pool their opinions"
        )
    return companion


def pooled(
    companion: Companion[VqaModel],
    scores: Float[Tensor, "question answer"],
    grid: Float[Tensor, "image position feature"],
    images: Int[Tensor, " question"],
    words: Int[Tensor, "question length"],
    lengths: Int[Tensor, " question"],
    concepts: Concepts | None,
) -> Float[Tensor, "question answer"]:
    """Return what an answerer and its companion find likely, as log-probabilities.

    Args:
        companion: of the answerer.
        scores: of the answerer.
        grid: what the companion sees of the images.
        images: which of them each question is about.
        words: ids of the questions.
        lengths: of the questions.
        concepts: what the answerer is told of each image.
    """
    others, _ = companion.model(grid, images, words, lengths, concepts)
    return companion.pool(scores, others)


def _texts(values: Sequence[str], name: str) -> Sequence[str]:
    if not isinstance(values, tuple) or not all(isinstance(value, str) for value in values):
        raise ModelError(f"the {name} should be a list of texts")
    return values
