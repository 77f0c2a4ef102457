"""Recurrences whose gradients are known: a rotation, scaled at every step."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from caption.networks.config import DecoderConfig


def rotation(size: int) -> Tensor:
    """Return a random orthogonal matrix."""
    generator = torch.Generator().manual_seed(1)
    return torch.linalg.qr(
        torch.randn(size, size, dtype=torch.float64, generator=generator)
    ).Q.contiguous()


class ScaledRotation(nn.Module):
    """h' = scale * Q h + x: the gradient of what is k steps later is scale^k as long."""

    def __init__(self, input_dim: int, state_dim: int, scale: float = 0.9) -> None:
        super().__init__()
        self.weight = nn.Parameter(scale * rotation(state_dim))

    @staticmethod
    def initial_dim(state_dim: int) -> int:
        return state_dim

    def start(self, initial):
        return (initial,)

    def step(self, inputs, state):
        return (state[0] @ self.weight.T + inputs,)


class LinearState(NamedTuple):
    cell: tuple[Tensor, ...]

    def select(self, rows, images=None):
        return LinearState(tuple(part[rows] for part in self.cell))


class ClosedDecoder(nn.Module):
    """Its hidden state, of as many numbers as there are words, is the scores; it hides it."""

    word_tables: tuple[str, ...] = ()
    style_tables: tuple[str, ...] = ()
    has_attention = False
    truncate = 0

    def __init__(self, words: int, scale: float) -> None:
        super().__init__()
        self.config = DecoderConfig()
        self.cell = ScaledRotation(words, words, scale)
        self.embed = torch.eye(words, dtype=torch.float64)

    def start(self, features, *, captions_per_image=1, styles=None):
        initial = features.mean(dim=1).repeat_interleave(captions_per_image, dim=0)
        return LinearState(self.cell.start(initial))

    def step(self, words, state):
        cell = self.cell.step(self.embed[words], state.cell)
        return cell[0], LinearState(cell), None


class LinearDecoder(ClosedDecoder):
    """The same, open to others."""

    def recurrent_state(self, state):
        return state.cell
