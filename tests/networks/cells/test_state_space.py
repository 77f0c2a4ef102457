"""Laws of the state-space cell: it solves x' = Ax + Bu for a held input."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from caption.networks.cells.cell import CellState
from caption.networks.cells.state_space import StateSpace

CHANNELS, INPUT = 3, 2


def new_cell() -> StateSpace:
    torch.manual_seed(0)
    return StateSpace(INPUT, CHANNELS).double()


def driven_by(cell: StateSpace, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return u and Δ of every channel and B of every mode, for one row of a held input."""
    held = cell.project_input(cell.norm_input(inputs))[:, :CHANNELS]
    u = F.silu(cell.convolve(held.unsqueeze(-1).repeat(1, 1, cell.window)).squeeze(-1))
    selected = cell.select(u)
    delta = F.softplus(cell.project_delta(selected[:, : cell.delta_rank]))
    return u[0], delta[0], selected[0, cell.delta_rank : cell.delta_rank + cell.modes]


def after_holding(cell: StateSpace, inputs: Tensor) -> CellState:
    """Return a state whose last inputs were all this one."""
    state = cell.start(torch.randn(1, 2 * CHANNELS, dtype=inputs.dtype))
    for _ in range(cell.window):
        state = cell.step(inputs, state)
    return state


def set_step(cell: StateSpace, before_softplus: float) -> None:
    torch.nn.init.zeros_(cell.project_delta.weight)
    torch.nn.init.constant_(cell.project_delta.bias, before_softplus)


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 6), st.lists(st.floats(-3, 3), min_size=INPUT, max_size=INPUT))
def test_steps_over_a_held_input_are_the_matrix_exponential(steps: int, held) -> None:
    cell = new_cell()
    inputs = torch.tensor([held], dtype=torch.double)
    state = before = after_holding(cell, inputs)
    for _ in range(steps):
        state = cell.step(inputs, state)
    u, delta, b = driven_by(cell, inputs)
    for channel in range(CHANNELS):
        # x' = Ax + Bu with a constant u is linear in (x, 1).
        system = torch.zeros(cell.modes + 1, cell.modes + 1, dtype=torch.double)
        system[:-1, :-1] = torch.diag(-cell.log_rates[channel].exp())
        system[:-1, -1] = b * u[channel]
        solution = torch.linalg.matrix_exp(system * steps * delta[channel])
        start = torch.cat([before[1][0, channel], torch.ones(1, dtype=torch.double)])
        torch.testing.assert_close(state[1][0, channel], (solution @ start)[:-1])


def test_no_time_keeps_the_memory_and_endless_time_forgets_it() -> None:
    cell, inputs = new_cell(), torch.randn(1, INPUT, dtype=torch.double)
    before = after_holding(cell, inputs)
    set_step(cell, -100.0)
    torch.testing.assert_close(cell.step(inputs, before)[1], before[1], rtol=0, atol=0)
    set_step(cell, 1e4)
    u, _, b = driven_by(cell, inputs)
    rates = torch.arange(1.0, cell.modes + 1, dtype=torch.double)
    torch.testing.assert_close(cell.step(inputs, before)[1][0], u.unsqueeze(-1) * b / rates)


@pytest.mark.parametrize("before_softplus", [-20.0, -60.0])
def test_a_step_too_short_for_single_precision_still_moves(before_softplus: float) -> None:
    """Here exp(ΔA) is 1 in single precision, and exp(ΔA) - 1 would be 0."""
    cell, inputs = new_cell().float(), torch.randn(1, INPUT)
    hidden, memory, last = after_holding(cell, inputs)
    set_step(cell, before_softplus)
    _, memory, _ = cell.step(inputs, (hidden, torch.zeros_like(memory), last))
    u, delta, b = driven_by(cell, inputs)
    torch.testing.assert_close(memory[0], (delta * u).unsqueeze(-1) * b, rtol=1e-5, atol=0)


def test_a_new_cell_forgets_at_the_rates_of_the_paper() -> None:
    """Without input, mode n of a channel decays by exp(-nΔ), with Δ in [0.001, 0.1]."""
    cell = StateSpace(INPUT, 200).double()
    torch.nn.init.zeros_(cell.convolve.bias)
    start = cell.start(torch.ones(1, 400, dtype=torch.double))
    memory = cell.step(torch.zeros(1, INPUT, dtype=torch.double), start)[1][0]
    delta = -memory[:, 0].log()
    assert delta.min() >= 0.001 - 1e-6
    assert delta.max() <= 0.1 + 1e-6
    assert delta.min() < 0.002
    assert delta.max() > 0.05
    for n in range(1, cell.modes + 1):
        torch.testing.assert_close(memory[:, n - 1], memory[:, 0] ** n)
