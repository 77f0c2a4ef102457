"""What holds for all cells that the registry names, alone and in a decoder."""

import pytest
import torch
from tiny_decoders import assert_forced_as_searched
from torch import Tensor

from caption.networks.cells.build import build_cell, initial_dim
from caption.networks.cells.cell import Cell
from caption.networks.config import DecoderConfig
from caption.networks.decoders.soft_attention import SoftAttentionDecoder
from caption.networks.registry import CELLS

CELLS_IN_LAYERS = [(name, layers) for name in CELLS for layers in (1, 2)]
WORDS = torch.tensor([[1, 4, 5], [1, 6, 0], [1, 7, 8], [1, 9, 10]])  # two captions an image


@pytest.fixture(params=CELLS_IN_LAYERS, ids=lambda p: f"{p[0]}-{p[1]}")
def named(request) -> tuple[str, int]:
    return request.param


@pytest.fixture
def decoder(named) -> SoftAttentionDecoder:
    name, layers = named
    config = DecoderConfig(
        cell=name, layers=layers, word_dim=5, visual_dim=6, state_dim=7, attention_dim=4
    )
    return SoftAttentionDecoder(config, feature_dim=8, vocabulary_size=11).eval()


@pytest.fixture
def features() -> Tensor:
    return torch.rand(2, 6, 8)


def test_gradients_are_those_of_finite_differences(named) -> None:
    name, layers = named
    cell = build_cell(name, layers=layers, input_dim=4, state_dim=3).double()
    size = initial_dim(name, layers=layers, state_dim=3)
    inputs = torch.randn(3, 2, 4, dtype=torch.double, requires_grad=True)
    initial = torch.randn(2, size, dtype=torch.double, requires_grad=True)

    def run(inputs: Tensor, initial: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
        state = cell.start(initial)
        for x in inputs:
            state = cell.step(x, state)
        return state

    # The weights are changed where they lie, so the cell need not be given them.
    assert torch.autograd.gradcheck(run, (inputs, initial, *cell.parameters()), fast_mode=True)


def test_what_is_named_is_a_cell(named) -> None:
    name, layers = named
    cell = build_cell(name, layers=layers, input_dim=2, state_dim=3)
    assert isinstance(cell, Cell)
    state = cell.start(torch.randn(4, initial_dim(name, layers=layers, state_dim=3)))
    after = cell.step(torch.randn(4, 2), state)
    assert [part.shape for part in after] == [part.shape for part in state]
    assert after[0].shape == (4, 3)


def test_teacher_forcing_takes_the_same_steps_as_search(decoder, features) -> None:
    assert_forced_as_searched(decoder, WORDS, features)


def test_selected_rows_go_on_as_in_the_batch(decoder, features) -> None:
    state = decoder.start(features, captions_per_image=2)
    _, state, _ = decoder.step(torch.tensor([1, 4, 5, 6]), state)
    words = torch.tensor([2, 3, 4, 5])
    scores, _, _ = decoder.step(words, state)
    kept = torch.tensor([3, 3, 2])
    some, _, _ = decoder.step(words[kept], state.select(kept, torch.tensor([1])))
    torch.testing.assert_close(some, scores[kept])


def test_earlier_words_are_remembered(decoder, features) -> None:
    """They reach later scores through the state alone."""
    changed = WORDS.clone()
    changed[:, 0] = 3
    scores, others = decoder(WORDS, features)[0], decoder(changed, features)[0]
    assert not torch.allclose(scores[:, 2], others[:, 2], rtol=1e-5, atol=1e-6)


def test_half_precision_is_near_the_full_one(decoder, features) -> None:
    scores, _ = decoder(WORDS, features)
    with torch.autocast("cpu", torch.bfloat16):
        rough, _ = decoder(WORDS, features)
    torch.testing.assert_close(rough.float(), scores, atol=0.05, rtol=0.05)


def test_one_layer_is_the_cell_itself() -> None:
    """So that models of earlier versions keep the names of their weights."""
    cell = build_cell("lstm", layers=1, input_dim=2, state_dim=3)
    assert set(cell.state_dict()) == {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}
