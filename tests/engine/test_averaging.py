from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from line_task import CONFIG, LineTask, fit, saved_weights, weights
from torch import nn

from caption.engine.averaging import AveragedWeights
from caption.engine.config import TrainerConfig

AVERAGED = replace(CONFIG, ema=0.9)


@given(st.floats(0.05, 0.999), st.lists(st.floats(-3, 3, width=32), max_size=20))
def test_the_average_is_that_of_the_formula(decay, values) -> None:
    model = nn.Linear(1, 1, bias=False)
    average = AveragedWeights(model, decay)
    expected = model.weight.item()
    for n, value in enumerate(values):
        nn.init.constant_(model.weight, value)
        average.update()
        share = min(decay, (1 + n) / (10 + n))
        expected = share * expected + (1 - share) * value
    own = model.weight.item()
    with average.in_model():
        assert model.weight.item() == pytest.approx(expected, abs=1e-5)
    assert model.weight.item() == own


def test_running_statistics_are_averaged_and_what_is_frozen_stays() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[0].requires_grad_(False)
    frozen = model[0].weight.clone()
    average = AveragedWeights(model, 0.5)
    model(torch.rand(4, 2))
    after = model[1].running_mean.clone()
    average.update()
    with average.in_model():
        torch.testing.assert_close(model[1].running_mean, 0.9 * after)
        assert model[1].num_batches_tracked == 1
        assert torch.equal(model[0].weight, frozen)
    assert torch.equal(model[1].running_mean, after)


def test_an_error_in_validation_leaves_the_model_its_own_weights() -> None:
    model = nn.Linear(1, 1)
    average = AveragedWeights(model, 0.5)
    nn.init.zeros_(model.weight)
    with pytest.raises(KeyError), average.in_model():
        raise KeyError
    assert model.weight.item() == 0


def test_what_is_validated_and_saved_is_the_average_and_training_goes_on_without(tmp_path) -> None:
    class Recorded(LineTask):
        def validate(self) -> dict[str, float]:
            self.validated = weights(self)
            return super().validate()

    plain, averaged = Recorded(), Recorded()
    fit(plain, tmp_path / "plain")
    fit(averaged, tmp_path / "averaged", AVERAGED)
    assert averaged.losses == plain.losses
    assert torch.equal(weights(averaged), weights(plain))
    assert not torch.allclose(averaged.validated, weights(averaged))
    assert torch.equal(saved_weights(tmp_path / "averaged" / "last"), averaged.validated)
    assert torch.equal(saved_weights(tmp_path / "plain" / "last"), weights(plain))


def test_a_resumed_run_goes_on_with_the_same_average(tmp_path) -> None:
    fit(LineTask(), tmp_path / "whole", AVERAGED)
    fit(LineTask(interrupt_at=11), tmp_path / "broken", AVERAGED)
    assert fit(LineTask(), tmp_path / "broken", AVERAGED, resume=True).finished
    one, other = (saved_weights(tmp_path / name / "last") for name in ("whole", "broken"))
    assert torch.equal(one, other)


def test_a_decay_of_one_would_never_learn() -> None:
    with pytest.raises(ValueError, match=r"ema must be in \[0, 1\), got 1.0"):
        TrainerConfig(ema=1.0)
