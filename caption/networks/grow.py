"""Weights with a row for each word, when words are added."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

NEAR = 0.1
"""How far new rows lie from the mean of the known ones, as a share of their spread: a word of which
nothing is known yet is an ordinary one."""
APART = 1.0
"""The same where all rows are new, which must differ as much as the known ones did."""


def regrown(
    weights: Float[Tensor, "word ..."], rows: Sequence[int | None], *, spread: float = NEAR
) -> Float[Tensor, "other ..."]:
    """Return the given rows of weights, and new ones where there is None.

    Args:
        weights: to take rows from.
        rows: their places.
        spread: how far new rows lie from the mean of all, and from each other.
    """
    mean, usual = weights.mean(dim=0), weights.std(dim=0, correction=0)
    return torch.stack(
        [
            mean + spread * usual * torch.randn_like(usual) if row is None else weights[row]
            for row in rows
        ]
    )
