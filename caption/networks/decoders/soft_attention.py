"""A writer that looks at the picture anew for every word (Xu et al. 2015).

Equation numbers are of "Show, Attend and Tell: Neural Image Caption Generation with Visual
Attention" (arXiv 1502.03044).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from caption.networks.cells.cell import CellState
from caption.networks.config import DecoderConfig
from caption.networks.decoders.dropout import Masks
from caption.networks.decoders.recurrent import Advance, RecurrentDecoder, initial_dim, new_cell
from caption.networks.decoders.state import Memory


class SoftAttentionDecoder(RecurrentDecoder):
    """A recurrence that reads the word and what the last hidden state made it look at."""

    def __init__(self, config: DecoderConfig, *, feature_dim: int, vocabulary_size: int) -> None:
        super().__init__(
            config,
            feature_dim=feature_dim,
            vocabulary_size=vocabulary_size,
            output_dim=config.word_dim,
        )
        self.initial_state = nn.Linear(config.visual_dim, initial_dim(config))
        self.gate = nn.Linear(config.state_dim, 1)
        self.cell = new_cell(config, config.word_dim + config.visual_dim)
        self.output_hidden = nn.Linear(config.state_dim, config.word_dim)
        self.output_visual = nn.Linear(config.visual_dim, config.word_dim, bias=False)

    def begin(self, picture: Float[Tensor, "image visual"]) -> tuple[CellState, ...]:
        """Return a state that is made of the mean feature (section 3.1.2)."""
        return (self.cell.start(torch.tanh(self.initial_state(picture))),)

    def advance(
        self, inputs: Float[Tensor, "row word"], cells: tuple[CellState, ...], memory: Memory
    ) -> Advance:
        """Look at the picture and read the word together with what was seen."""
        (cell,) = cells
        attended, weights = self.attention(cell[0], *memory)
        context = self.reliance(cell[0]) * attended
        cell = self.cell.step(torch.cat([inputs, context], dim=-1), cell)
        return Advance((cell,), (cell[0], context), weights)

    def reliance(self, hidden: Float[Tensor, "row state"]) -> Float[Tensor, "row 1"]:
        """Return how far to go by the picture for the next word, from 0 to 1.

        The gate (section 4.2.1) lets the writer rely on the language where the picture is mute.
        """
        return torch.sigmoid(self.gate(hidden))

    def output(
        self,
        evidence: tuple[Float[Tensor, "row length ..."], ...],
        words: Float[Tensor, "row length word"],
        masks: Masks,
    ) -> Float[Tensor, "row length word"]:
        """Return the deep output layer (equation 7): state, what was seen and word have a say."""
        hidden, context = evidence
        told = self.output_hidden(self.dropout(hidden, masks.top))
        return told + self.output_visual(context) + words
