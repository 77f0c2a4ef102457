"""What all decoders built around a recurrence share: everything but the recurrence's wiring.

A kind says how a state begins, what one step does and what the vocabulary is scored with. Here are
the words, the picture, styles, dropout and the loop over the words. What does not depend on the
recurrence is done once for all words of all captions, before the loop and after it.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from caption.networks.attention import GridAttention
from caption.networks.cells import build
from caption.networks.cells.cell import Cell, CellState
from caption.networks.concepts import ConceptCopier, ConceptReader, Concepts, Copied
from caption.networks.config import DecoderConfig
from caption.networks.decoders.dropout import CaptionDropout, Masks
from caption.networks.decoders.state import Memory, RecurrentState

STYLE_GAIN = 10.0
"""A style is told from another by a few vectors, which have to learn faster than thousands."""


class Advance(NamedTuple):
    """What one step of a wiring comes to."""

    cells: tuple[CellState, ...]
    evidence: tuple[Float[Tensor, "row ..."], ...]
    """What `output` judges the next word by."""
    weights: Float[Tensor, "row place"] | None = None
    """Where it looked, if the decoder attends."""


class RecurrentDecoder(nn.Module, ABC):
    """Scores the next word given the picture and the words so far."""

    word_tables: tuple[str, ...] = ("embed.weight", "output_words.weight", "output_words.bias")
    style_tables: tuple[str, ...] = ()
    has_attention = True
    truncate = 0

    def __init__(
        self,
        config: DecoderConfig,
        *,
        feature_dim: int,
        vocabulary_size: int,
        output_dim: int | None = None,
    ) -> None:
        """Make what all kinds have.

        Args:
            config: sizes.
            feature_dim: size of the encoder's feature vectors.
            vocabulary_size: how many words there are to read and to score.
            output_dim: size of what `output` returns, by default the hidden state's.
        """
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(vocabulary_size, config.word_dim)
        # As small as the scores' own weights: unit normal embeddings would drown the picture.
        nn.init.uniform_(self.embed.weight, -0.1, 0.1)
        self.project_grid = nn.Sequential(
            nn.LayerNorm(feature_dim), nn.Linear(feature_dim, config.visual_dim), nn.ReLU()
        )
        if self.has_attention:
            self.attention = GridAttention(
                feature_dim=config.visual_dim,
                query_dim=config.state_dim,
                attention_dim=config.attention_dim,
            )
        output_dim = output_dim or config.state_dim
        if config.tied:
            self.word_tables = ("embed.weight", "output_words.bias")
            self.output_words: TiedWords | nn.Linear = TiedWords(self.embed, output_dim)
        else:
            self.output_words = nn.Linear(output_dim, vocabulary_size)
        if config.concepts:
            self.read_concepts = ConceptReader(
                word_dim=config.word_dim, visual_dim=config.visual_dim
            )
            # What is to be seen where there is no picture, only words for what is in it.
            self.blind = nn.Parameter(torch.zeros(config.visual_dim))
        if config.copying:
            self.copy_concepts = ConceptCopier(output_dim=output_dim, word_dim=config.word_dim)
        self.dropout = CaptionDropout(config.dropout)
        if config.styles:
            self.style_tables = ("style.weight",)
            self.style = nn.Embedding(1 + len(config.styles), config.word_dim)
            nn.init.zeros_(self.style.weight)

    @abstractmethod
    def begin(self, picture: Float[Tensor, "image visual"]) -> tuple[CellState, ...]:
        """Return the state of each recurrence before the first word, given the mean feature."""

    def remember(
        self,
        grid: Float[Tensor, "image position visual"],
        picture: Float[Tensor, "image visual"],
    ) -> Memory:
        """Return what `advance` reads of the picture: what attention does.

        Args:
            grid: its places, and those of the concepts.
            picture: the mean of its own places, with the concepts added.
        """
        return self.attention.keys(grid), grid

    def inputs(
        self, words: Float[Tensor, "row length word"], memory: Memory
    ) -> Float[Tensor, "row length input"]:
        """Return what `advance` reads of each word: here may be done what needs no recurrence."""
        return words

    @abstractmethod
    def advance(
        self,
        inputs: Float[Tensor, "row input"],
        cells: tuple[CellState, ...],
        memory: Memory,
    ) -> Advance:
        """Take one step of the recurrences."""

    def output(
        self,
        evidence: tuple[Float[Tensor, "row length ..."], ...],
        words: Float[Tensor, "row length word"],
        masks: Masks,
    ) -> Float[Tensor, "row length output"]:
        """Return what the vocabulary is scored with, from what every step said."""
        (hidden,) = evidence
        return hidden

    def start(
        self,
        features: Float[Tensor, "image position feature"] | None,
        *,
        captions_per_image: int = 1,
        styles: Int[Tensor, " row"] | None = None,
        concepts: Concepts | None = None,
    ) -> RecurrentState:
        """Read the pictures once and return the state before the first word.

        Args:
            features: of the pictures; None where there are only concepts to go by.
            captions_per_image: rows for each of them, side by side.
            styles: the way of captioning in each row, 0 for the model's own; by default all own.
            concepts: words recognised in each, for a decoder whose config reads them.
        """
        seen = None if features is None else self.dropout(self.project_grid(features))
        places, picture, copied = self._with_concepts(seen, concepts)
        cells = tuple(
            tuple(part.repeat_interleave(captions_per_image, dim=0) for part in cell)
            for cell in self.begin(picture)
        )
        memory = self.remember(places, picture)
        if concepts is not None:
            nowhere = places.new_zeros(len(places), places.shape[1] - concepts.mask.shape[1])
            memory = *memory, torch.cat([nowhere.bool(), ~concepts.mask], dim=1)
        style = self._style(styles, rows=len(cells[0][0]))
        return RecurrentState(cells, memory, style, self._masks(cells), copied)

    def _with_concepts(
        self, seen: Float[Tensor, "image position visual"] | None, concepts: Concepts | None
    ) -> tuple[Float[Tensor, "image place visual"], Float[Tensor, "image visual"], Copied | None]:
        """Return all places to look at, the picture as a whole, and what may be copied."""
        if concepts is None:
            if seen is None:
                raise ValueError("without features there must be concepts to write from")
            return seen, seen.mean(dim=1), None
        if seen is None:
            seen = self.blind.expand(len(concepts.words), 1, -1)
        embedded = self.embed(concepts.words)
        read = self.dropout(self.read_concepts(embedded, concepts))
        picture = seen.mean(dim=1) + (concepts.probabilities.unsqueeze(-1) * read).mean(dim=1)
        copied = None
        if self.config.copying:
            copied = self.copy_concepts.prepare(embedded, concepts)
        return torch.cat([seen, read], dim=1), picture, copied

    def step(
        self, words: Int[Tensor, " row"], state: RecurrentState
    ) -> tuple[Float[Tensor, "row vocabulary"], RecurrentState, Float[Tensor, "row place"] | None]:
        """Read one word; return scores of the next one, the new state and where it looked."""
        outputs, state, weights = self._run(words.unsqueeze(1), state)
        return (
            self._score(outputs, state).squeeze(1),
            state,
            None if weights is None else weights.squeeze(1),
        )

    def forward(
        self,
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"] | None,
        styles: Int[Tensor, " row"] | None = None,
        concepts: Concepts | None = None,
    ) -> tuple[Float[Tensor, "row length vocabulary"], Float[Tensor, "row length place"] | None]:
        """Score every next word given the true previous ones (teacher forcing)."""
        outputs, state, weights = self._read(words, features, styles, concepts)
        return self._score(outputs, state), weights

    def scores_at(
        self,
        mask: Bool[Tensor, "row length"],
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"] | None,
        styles: Int[Tensor, " row"] | None = None,
        concepts: Concepts | None = None,
    ) -> tuple[Float[Tensor, "word vocabulary"], Float[Tensor, "row length place"] | None]:
        """Score the next word as `forward` does, but only where the mask is True.

        The vocabulary is most of the work outside the recurrence, and almost half of a batch is
        what short captions are filled up with.
        """
        outputs, state, weights = self._read(words, features, styles, concepts)
        return self._score(outputs, state, mask), weights

    def recurrent_state(self, state: RecurrentState) -> CellState:
        """Return the tensors of all recurrences, those that the output reads first."""
        return tuple(part for cell in reversed(state.cells) for part in cell)

    def _read(
        self,
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"] | None,
        styles: Int[Tensor, " row"] | None,
        concepts: Concepts | None,
    ) -> tuple[
        Float[Tensor, "row length output"],
        RecurrentState,
        Float[Tensor, "row length place"] | None,
    ]:
        """Return what the vocabulary is scored with after each word of whole captions."""
        images = concepts.words if features is None and concepts is not None else features
        if images is None:
            raise ValueError("without features there must be concepts to write from")
        state = self.start(
            features,
            captions_per_image=len(words) // len(images),
            styles=styles,
            concepts=concepts,
        )
        return self._run(words, state)

    def _score(
        self,
        outputs: Float[Tensor, "row length output"],
        state: RecurrentState,
        mask: Bool[Tensor, "row length"] | None = None,
    ) -> Float[Tensor, "*word vocabulary"]:
        """Score the vocabulary, where the mask is True or everywhere, and what may be copied."""
        scores = self.output_words(outputs if mask is None else outputs[mask])
        if state.copied is None:
            return scores
        words, more = self.copy_concepts(outputs, state.copied)
        if mask is not None:
            words, more = words[mask], more[mask]
        return scores.scatter_add(-1, words, more.to(scores.dtype))

    def _run(
        self, words: Int[Tensor, "row length"], state: RecurrentState
    ) -> tuple[
        Float[Tensor, "row length output"],
        RecurrentState,
        Float[Tensor, "row length place"] | None,
    ]:
        """Read words one after the other, up to what the vocabulary is scored with."""
        read = self._embed(words, state)
        evidence, weights = [], []
        for position, inputs in enumerate(self.inputs(read, state.memory).unbind(dim=1)):
            if self._cuts_before(position):
                state = state.detached()
            cells = state.masks.remembered(state.cells)
            advance = self.advance(inputs, cells, state.memory)
            state = state._replace(cells=advance.cells)
            evidence.append(advance.evidence)
            if advance.weights is not None:
                weights.append(advance.weights)
        stacked = tuple(torch.stack(parts, dim=1) for parts in zip(*evidence, strict=True))
        output = self.dropout(self.output(stacked, read, state.masks), state.masks.output)
        return output, state, torch.stack(weights, dim=1) if weights else None

    def _cuts_before(self, position: int) -> bool:
        """Return whether gradients end here (truncated back-propagation through time).

        The words are cut into pieces of `truncate`, within which gradients flow; the state goes on
        from piece to piece (Williams & Peng 1990).
        """
        return self.training and self.truncate > 0 < position and position % self.truncate == 0

    def _embed(
        self, words: Int[Tensor, "row length"], state: RecurrentState
    ) -> Float[Tensor, "row length word"]:
        embedded = self.dropout(self.embed(words), state.masks.word)
        return embedded if state.style is None else embedded + state.style.unsqueeze(1)

    def _style(
        self, styles: Int[Tensor, " row"] | None, rows: int
    ) -> Float[Tensor, "row word"] | None:
        if not self.config.styles:
            return None
        if styles is None:
            styles = torch.zeros(rows, dtype=torch.long, device=self.embed.weight.device)
        return STYLE_GAIN * self.style(styles)

    def _masks(self, cells: tuple[CellState, ...]) -> Masks:
        """Return new masks for captions whose states these are."""
        if not (self.training and self.config.variational_dropout):
            return Masks()
        hidden = cells[-1][0]
        return Masks(
            word=self.dropout.draw(hidden, self.config.word_dim),
            hidden=tuple(self.dropout.draw(hidden, self.config.state_dim) for _ in cells),
            output=self.dropout.draw(hidden, self.output_words.in_features),
        )


class TiedWords(nn.Module):
    """Scores words by the vectors that they are read as (Press & Wolf 2017, arXiv 1608.05859)."""

    def __init__(self, embed: nn.Embedding, output_dim: int) -> None:
        super().__init__()
        self._embed = (embed,)  # a tuple, as the weights are the embedding's own
        self.in_features = output_dim
        self.project = (
            nn.Identity()
            if output_dim == embed.embedding_dim
            else nn.Linear(output_dim, embed.embedding_dim, bias=False)
        )
        self.bias = nn.Parameter(torch.zeros(embed.num_embeddings))

    def forward(self, outputs: Float[Tensor, "*row output"]) -> Float[Tensor, "*row vocabulary"]:
        """Return the scores of all words."""
        return F.linear(self.project(outputs), self._embed[0].weight, self.bias)


def new_cell(config: DecoderConfig, input_dim: int) -> Cell:
    """Return a recurrence of the config's kind and size."""
    return build.build_cell(
        config.cell, layers=config.layers, input_dim=input_dim, state_dim=config.state_dim
    )


def initial_dim(config: DecoderConfig) -> int:
    """Return how many numbers make a first state of such a recurrence."""
    return build.initial_dim(config.cell, layers=config.layers, state_dim=config.state_dim)
