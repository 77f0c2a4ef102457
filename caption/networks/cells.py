"""Recurrences, each behind one protocol: what a decoder is built around.

A state is a tuple of tensors with a row for each caption. Its first part is what others read, the
hidden state; what else a cell remembers is its own affair.
"""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from caption.networks.registry import CELLS, class_of

CellState = tuple[Tensor, ...]
"""Parts of a state, [row, ...] each; the first is the hidden state [row, state]."""


@runtime_checkable
class Cell(Protocol):
    """A step of a recurrence."""

    def __init__(self, input_dim: int, state_dim: int, /) -> None: ...

    @staticmethod
    def initial_dim(state_dim: int) -> int:
        """Return how many numbers make a first state."""
        ...

    def start(self, initial: Float[Tensor, "row initial"]) -> CellState:
        """Return the state before the first input."""
        ...

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the state after one more input."""
        ...


def cell_class(name: str) -> type[Cell]:
    """Return a kind of cell by its name."""
    return class_of(name, CELLS)


class LSTM(nn.LSTMCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; with the gates of PyTorch)."""

    @staticmethod
    def initial_dim(state_dim: int) -> int:
        """Return the size of the hidden state and the cell state."""
        return 2 * state_dim

    def start(self, initial: Float[Tensor, "row initial"]) -> CellState:
        """Return the two halves of the given numbers as hidden and as cell state."""
        hidden, cell = initial.chunk(2, dim=-1)
        return hidden, cell

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the hidden and the cell state after one more input."""
        hidden, cell = state
        return self(inputs, (hidden, cell))
