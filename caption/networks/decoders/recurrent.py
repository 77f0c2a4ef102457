"""What all decoders built around a recurrence share: everything but the recurrence's wiring.

A kind says how a state begins, what one step does and what the vocabulary is scored with. Here are
the words, the picture, styles, dropout and the loop over the words. What does not depend on the
recurrence is done once for all words of all captions, before the loop and after it.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from caption.networks.attention import GridAttention
from caption.networks.cells import build
from caption.networks.cells.cell import Cell, CellState
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
    weights: Float[Tensor, "row position"] | None = None
    """Where it looked, if the decoder attends."""


class RecurrentDecoder(nn.Module, ABC):
    """Scores the next word given the picture and the words so far."""

    word_tables = ("embed.weight", "output_words.weight", "output_words.bias")
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
        self.output_words = nn.Linear(output_dim or config.state_dim, vocabulary_size)
        self.dropout = CaptionDropout(config.dropout)
        if config.styles:
            self.style_tables = ("style.weight",)
            self.style = nn.Embedding(1 + len(config.styles), config.word_dim)
            nn.init.zeros_(self.style.weight)

    @abstractmethod
    def begin(self, picture: Float[Tensor, "image visual"]) -> tuple[CellState, ...]:
        """Return the state of each recurrence before the first word, given the mean feature."""

    def remember(self, grid: Float[Tensor, "image position visual"]) -> Memory:
        """Return what `advance` reads of the picture: what attention does."""
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
        features: Float[Tensor, "image position feature"],
        *,
        captions_per_image: int = 1,
        styles: Int[Tensor, " row"] | None = None,
    ) -> RecurrentState:
        """Read the pictures once and return the state before the first word.

        Args:
            features: of the pictures.
            captions_per_image: rows for each of them, side by side.
            styles: the way of captioning in each row, 0 for the model's own; by default all own.
        """
        grid = self.dropout(self.project_grid(features))
        cells = tuple(
            tuple(part.repeat_interleave(captions_per_image, dim=0) for part in cell)
            for cell in self.begin(grid.mean(dim=1))
        )
        style = self._style(styles, rows=len(cells[0][0]))
        return RecurrentState(cells, self.remember(grid), style, self._masks(cells))

    def step(
        self, words: Int[Tensor, " row"], state: RecurrentState
    ) -> tuple[
        Float[Tensor, "row vocabulary"], RecurrentState, Float[Tensor, "row position"] | None
    ]:
        """Read one word; return scores of the next one, the new state and where it looked."""
        outputs, state, weights = self._run(words.unsqueeze(1), state)
        return (
            self.output_words(outputs.squeeze(1)),
            state,
            None if weights is None else weights.squeeze(1),
        )

    def forward(
        self,
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"],
        styles: Int[Tensor, " row"] | None = None,
    ) -> tuple[Float[Tensor, "row length vocabulary"], Float[Tensor, "row length position"] | None]:
        """Score every next word given the true previous ones (teacher forcing)."""
        outputs, weights = self._read(words, features, styles)
        return self.output_words(outputs), weights

    def scores_at(
        self,
        mask: Bool[Tensor, "row length"],
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"],
        styles: Int[Tensor, " row"] | None = None,
    ) -> tuple[Float[Tensor, "word vocabulary"], Float[Tensor, "row length position"] | None]:
        """Score the next word as `forward` does, but only where the mask is True.

        The vocabulary is most of the work outside the recurrence, and almost half of a batch is
        what short captions are filled up with.
        """
        outputs, weights = self._read(words, features, styles)
        return self.output_words(outputs[mask]), weights

    def recurrent_state(self, state: RecurrentState) -> CellState:
        """Return the tensors of all recurrences, those that the output reads first."""
        return tuple(part for cell in reversed(state.cells) for part in cell)

    def _read(
        self,
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"],
        styles: Int[Tensor, " row"] | None,
    ) -> tuple[Float[Tensor, "row length output"], Float[Tensor, "row length position"] | None]:
        """Return what the vocabulary is scored with after each word of whole captions."""
        state = self.start(features, captions_per_image=len(words) // len(features), styles=styles)
        outputs, _, weights = self._run(words, state)
        return outputs, weights

    def _run(
        self, words: Int[Tensor, "row length"], state: RecurrentState
    ) -> tuple[
        Float[Tensor, "row length output"],
        RecurrentState,
        Float[Tensor, "row length position"] | None,
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


def new_cell(config: DecoderConfig, input_dim: int) -> Cell:
    """Return a recurrence of the config's kind and size."""
    return build.build_cell(
        config.cell, layers=config.layers, input_dim=input_dim, state_dim=config.state_dim
    )


def initial_dim(config: DecoderConfig) -> int:
    """Return how many numbers make a first state of such a recurrence."""
    return build.initial_dim(config.cell, layers=config.layers, state_dim=config.state_dim)
