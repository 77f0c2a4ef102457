import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from caption.engine.config import OptimConfig
from caption.engine.optim import build_optimizer, build_schedule, clip_gradients, gradient_norm


def rates(config: OptimConfig, *, epochs: int = 4, updates_per_epoch: int = 5) -> list[float]:
    """Return the scale of the learning rate before every update, and after the last."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = build_schedule(optimizer, config, epochs=epochs, updates_per_epoch=updates_per_epoch)
    found = []
    for _ in range(epochs * updates_per_epoch + 1):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return found


def test_the_rate_warms_up_and_decays_to_its_final_share() -> None:
    found = rates(OptimConfig(warmup_steps=4, final_share=0.1))
    assert found[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert found[4:] == sorted(found[4:], reverse=True)
    assert found[20] == pytest.approx(0.1)


def test_the_rate_steps_down_every_few_epochs_from_the_first() -> None:
    config = OptimConfig(schedule="step", warmup_steps=2, step_epochs=2, step_factor=0.8)
    assert rates(config, epochs=6, updates_per_epoch=2)[:-1] == pytest.approx(
        [0.5, 1, 1, 1, *[0.8] * 4, *[0.64] * 4]
    )


def test_a_constant_rate_only_warms_up() -> None:
    assert rates(OptimConfig(schedule="constant", warmup_steps=1)) == [1.0] * 21


def test_the_encoder_has_its_own_rates_and_only_matrices_decay() -> None:
    model = nn.ModuleDict(
        {
            "encoder": nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)),
            "decoder": nn.Linear(2, 2),
            "embed": nn.Embedding(3, 2),
        }
    )
    model["encoder"][2].bias.requires_grad = False
    stages = {
        name: 2 - int(name.split(".")[1])
        for name, _ in model.named_parameters()
        if name.startswith("encoder.")
    }
    optimizer = build_optimizer(model, OptimConfig(weight_decay=0.1, stage_decay=0.5), stages)
    found = {
        (group["lr"], group["weight_decay"], len(group["params"]))
        for group in optimizer.param_groups
    }
    assert found == {
        (2.5e-5, 0.1, 1),
        (2.5e-5, 0.0, 1),
        (5e-5, 0.1, 1),
        (5e-5, 0.0, 1),
        (1e-4, 0.1, 1),
        (1e-3, 0.1, 1),
        (1e-3, 0.0, 2),
    }


@given(
    st.lists(st.floats(-9, 9, width=32), min_size=2, max_size=2),
    st.sampled_from(["norm", "value"]),
    st.floats(0.1, 5),
)
def test_clipping_keeps_the_limit_and_what_is_below_it(values, clip, limit) -> None:
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    parameters[0].grad = before = torch.tensor(values)
    before = before.clone()
    norm = gradient_norm(parameters)
    torch.testing.assert_close(norm, before.norm())
    clip_gradients(parameters, OptimConfig(clip=clip, clip_at=limit), norm)
    if clip == "value":
        expected = before.clamp(-limit, limit)
    else:
        expected = before * min(1.0, limit / max(float(norm), 1e-9))
    torch.testing.assert_close(parameters[0].grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clip_at": 0.0}, "clip_at must be above 0, got 0.0"),
        ({"stage_decay": 2.6}, r"stage_decay must be in \(0, 1\], got 2.6"),
        ({"step_factor": 0.0}, r"step_factor must be in \(0, 1\], got 0.0"),
        ({"step_epochs": 0}, "step_epochs must be at least 1, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        OptimConfig(**change)
