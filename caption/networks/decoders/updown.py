"""Two recurrences, one to look and one to write (Anderson et al. 2018).

The captioning model of "Bottom-Up and Top-Down Attention for Image Captioning and Visual Question
Answering" (arXiv 1707.07998), section 3.2. Equation numbers are of that paper.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from caption.networks.cells.cell import CellState
from caption.networks.config import DecoderConfig
from caption.networks.decoders.recurrent import Advance, RecurrentDecoder, initial_dim, new_cell
from caption.networks.decoders.state import Memory


class UpDownDecoder(RecurrentDecoder):
    """An attention recurrence, and a language recurrence that reads what it looks at."""

    def __init__(self, config: DecoderConfig, *, feature_dim: int, vocabulary_size: int) -> None:
        super().__init__(config, feature_dim=feature_dim, vocabulary_size=vocabulary_size)
        self.attention_cell = new_cell(
            config, config.state_dim + config.visual_dim + config.word_dim
        )
        self.language_cell = new_cell(config, config.visual_dim + config.state_dim)

    def begin(self, picture: Float[Tensor, "image visual"]) -> tuple[CellState, ...]:
        """Return two states of zeros."""
        zeros = picture.new_zeros(len(picture), initial_dim(self.config))
        return self.attention_cell.start(zeros), self.language_cell.start(zeros)

    def remember(
        self,
        grid: Float[Tensor, "image position visual"],
        picture: Float[Tensor, "image visual"],
    ) -> Memory:
        """Return the picture as a whole, and what attention reads."""
        return picture, *super().remember(grid, picture)

    def inputs(
        self, words: Float[Tensor, "row length word"], memory: Memory
    ) -> Float[Tensor, "row length input"]:
        """Return the mean feature and the word, which the first recurrence reads."""
        picture, *_ = memory
        rows, length, _ = words.shape
        picture = picture.repeat_interleave(rows // len(picture), dim=0)
        return torch.cat([picture.unsqueeze(1).expand(-1, length, -1), words], dim=-1)

    def advance(
        self, inputs: Float[Tensor, "row input"], cells: tuple[CellState, ...], memory: Memory
    ) -> Advance:
        """Read the word, look at the picture, and read what was seen."""
        looking, writing = cells
        # Equation 2: what was written, the whole picture and the word decide where to look.
        looking = self.attention_cell.step(torch.cat([writing[0], inputs], dim=-1), looking)
        _, *places = memory
        attended, weights = self.attention(looking[0], *places)
        # Equation 6.
        writing = self.language_cell.step(torch.cat([attended, looking[0]], dim=-1), writing)
        return Advance((looking, writing), (writing[0],), weights)
