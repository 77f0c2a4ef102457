"""The recurrence that a config names, in as many layers as it says."""

from caption.networks.cells.cell import Cell, cell_class
from caption.networks.cells.stack import Stack


def initial_dim(name: str, *, layers: int, state_dim: int) -> int:
    """Return how many numbers the first state of such a recurrence is made of."""
    return layers * cell_class(name).initial_dim(state_dim)


def build_cell(name: str, *, layers: int, input_dim: int, state_dim: int) -> Cell:
    """Return a new cell of this name, or a stack of them if there is more than one layer.

    Args:
        name: of a class in the registry.
        layers: how many cells lie one above the other, at least 1.
        input_dim: size of what is read in each step.
        state_dim: size of the hidden state, of every layer.
    """
    new = cell_class(name)
    cells = [new(state_dim if layer else input_dim, state_dim) for layer in range(layers)]
    return cells[0] if layers == 1 else Stack(cells)
