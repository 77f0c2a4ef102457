"""How open the gates of an LSTM stood when each word of a caption was written."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from caption.inspection.activations import of_caption
from caption.models.captioner import CaptionModel
from caption.networks.cells.cell import CellState
from caption.networks.cells.lstm import LSTM
from caption.networks.decoders.soft_attention import SoftAttentionDecoder


@dataclass(frozen=True, eq=False)
class OpenGates:
    """How open each gate stood for each word, from 0 to 1: the mean over all units."""

    keep: Float[np.ndarray, " word"]
    """How much stayed of what was remembered."""
    write: Float[np.ndarray, " word"]
    """How much of what was read entered it."""
    show: Float[np.ndarray, " word"]
    """How much of it the word could be written from."""
    picture: Float[np.ndarray, " word"] | None
    """How much of what was seen was read; None where the decoder has no gate for that."""


class _Heard(nn.Module):
    """An LSTM that remembers what it has read."""

    def __init__(self, cell: LSTM) -> None:
        super().__init__()
        self.cell, self.start = cell, cell.start
        self.read: list[tuple[Tensor, CellState]] = []

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the state after one more input."""
        self.read.append((inputs, state))
        return self.cell.step(inputs, state)


@torch.inference_mode()
def gates_of_caption(
    model: CaptionModel, grid: Float[Tensor, "1 position feature"], words: Sequence[str]
) -> OpenGates | None:
    """Return how open the gates stood; None where the decoder is not built around one LSTM.

    The arguments are those of `of_caption`.
    """
    decoder = model.get_submodule("decoder")
    cell = decoder._modules.get("cell")
    if not isinstance(cell, LSTM):
        return None
    heard = _Heard(cell)
    # A copy listens: others may be writing with the model at the same time.
    listening, other = copy(model), copy(decoder)
    other._modules = decoder._modules | {"cell": heard}
    listening._modules = model._modules | {"decoder": other}
    of_caption(listening, grid, words)
    read = heard.read[-len(words) :]  # some decoders begin by reading the picture
    keep, write, show = zip(*(cell.gates(inputs, state) for inputs, state in read), strict=True)
    picture = None
    if isinstance(decoder, SoftAttentionDecoder):
        picture = _means([decoder.reliance(hidden) for _, (hidden, *_) in read])
    return OpenGates(_means(keep), _means(write), _means(show), picture)


def _means(values: Sequence[Float[Tensor, "1 unit"]]) -> Float[np.ndarray, " word"]:
    return torch.cat(tuple(values)).mean(dim=1).float().cpu().numpy()
