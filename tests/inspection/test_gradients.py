"""How far gradients reach, against recurrences for which it is known."""

import numpy as np
import pytest
import torch
from linear import ClosedDecoder, LinearDecoder, ScaledRotation
from tiny import scene

from caption.errors import ModelError
from caption.inspection.gradients import (
    GradientReach,
    cell_reach,
    decoder_reach,
    fresh_reaches,
    repeated,
)
from caption.networks.config import DecoderConfig
from caption.networks.decoder import build_decoder
from caption.networks.registry import CELLS


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.1])
@pytest.mark.parametrize("steps", [1, 20, 100])
def test_in_a_scaled_rotation_the_norm_is_a_power_of_the_scale(scale, steps) -> None:
    cell = ScaledRotation(6, 6, scale)
    reach = cell_reach(
        "rotation", cell, input_dim=6, initial_dim=6, state_dim=6, steps=steps, seed=0
    )
    assert reach.norms == pytest.approx(scale ** np.arange(steps)[::-1])
    assert reach.shares == pytest.approx(scale ** np.arange(steps))


@pytest.mark.parametrize("frozen", [False, True])
def test_in_a_decoder_too_even_if_its_weights_are_frozen(frozen) -> None:
    decoder = LinearDecoder(words=5, scale=0.7).requires_grad_(not frozen)
    words = torch.tensor([[0, 1, 2, 3, 4, 1], [0, 4, 4, 4, 4, 2]])
    with torch.inference_mode():  # as an extractor leaves them
        grid = torch.randn(2, 3, 5, dtype=torch.float64)
    reach = decoder_reach("linear", decoder, grid, words)
    assert reach.shares == pytest.approx(0.7 ** np.arange(5))
    scores = decoder.start(grid.clone()).cell[0]
    for word in words.T[:-1]:
        scores = scores @ decoder.cell.weight.T + decoder.embed[word]
    error = (scores.softmax(dim=-1) - decoder.embed[words[:, -1]]).norm(dim=-1).mean()
    assert reach.norms[-1] == pytest.approx(error.item())


def test_a_state_that_the_loss_does_not_depend_on_has_no_gradient() -> None:
    class Forgetful(ScaledRotation):
        def step(self, inputs, state):
            return inputs * self.weight.sum(), state[0]

    reach = cell_reach(
        "forgetful", Forgetful(4, 4), input_dim=4, initial_dim=4, state_dim=4, steps=3, seed=0
    )
    assert reach.norms[:2].tolist() == [0, 0]
    assert reach.norms[2] == pytest.approx(1)


def test_how_many_steps_stay_above_a_share() -> None:
    falling = GradientReach("falling", np.array([0.1, 1.0, 2.0, 4.0]))
    assert [falling.steps_above(share) for share in (0.6, 0.5, 0.25, 0.01)] == [1, 2, 3, 4]


def test_every_cell_there_is_starts_from_the_seed_and_nothing_else(monkeypatch) -> None:
    monkeypatch.setitem(CELLS, "mine", "linear:ScaledRotation")
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again = (fresh_reaches(steps=4, state_dim=8, seed=3) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert [reach.name for reach in first] == [f"fresh {name}" for name in CELLS]
    assert np.array_equal([r.norms for r in first], [r.norms for r in again])
    other = fresh_reaches(steps=4, state_dim=8, seed=4)
    assert not np.array_equal(first[0].norms, other[0].norms)


def test_the_soft_attention_decoder_shows_its_recurrence() -> None:
    config = DecoderConfig(word_dim=4, visual_dim=4, state_dim=4, attention_dim=4)
    decoder = build_decoder(config, feature_dim=3, vocabulary_size=9).eval()
    reach = decoder_reach("fresh", decoder, torch.randn(2, 6, 3), torch.randint(9, (2, 5)))
    assert len(reach.norms) == 4
    assert (reach.norms > 0).all()
    assert all(weight.grad is None for weight in decoder.parameters())


def test_the_gradients_of_a_model_that_recognises_words_reach_through_them(knowing) -> None:
    model, words = knowing.model, torch.randint(4, 9, (2, 5))
    grid = knowing.encode([scene("red", "left"), scene("blue", "right")]).grid
    told, blind = (
        decoder_reach("known", model.decoder, grid, words, start=start).norms
        for start in (model.start, model.decoder.start)
    )
    assert told.shape == blind.shape == (4,)
    assert not np.allclose(told, blind)
    assert all(weight.grad is None for weight in model.parameters())


def test_a_decoder_without_recurrence_is_refused_in_one_line() -> None:
    decoder = ClosedDecoder(words=3, scale=0.9)
    with pytest.raises(ModelError, match="no recurrence to look into; use a model"):
        decoder_reach("closed", decoder, torch.randn(1, 2, 3), torch.zeros(1, 3, dtype=torch.long))


def test_a_caption_is_read_again_from_its_start() -> None:
    assert repeated([5, 6], 7, start_id=1) == [1, 5, 6, 1, 5, 6, 1]
    assert repeated([], 2, start_id=1) == [1, 1]
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        fresh_reaches(steps=0)
    with pytest.raises(ValueError, match="words must be at least 2 of each caption, got 1"):
        decoder_reach("one", ClosedDecoder(3, 0.9), torch.ones(1, 1, 3), torch.tensor([[0]]))
