"""How far back the gradient of a loss reaches through a recurrence.

Where its norm falls by the same share at every step, what was read long ago cannot be learnt from
(Bengio, Simard & Frasconi 1994, "Learning long-term dependencies with gradient descent is
difficult"). The long short-term memory was made to keep it (Hochreiter & Schmidhuber 1997).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from caption.inspection.activations import recurrent
from caption.networks.cells import build
from caption.networks.cells.cell import Cell, CellState
from caption.networks.decoder import Decoder, DecoderState
from caption.networks.registry import CELLS

ROWS = 16
"""Sequences that a norm is the mean of."""


@dataclass(frozen=True, eq=False)
class GradientReach:
    """Norm of the gradient of the last step's loss with respect to the state after each step."""

    name: str
    """Of the recurrence."""
    norms: Float[np.ndarray, " step"]
    """First step first; the mean over the sequences."""

    @property
    def shares(self) -> Float[np.ndarray, " distance"]:
        """Norm by how many steps back, from 0, as a share of the last step's."""
        return self.norms[::-1] / self.norms[-1]

    def steps_above(self, share: float) -> int:
        """Return how many steps back the norm first is below a share; the number of steps if never.

        Args:
            share: of the last step's norm.
        """
        below = np.flatnonzero(self.shares < share)
        return int(below[0]) if len(below) else len(self.norms)


def cell_reach(
    name: str,
    cell: Cell,
    *,
    input_dim: int,
    initial_dim: int,
    state_dim: int,
    steps: int,
    seed: int,
) -> GradientReach:
    """Return how far gradients reach in a recurrence that reads noise.

    The loss is the hidden state after the last step, along a random direction of length 1.

    Args:
        name: for the result.
        cell: with weights of double precision, which stay as they are.
        input_dim: size of an input, whose numbers are drawn from the unit normal distribution.
        initial_dim: how many numbers make its first state.
        state_dim: size of the hidden state.
        steps: inputs that are read, at least 1.
        seed: of the inputs, the first state and the direction.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    chance = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=chance)

    state = cell.start(torch.tanh(noise(ROWS, initial_dim)).requires_grad_())
    states = []
    for inputs in noise(steps, ROWS, input_dim):
        state = cell.step(inputs, state)
        states.append(state)
    direction = torch.nn.functional.normalize(noise(state_dim), dim=0)
    return GradientReach(name, _norms((state[0] @ direction).sum(), states))


def fresh_reaches(*, steps: int, state_dim: int = 128, seed: int = 0) -> list[GradientReach]:
    """Return how far gradients reach in every kind of cell before it has learnt anything.

    Args:
        steps: inputs that are read.
        state_dim: size of the hidden state and of the inputs.
        seed: of the weights and the inputs.
    """
    reaches = []
    for name in CELLS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            cell: Any = build.build_cell(name, layers=1, input_dim=state_dim, state_dim=state_dim)
        sizes = {
            "input_dim": state_dim,
            "initial_dim": build.initial_dim(name, layers=1, state_dim=state_dim),
            "state_dim": state_dim,
        }
        fresh = cell_reach(f"fresh {name}", cell.double(), **sizes, steps=steps, seed=seed)
        reaches.append(fresh)
    return reaches


def decoder_reach(
    name: str,
    decoder: Decoder[Any],
    grid: Float[Tensor, "image position feature"],
    words: Int[Tensor, "image length"],
    *,
    start: Callable[[Tensor], DecoderState] | None = None,
) -> GradientReach:
    """Return how far gradients reach in a decoder that reads captions.

    The loss is that of the last word, which is not read.

    Args:
        name: for the result.
        decoder: in eval mode; its weights stay as they are.
        grid: features of the images.
        words: a caption of each image, from the start on; at least two words.
        start: gives the state before the first word; by default the decoder does, who knows
            nothing of what its model recognises.

    Raises:
        ModelError: the decoder shows no recurrence.
    """
    if words.shape[1] < 2:
        raise ValueError(f"words must be at least 2 of each caption, got {words.shape[1]}")
    network = recurrent(decoder)
    # A copy, as features may come from inference; its gradient makes frozen weights do as well.
    state: Any = (start or decoder.start)(grid.clone().requires_grad_())
    states, scored = [], []
    for word in words[:, :-1].unbind(dim=1):
        scores, state, _ = decoder.step(word, state)
        states.append(network.recurrent_state(state))
        scored.append(scores)
    loss = torch.nn.functional.cross_entropy(scored[-1], words[:, -1], reduction="sum")
    return GradientReach(name, _norms(loss, states))


def repeated(ids: Sequence[int], length: int, *, start_id: int) -> list[int]:
    """Return a caption read again and again, each time from the start, up to a length."""
    return list(islice(cycle([start_id, *ids]), length))


def _norms(loss: Float[Tensor, ""], states: Sequence[CellState]) -> Float[np.ndarray, " step"]:
    """Return the norm over all parts of each state, the mean over the rows.

    Rows do not touch each other, so the gradient of a sum over rows has that of each row in it.
    """
    parts = [part for state in states for part in state]
    # What the loss does not depend on, such as a state that only its own output is read of, has 0.
    gradients = iter(torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True))
    squares = [
        torch.stack([next(gradients).flatten(1).square().sum(dim=1) for _ in state]).sum(dim=0)
        for state in states
    ]
    return torch.stack(squares).sqrt().mean(dim=1).cpu().double().numpy()
