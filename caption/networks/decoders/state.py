"""What a recurrent decoder carries from word to word."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

from caption.networks.cells.cell import CellState
from caption.networks.concepts import Copied
from caption.networks.decoders.dropout import Masks

Memory = tuple[Tensor, ...]
"""What the steps read of each image, [image, ...] each; empty for a kind that looks only once."""


class RecurrentState(NamedTuple):
    """The recurrences, and what is the same at every word; one row for each caption, image-major.

    Only the memory and what may be copied have a row for each image.
    """

    cells: tuple[CellState, ...]
    """Of each recurrence; the output reads the hidden state of the last."""
    memory: Memory
    style: Float[Tensor, "row word"] | None = None
    """Way of captioning, added to every word that is read; None where the model has only one."""
    masks: Masks = Masks()
    """What each caption does without by variational dropout."""
    copied: Copied | None = None
    """Recognised words of each image, where the decoder copies."""

    def select(
        self, rows: Int[Tensor, " row"], images: Int[Tensor, " image"] | None = None
    ) -> "RecurrentState":
        """Return the states of these rows, which may repeat, and of these images if not of all."""
        memory, copied = self.memory, self.copied
        if images is not None:
            memory = tuple(part[images] for part in memory)
            copied = None if copied is None else copied.select(images)
        style = None if self.style is None else self.style[rows]
        cells = tuple(tuple(part[rows] for part in cell) for cell in self.cells)
        return RecurrentState(cells, memory, style, self.masks.select(rows), copied)

    def detached(self) -> "RecurrentState":
        """Return the state with recurrences through which no gradient flows back."""
        cells = tuple(tuple(part.detach() for part in cell) for cell in self.cells)
        return self._replace(cells=cells)
