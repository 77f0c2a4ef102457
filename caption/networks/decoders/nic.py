"""A writer that looks at the picture once, before the first word (Vinyals et al. 2015).

The model of "Show and Tell: A Neural Image Caption Generator" (arXiv 1411.4555), section 3.1.
"""

from jaxtyping import Float
from torch import Tensor, nn

from caption.networks.cells.cell import CellState
from caption.networks.config import DecoderConfig
from caption.networks.decoders.recurrent import Advance, RecurrentDecoder, initial_dim, new_cell
from caption.networks.decoders.state import Memory


class NicDecoder(RecurrentDecoder):
    """A recurrence that reads the picture as if it were the first word."""

    has_attention = False

    def __init__(self, config: DecoderConfig, *, feature_dim: int, vocabulary_size: int) -> None:
        super().__init__(config, feature_dim=feature_dim, vocabulary_size=vocabulary_size)
        self.project_picture = nn.Linear(config.visual_dim, config.word_dim)
        self.cell = new_cell(config, config.word_dim)

    def begin(self, picture: Float[Tensor, "image visual"]) -> tuple[CellState, ...]:
        """Return the state after the mean feature has been read (equation 10)."""
        nothing = self.cell.start(picture.new_zeros(len(picture), initial_dim(self.config)))
        return (self.cell.step(self.project_picture(picture), nothing),)

    def remember(
        self,
        grid: Float[Tensor, "image position visual"],
        picture: Float[Tensor, "image visual"],
    ) -> Memory:
        """Return nothing: the picture is not looked at again."""
        return ()

    def advance(
        self, inputs: Float[Tensor, "row word"], cells: tuple[CellState, ...], memory: Memory
    ) -> Advance:
        """Read the word."""
        (cell,) = cells
        cell = self.cell.step(inputs, cell)
        return Advance((cell,), (cell[0],))
