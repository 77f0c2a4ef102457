"""Dropout of a caption's words: drawn for each of them, or once for all."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

from caption.networks.cells.cell import CellState


class Masks(NamedTuple):
    """Which units a caption does without: factors, 0 for those and above 1 for the others.

    Without masks every word draws units of its own.
    """

    word: Float[Tensor, "row word"] | None = None
    """For the words that are read."""
    hidden: tuple[Float[Tensor, "row state"], ...] = ()
    """For the hidden state of each recurrence, on its way to the next word and to the output."""
    output: Float[Tensor, "row output"] | None = None
    """For what the vocabulary is scored with."""

    @property
    def top(self) -> Float[Tensor, "row state"] | None:
        """The mask of the hidden state that the output reads."""
        return self.hidden[-1] if self.hidden else None

    def select(self, rows: Int[Tensor, " row"]) -> "Masks":
        """Return the masks of these rows, which may repeat."""
        return Masks(
            None if self.word is None else self.word[rows],
            tuple(mask[rows] for mask in self.hidden),
            None if self.output is None else self.output[rows],
        )

    def remembered(self, cells: tuple[CellState, ...]) -> tuple[CellState, ...]:
        """Return the states of the recurrences as the next word finds them.

        A hidden state is masked only where the cell has another memory beside it. Where it is all
        that the cell remembers, as in a GRU, factors above 1 would make it grow from word to word
        (compare Semeniuta et al. 2016, "Recurrent Dropout without Memory Loss").
        """
        if not self.hidden:
            return cells
        return tuple(
            (cell[0] * mask, *cell[1:]) if len(cell) > 1 else cell
            for cell, mask in zip(cells, self.hidden, strict=True)
        )


class CaptionDropout(nn.Dropout):
    """Zeroes units in training, those of a mask at every word if there is one.

    One mask for all words is the variational dropout of "A Theoretically Grounded Application of
    Dropout in Recurrent Neural Networks" (Gal & Ghahramani 2016, arXiv 1512.05287).
    """

    def forward(
        self,
        values: Float[Tensor, "row length unit"],
        mask: Float[Tensor, "row unit"] | None = None,
    ) -> Float[Tensor, "row length unit"]:
        """Return the values, some zeroed and the others scaled up."""
        return super().forward(values) if mask is None else values * mask.unsqueeze(1)

    def draw(self, rows: Float[Tensor, "row state"], unit_dim: int) -> Float[Tensor, "row unit"]:
        """Return a mask for each of the rows, whose values do not matter."""
        return super().forward(rows.new_ones(len(rows), unit_dim))
