"""Cells with a long memory beside the hidden state, the cell state; plain and normalised."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from caption.networks.cells.cell import CellState


class _HiddenAndCell(nn.Module):
    """What the cells of this module have in common."""

    @staticmethod
    def initial_dim(state_dim: int) -> int:
        """Return the size of the hidden state and the cell state."""
        return 2 * state_dim

    def start(self, initial: Float[Tensor, "row initial"]) -> CellState:
        """Return the two halves of the given numbers as hidden and as cell state."""
        hidden, cell = initial.chunk(2, dim=-1)
        return hidden, cell


class Gates(NamedTuple):
    """How open the gates of an LSTM stand, from 0, shut, to 1."""

    keep: Float[Tensor, "row state"]
    """How much of the cell state stays."""
    write: Float[Tensor, "row state"]
    """How much of what is read enters it."""
    show: Float[Tensor, "row state"]
    """How much of it becomes the hidden state."""


class LSTM(_HiddenAndCell, nn.LSTMCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; with the gates of PyTorch)."""

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the hidden and the cell state after one more input."""
        hidden, cell = state
        return self(inputs, (hidden, cell))

    def gates(self, inputs: Float[Tensor, "row input"], state: CellState) -> Gates:
        """Return how open the gates stand in a step, which PyTorch keeps to itself."""
        hidden, _ = state
        sums = F.linear(inputs, self.weight_ih, self.bias_ih)
        sums = sums + F.linear(hidden, self.weight_hh, self.bias_hh)
        write, keep, _, show = sums.sigmoid().chunk(4, dim=-1)
        return Gates(keep, write, show)


class LayerNormLSTM(_HiddenAndCell):
    """An LSTM with normalised sums, as in the supplement of Ba, Kiros & Hinton 2016.

    The projections of input and of hidden state are normalised apart, so that neither drowns the
    other, and the cell state is before the hidden state is read off it (arXiv 1607.06450).
    """

    def __init__(self, input_dim: int, state_dim: int) -> None:
        super().__init__()
        gates_dim = 4 * state_dim
        self.project_input = nn.Linear(input_dim, gates_dim, bias=False)
        self.project_hidden = nn.Linear(state_dim, gates_dim, bias=False)
        # The paper adds three biases to the gates; of what is summed, one is enough.
        self.norm_input = nn.LayerNorm(gates_dim)
        self.norm_hidden = nn.LayerNorm(gates_dim, bias=False)
        self.norm_cell = nn.LayerNorm(state_dim)

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the hidden and the cell state after one more input."""
        hidden, cell = state
        gates = self.norm_input(self.project_input(inputs))
        gates = gates + self.norm_hidden(self.project_hidden(hidden))
        keep, write, read, values = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(values)
        return torch.sigmoid(read) * torch.tanh(self.norm_cell(cell)), cell
