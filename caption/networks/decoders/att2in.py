"""Attention into the cell's input alone (Rennie et al. 2017).

The model "Att2in" of "Self-critical Sequence Training for Image Captioning" (arXiv 1612.00563).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from caption.networks.cells.cell import CellState
from caption.networks.config import DecoderConfig
from caption.networks.decoders.recurrent import Advance, RecurrentDecoder, initial_dim, new_cell
from caption.networks.decoders.state import Memory


class MaxoutLSTM(nn.Module):
    """An LSTM whose cell input is the larger of two sums, and alone hears what was seen.

    Gates i, f, o are of the word and the hidden state; the cell input is the maxout of two sums of
    the word, the hidden state and the attended feature:
    c' = f * c + i * max(W1 [x, v, h], W2 [x, v, h]), h' = o * tanh(c').
    """

    def __init__(self, word_dim: int, visual_dim: int, state_dim: int) -> None:
        super().__init__()
        self.state_dim = state_dim
        self.project_word = nn.Linear(word_dim, 5 * state_dim)
        self.project_hidden = nn.Linear(state_dim, 5 * state_dim, bias=False)
        self.project_attended = nn.Linear(visual_dim, 2 * state_dim, bias=False)

    def start(self, picture: Float[Tensor, "image visual"]) -> CellState:
        """Return zeros, for each image."""
        zeros = picture.new_zeros(len(picture), self.state_dim)
        return zeros, zeros

    def read(self, words: Float[Tensor, "row length word"]) -> Float[Tensor, "row length sum"]:
        """Return the words' part of all sums."""
        return self.project_word(words)

    def step(
        self,
        word: Float[Tensor, "row sum"],
        attended: Float[Tensor, "row visual"],
        state: CellState,
    ) -> CellState:
        """Return the hidden and the cell state after one more word, given as `read` has it."""
        hidden, cell = state
        sums = word + self.project_hidden(hidden)
        gates, values = sums.split([3 * self.state_dim, 2 * self.state_dim], dim=-1)
        write, keep, show = torch.sigmoid(gates).chunk(3, dim=-1)
        one, other = (values + self.project_attended(attended)).chunk(2, dim=-1)
        cell = keep * cell + write * torch.maximum(one, other)
        return show * torch.tanh(cell), cell


class AttendedWord(nn.Module):
    """Any other cell, which hears what was seen as something added to the word.

    Nothing can be let into one node of a cell that is used as it is. This is the nearest: what was
    seen enters the gates too, but has no weights of its own there, only those of the word.
    """

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.initial_dim = initial_dim(config)
        self.cell = new_cell(config, config.word_dim)
        self.project_attended = nn.Linear(config.visual_dim, config.word_dim, bias=False)

    def start(self, picture: Float[Tensor, "image visual"]) -> CellState:
        """Return the cell's state of zeros, for each image."""
        return self.cell.start(picture.new_zeros(len(picture), self.initial_dim))

    def read(self, words: Float[Tensor, "row length word"]) -> Float[Tensor, "row length word"]:
        """Return the words as they are."""
        return words

    def step(
        self,
        word: Float[Tensor, "row word"],
        attended: Float[Tensor, "row visual"],
        state: CellState,
    ) -> CellState:
        """Return the cell's state after one more word."""
        return self.cell.step(word + self.project_attended(attended), state)


class Att2inDecoder(RecurrentDecoder):
    """A recurrence that reads the word, with what was seen added to its cell input alone.

    With one layer of `cell: lstm` it is the paper's, the `MaxoutLSTM`; other recurrences read an
    `AttendedWord`.
    """

    def __init__(self, config: DecoderConfig, *, feature_dim: int, vocabulary_size: int) -> None:
        super().__init__(config, feature_dim=feature_dim, vocabulary_size=vocabulary_size)
        self.cell = (
            MaxoutLSTM(config.word_dim, config.visual_dim, config.state_dim)
            if config.cell == "lstm" and config.layers == 1
            else AttendedWord(config)
        )

    def begin(self, picture: Float[Tensor, "image visual"]) -> tuple[CellState, ...]:
        """Return a state of zeros: the picture is seen through attention alone."""
        return (self.cell.start(picture),)

    def inputs(
        self, words: Float[Tensor, "row length word"], memory: Memory
    ) -> Float[Tensor, "row length input"]:
        """Return the words' part of the recurrence's sums."""
        return self.cell.read(words)

    def advance(
        self, inputs: Float[Tensor, "row input"], cells: tuple[CellState, ...], memory: Memory
    ) -> Advance:
        """Look at the picture and read the word together with what was seen."""
        (cell,) = cells
        attended, weights = self.attention(cell[0], *memory)
        cell = self.cell.step(inputs, attended, cell)
        return Advance((cell,), (cell[0],), weights)
