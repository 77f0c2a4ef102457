"""Weights as they lie on disk: whole, in half precision, or as whole numbers of eight bits.

Of eight bits are the tables and matrices, each row with a scale of its own: the largest of its
absolute values over 127, rounded up (the symmetric, per-channel scheme of Krishnamoorthi 2018,
arXiv:1806.08342). What is computed with stays float32: the file gets smaller, not the work.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

LARGEST = 127
SCALE = ":scale"
"""What the name of a table's scales ends with; no weight of torch has a colon in its name."""
DIGITS = 4
"""Binary digits of a scale: the 7 of a whole number and these are the 11 of half precision."""
LEAST_COLUMNS = 16
"""Rows that are shorter would take as much for their scales as they save."""


def stored(weights: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Return weights as they are written.

    Args:
        weights: by name.
        dtype: float32, float16, or int8 for eight bits; then what is no table, such as biases and
            the statistics of BatchNorm, is in half precision.
    """
    written: dict[str, Tensor] = {}
    for name, weight in weights.items():
        weight = weight.detach().cpu().contiguous()
        if not weight.is_floating_point():
            written[name] = weight
        elif dtype != torch.int8:
            written[name] = weight.to(dtype)
        elif weight.ndim > 1 and weight[0].numel() >= LEAST_COLUMNS:
            written[name], written[name + SCALE] = _rounded(weight)
        else:
            written[name] = weight.half()
    return written


def restored(written: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights from what `stored` made of them; those that have no scales stay as they are.

    Raises:
        ValueError: a table and its scales do not belong together.
    """
    weights: dict[str, Tensor] = {}
    for name, weight in written.items():
        if name.endswith(SCALE):
            if name.removesuffix(SCALE) not in written:
                raise ValueError(f"{name!r} are the scales of nothing")
            continue
        scale = written.get(name + SCALE)
        if (scale is None) == (weight.dtype == torch.int8):
            count = "no" if scale is None else len(scale)
            raise ValueError(f"{name!r} is {weight.dtype} and has {count} scales")
        if scale is not None and scale.shape != weight.shape[:1]:
            raise ValueError(f"{name!r} has {len(weight)} rows and scales of {tuple(scale.shape)}")
        weights[name] = weight if scale is None else _by_row(scale, weight) * weight.float()
    return weights


def _rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return a table as whole numbers of eight bits, and what each row is to be multiplied by.

    A scale has so few binary digits that its multiples are exact, in half precision too. A row that
    was rounded before keeps its scale, so that an encoder packed twice keeps its fingerprint.
    """
    weight = weight.float()
    share, power = torch.frexp(weight.abs().flatten(1).amax(dim=1) / LARGEST)
    digits = (share * 2**DIGITS).ceil()
    scale, next_scale = (torch.ldexp(d / 2**DIGITS, power) for d in (digits, digits + 1))
    is_of_next = _is_whole(weight / _by_row(next_scale, weight))
    scale = torch.where(_is_whole(weight / _by_row(scale, weight)) | ~is_of_next, scale, next_scale)
    return (weight / _by_row(scale, weight)).round().to(torch.int8), scale


def _is_whole(rows: Tensor) -> Tensor:
    return (rows == rows.round()).flatten(1).all(dim=1)


def _by_row(scale: Tensor, weight: Tensor) -> Tensor:
    return scale.reshape(-1, *[1] * (weight.ndim - 1))
