"""How open the gates stood, against the step that they open and shut in."""

import numpy as np
import pytest
import torch
from tiny_models import decoder_config, encoder_config

from caption.inspection.activations import of_caption
from caption.inspection.gates import gates_of_caption
from caption.models.captioner import CaptionModel
from caption.networks.cells.lstm import LSTM

WORDS = ("a", "red", "block")


def test_the_gates_are_those_that_a_step_goes_by() -> None:
    cell = LSTM(3, 2)
    inputs, state = torch.randn(4, 3), (torch.randn(4, 2), torch.randn(4, 2))
    keep, write, show = cell.gates(inputs, state)
    hidden, memory = cell.step(inputs, state)
    torch.testing.assert_close(hidden, show * memory.tanh())
    entered = (memory - keep * state[1]) / write
    assert bool((entered.abs() <= 1 + 1e-4).all())  # a tanh
    assert all(bool(((gate > 0) & (gate < 1)).all()) for gate in (keep, write, show))


@pytest.mark.parametrize("kind", ["captioner", "knowing"])
def test_every_word_has_its_gates_and_the_model_stays_as_it_was(kind, request) -> None:
    model = request.getfixturevalue(kind).model
    grid = torch.randn(1, 6, model.encoder.feature_dim)
    before = of_caption(model, grid, WORDS).hidden
    gates = gates_of_caption(model, grid, WORDS)
    for values in (gates.keep, gates.write, gates.show, gates.picture):
        assert values.shape == (3,)
        assert ((values > 0) & (values < 1)).all()
    assert type(model.decoder.cell) is LSTM
    assert np.array_equal(of_caption(model, grid, WORDS).hidden, before)
    shorter = gates_of_caption(model, grid, WORDS[:2])
    assert np.array_equal(shorter.keep, gates.keep[:2])  # what comes later changes nothing


@pytest.mark.parametrize(
    ("kind", "cell", "gated"),
    [("nic", "lstm", True), ("att2in", "gru", False), ("updown", "lstm", False)],
)
def test_other_decoders_have_their_gates_or_none(kind, cell, gated, vocabulary) -> None:
    model = CaptionModel(encoder_config(), decoder_config(kind=kind, cell=cell), vocabulary).eval()
    gates = gates_of_caption(model, torch.randn(1, 6, model.encoder.feature_dim), WORDS)
    assert (gates is not None) == gated
    if gates is not None:
        assert gates.keep.shape == (3,)
        assert gates.picture is None
