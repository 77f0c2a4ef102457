"""Every cell against its paper's equations, written out in double precision."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from caption.networks.cells.build import build_cell, initial_dim
from caption.networks.cells.cell import Cell, CellState

ROWS, STEPS, INPUT, STATE = 2, 6, 4, 3

Weights = dict[str, Tensor]


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + (-x).exp())


def normalised(x: Tensor) -> Tensor:
    centred = x - x.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()


def rnn(w: Weights, x: Tensor, h: Tensor) -> CellState:
    total = x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]
    return (torch.tanh(total),)


def gru(w: Weights, x: Tensor, h: Tensor) -> CellState:
    of_x = (x @ w["weight_ih"].T + w["bias_ih"]).split(STATE, dim=-1)
    of_h = (h @ w["weight_hh"].T + w["bias_hh"]).split(STATE, dim=-1)
    reset, update = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1])
    candidate = torch.tanh(of_x[2] + reset * of_h[2])
    return ((1 - update) * candidate + update * h,)


def lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> CellState:
    gates = x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]
    i, f, g, o = gates.split(STATE, dim=-1)
    c = sigmoid(f) * c + sigmoid(i) * torch.tanh(g)
    return sigmoid(o) * torch.tanh(c), c


def layer_norm_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> CellState:
    gates = (
        normalised(h @ w["project_hidden.weight"].T) * w["norm_hidden.weight"]
        + normalised(x @ w["project_input.weight"].T) * w["norm_input.weight"]
        + w["norm_input.bias"]
    )
    f, i, o, g = gates.split(STATE, dim=-1)
    c = sigmoid(f) * c + sigmoid(i) * torch.tanh(g)
    return sigmoid(o) * torch.tanh(normalised(c) * w["norm_cell.weight"] + w["norm_cell.bias"]), c


def state_space(w: Weights, x: Tensor, _: Tensor, memory: Tensor, last: Tensor) -> CellState:
    """Take one row, one channel and one mode after the other."""
    x = normalised(x) * w["norm_input.weight"] + w["norm_input.bias"]
    u, z = (x @ w["project_input.weight"].T).split(STATE, dim=-1)
    last = torch.stack([*last.unbind(dim=-1), u], dim=-1)
    kernel = w["convolve.weight"][:, 0]
    u = w["convolve.bias"] + sum(kernel[:, i] * last[:, :, i] for i in range(4))
    u = u * sigmoid(u)
    rank = w["project_delta.weight"].shape[1]
    selected = u @ w["select.weight"].T
    modes = (selected.shape[-1] - rank) // 2
    low_rank, b, c = selected[:, :rank], selected[:, rank : rank + modes], selected[:, -modes:]
    delta = (1 + (low_rank @ w["project_delta.weight"].T + w["project_delta.bias"]).exp()).log()
    a = -w["log_rates"].exp()
    after, y = torch.empty_like(memory), torch.zeros_like(u)
    for row in range(ROWS):
        for channel in range(STATE):
            for mode in range(modes):
                step = delta[row, channel] * a[channel, mode]
                b_bar = (step.exp() - 1) / step * delta[row, channel] * b[row, mode]
                after[row, channel, mode] = (
                    step.exp() * memory[row, channel, mode] + b_bar * u[row, channel]
                )
                y[row, channel] += c[row, mode] * after[row, channel, mode]
    y = (y + w["skip"] * u) * z * sigmoid(z)
    return y @ w["project_output.weight"].T, after, last[:, :, 1:]


EQUATIONS: dict[str, Callable[..., CellState]] = {
    "rnn": rnn,
    "gru": gru,
    "lstm": lstm,
    "layer_norm_lstm": layer_norm_lstm,
    "state_space": state_space,
}


def drawn(name: str, *, layers: int) -> Cell:
    """A cell in double precision whose every weight is drawn, so that none is 0 or 1."""
    cell = build_cell(name, layers=layers, input_dim=INPUT, state_dim=STATE).double()
    for weights in cell.parameters():
        torch.nn.init.normal_(weights, std=0.7)
    return cell


def inputs_and_initial(name: str, *, layers: int) -> tuple[Tensor, Tensor]:
    size = initial_dim(name, layers=layers, state_dim=STATE)
    inputs = torch.randn(STEPS, ROWS, INPUT, dtype=torch.double)
    return inputs, torch.randn(ROWS, size, dtype=torch.double)


@pytest.mark.parametrize("name", EQUATIONS)
def test_steps_follow_the_equations(name: str) -> None:
    cell = drawn(name, layers=1)
    inputs, initial = inputs_and_initial(name, layers=1)
    state = expected = cell.start(initial)
    for x in inputs:
        state = cell.step(x, state)
        expected = EQUATIONS[name](dict(cell.named_parameters()), x, *expected)
        torch.testing.assert_close(state, expected)


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_stack_adds_what_a_layer_reads_to_what_it_says(name: str) -> None:
    stack = drawn(name, layers=3)
    inputs, initial = inputs_and_initial(name, layers=3)
    state = stack.start(initial)
    shares = zip(stack.layers, initial.chunk(3, dim=-1), strict=True)
    expected = [layer.start(share) for layer, share in shares]
    torch.testing.assert_close(state[0], expected[0][0] + expected[1][0] + expected[2][0])
    for x in inputs:
        state = stack.step(x, state)
        for layer, cell in enumerate(stack.layers):
            weights = dict(cell.named_parameters())
            expected[layer] = EQUATIONS[name](weights, x, *expected[layer])
            x = expected[layer][0] + (x if layer > 0 else 0)
        torch.testing.assert_close(state, (x, *(part for parts in expected for part in parts)))


def test_the_lstm_starts_from_hidden_then_cell_state() -> None:
    initial = torch.arange(4.0).expand(ROWS, 4)
    cell = build_cell("lstm", layers=1, input_dim=INPUT, state_dim=2)
    hidden, memory = cell.start(initial)
    assert hidden[0].tolist() == [0, 1]
    assert memory[0].tolist() == [2, 3]
