"""A writer that looks at the picture anew for every word (Xu et al. 2015).

Equation numbers are of "Show, Attend and Tell: Neural Image Caption Generation with Visual
Attention" (arXiv 1502.03044).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from caption.networks.attention import GridAttention
from caption.networks.cells.build import build_cell, initial_dim
from caption.networks.cells.cell import CellState
from caption.networks.config import DecoderConfig

STYLE_GAIN = 10.0
"""A style is told from another by a few vectors, which have to learn faster than thousands."""


class Memory(NamedTuple):
    """What does not change while an image's captions are written; one row for each image."""

    grid: Float[Tensor, "image position visual"]
    keys: Float[Tensor, "image position attention"]


class SoftAttentionState(NamedTuple):
    """What the recurrence carries from word to word; one row for each caption, image-major."""

    cell: CellState
    memory: Memory
    style: Float[Tensor, "row word"] | None = None
    """Way of captioning, added to every word that is read; None where the model has only one."""

    def select(
        self, rows: Int[Tensor, " row"], images: Int[Tensor, " image"] | None = None
    ) -> "SoftAttentionState":
        """Return the states of these rows, which may repeat, and of these images if not of all."""
        memory = self.memory
        if images is not None:
            memory = Memory(memory.grid[images], memory.keys[images])
        style = None if self.style is None else self.style[rows]
        return SoftAttentionState(tuple(part[rows] for part in self.cell), memory, style)


class SoftAttentionDecoder(nn.Module):
    """Scores the next word given the picture and the words so far."""

    word_tables = ("embed.weight", "output_words.weight", "output_words.bias")
    style_tables: tuple[str, ...] = ()
    has_attention = True

    def __init__(self, config: DecoderConfig, *, feature_dim: int, vocabulary_size: int) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(vocabulary_size, config.word_dim)
        self.project_grid = nn.Sequential(
            nn.LayerNorm(feature_dim), nn.Linear(feature_dim, config.visual_dim), nn.ReLU()
        )
        initial = initial_dim(config.cell, layers=config.layers, state_dim=config.state_dim)
        self.initial_state = nn.Linear(config.visual_dim, initial)
        self.attention = GridAttention(
            feature_dim=config.visual_dim,
            query_dim=config.state_dim,
            attention_dim=config.attention_dim,
        )
        self.gate = nn.Linear(config.state_dim, 1)
        self.cell = build_cell(
            config.cell,
            layers=config.layers,
            input_dim=config.word_dim + config.visual_dim,
            state_dim=config.state_dim,
        )
        self.output_hidden = nn.Linear(config.state_dim, config.word_dim)
        self.output_visual = nn.Linear(config.visual_dim, config.word_dim, bias=False)
        self.output_words = nn.Linear(config.word_dim, vocabulary_size)
        self.dropout = nn.Dropout(config.dropout)
        # As small as the scores' own weights: unit normal embeddings would drown the picture.
        nn.init.uniform_(self.embed.weight, -0.1, 0.1)
        if config.styles:
            self.style_tables = ("style.weight",)
            self.style = nn.Embedding(1 + len(config.styles), config.word_dim)
            nn.init.zeros_(self.style.weight)

    def start(
        self,
        features: Float[Tensor, "image position feature"],
        *,
        captions_per_image: int = 1,
        styles: Int[Tensor, " row"] | None = None,
    ) -> SoftAttentionState:
        """Read the pictures once and return the state before the first word.

        The state is initialised from the mean feature (section 3.1.2 of the paper), one row for
        each caption, those of an image side by side.

        Args:
            features: of the pictures.
            captions_per_image: rows for each of them.
            styles: the way of captioning in each row, 0 for the model's own; by default all own.
        """
        grid = self.dropout(self.project_grid(features))
        initial = torch.tanh(self.initial_state(grid.mean(dim=1)))
        cell = self.cell.start(initial.repeat_interleave(captions_per_image, dim=0))
        style = None
        if self.config.styles:
            if styles is None:
                styles = torch.zeros(len(cell[0]), dtype=torch.long, device=grid.device)
            style = STYLE_GAIN * self.style(styles)
        return SoftAttentionState(cell, Memory(grid, self.attention.keys(grid)), style)

    def step(
        self, words: Int[Tensor, " row"], state: SoftAttentionState
    ) -> tuple[Float[Tensor, "row vocabulary"], SoftAttentionState, Float[Tensor, "row position"]]:
        """Read one word; return scores of the next one, the new state and where it looked."""
        output, state, weights = self._advance(self._embed(words), state)
        return self.output_words(output), state, weights

    def forward(
        self,
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"],
        styles: Int[Tensor, " row"] | None = None,
    ) -> tuple[Float[Tensor, "row length vocabulary"], Float[Tensor, "row length position"]]:
        """Score every next word given the true previous ones (teacher forcing).

        Takes the same steps as `step`; only the projection to the vocabulary, by far the largest,
        waits until the recurrence is over and is done for all words at once.
        """
        state = self.start(features, captions_per_image=len(words) // len(features), styles=styles)
        outputs, looks = [], []
        for word in self._embed(words).unbind(dim=1):
            output, state, weights = self._advance(word, state)
            outputs.append(output)
            looks.append(weights)
        return self.output_words(torch.stack(outputs, dim=1)), torch.stack(looks, dim=1)

    def recurrent_state(self, state: SoftAttentionState) -> CellState:
        """Return the recurrence's part of a state; its first tensor is the hidden state."""
        return state.cell

    def _embed(self, words: Int[Tensor, "*row"]) -> Float[Tensor, "*row word"]:
        return self.dropout(self.embed(words))

    def _advance(
        self, word: Float[Tensor, "row word"], state: SoftAttentionState
    ) -> tuple[Float[Tensor, "row word"], SoftAttentionState, Float[Tensor, "row position"]]:
        """Take one step of the recurrence up to what the vocabulary is scored with."""
        memory, hidden = state.memory, state.cell[0]
        if state.style is not None:
            word = word + state.style
        attended, weights = self.attention(hidden, memory.keys, memory.grid)
        # The gate (section 4.2.1) lets the writer rely on the language where the picture is mute.
        context = torch.sigmoid(self.gate(hidden)) * attended
        cell = self.cell.step(torch.cat([word, context], dim=-1), state.cell)
        # Deep output layer (equation 7): the word, the state and what was seen all have a say.
        output = self.output_hidden(self.dropout(cell[0])) + self.output_visual(context) + word
        return self.dropout(output), state._replace(cell=cell), weights
