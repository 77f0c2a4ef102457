"""What a decoder knows of the recurrence that it is built around.

A state is a tuple of tensors with a row for each caption. Its first part is what others read, the
hidden state; what else a cell remembers is its own affair.
"""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from caption.networks.registry import CELLS, class_of

CellState = tuple[Tensor, ...]
"""Parts of a state, [row, ...] each; the first is the hidden state [row, state]."""


@runtime_checkable
class Cell(Protocol):
    """A step of a recurrence; an `nn.Module`."""

    def start(self, initial: Float[Tensor, "row initial"]) -> CellState:
        """Return the state before the first input, made of numbers that a decoder has learnt."""
        ...

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the state after one more input."""
        ...


@runtime_checkable
class CellClass(Protocol):
    """A class of cells, which is what a name in the registry leads to."""

    @staticmethod
    def initial_dim(state_dim: int) -> int:
        """Return how many numbers `start` makes a state of."""
        ...

    def __call__(self, input_dim: int, state_dim: int, /) -> Cell:
        """Return a new cell with a hidden state of this size."""
        ...


def cell_class(name: str) -> CellClass:
    """Return a class of cells by its name."""
    return class_of(name, CELLS)
