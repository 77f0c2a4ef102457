"""Cells that remember their hidden state and nothing else."""

from jaxtyping import Float
from torch import Tensor, nn

from caption.networks.cells.cell import CellState


class _HiddenOnly(nn.Module):
    """What the cells of this module have in common."""

    @staticmethod
    def initial_dim(state_dim: int) -> int:
        """Return the size of the hidden state."""
        return state_dim

    def start(self, initial: Float[Tensor, "row state"]) -> CellState:
        """Return the given numbers as the hidden state."""
        return (initial,)

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the hidden state after one more input."""
        (hidden,) = state
        return (self(inputs, hidden),)


class RNN(_HiddenOnly, nn.RNNCell):
    """The plain recurrence with a tanh (Elman 1990)."""


class GRU(_HiddenOnly, nn.GRUCell):
    """Gated recurrent unit (Cho et al. 2014), in the form that PyTorch has.

    The reset gate acts after the projection of the hidden state (arXiv 1406.1078, version 1).
    """
