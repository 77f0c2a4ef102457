"""Cells one above the other."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from caption.networks.cells.cell import Cell, CellState


class Stack(nn.Module):
    """Layers of which each reads what is below it, with residual connections (Wu et al. 2016).

    From the second layer on, what a layer reads is added to its hidden state before the next one
    reads it (equation 6 of arXiv 1609.08144). The state is flat: the output of the top layer,
    then the parts of each layer's own state, from the bottom up.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        """Stack cells of one class; all but the first take inputs of the hidden state's size."""
        super().__init__()
        # That a cell is a module as well, no protocol can say.
        self.layers = nn.ModuleList(cast("Sequence[nn.Module]", cells))

    def start(self, initial: Float[Tensor, "row initial"]) -> CellState:
        """Return the state before the first input, of an equal share of the numbers each."""
        shares = initial.chunk(len(self.layers), dim=-1)
        states = [cell.start(own) for cell, own in zip(self._cells(), shares, strict=True)]
        output = torch.stack([state[0] for state in states]).sum(dim=0)
        return output, *chain.from_iterable(states)

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the state after one more input."""
        size = (len(state) - 1) // len(self.layers)
        states: list[CellState] = []
        for layer, cell in enumerate(self._cells()):
            first = 1 + layer * size
            states.append(cell.step(inputs, state[first : first + size]))
            inputs = states[-1][0] + inputs if layer else states[-1][0]
        return inputs, *chain.from_iterable(states)

    def _cells(self) -> Iterable[Cell]:
        return cast("Iterable[Cell]", self.layers)
