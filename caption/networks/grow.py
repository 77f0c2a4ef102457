"""Weights with a row for each word, when words are added."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def regrown(
    weights: Float[Tensor, "word ..."], rows: Sequence[int | None]
) -> Float[Tensor, "other ..."]:
    """Return the given rows of weights.

    Where there is None a new row begins as the mean of all, give or take a little: a word of which
    nothing is known yet, and no two alike.
    """
    mean, spread = weights.mean(dim=0), weights.std(dim=0, correction=0)
    return torch.stack(
        [
            mean + 0.1 * spread * torch.randn_like(spread) if row is None else weights[row]
            for row in rows
        ]
    )
