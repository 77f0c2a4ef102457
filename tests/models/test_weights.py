"""What is written of weights, and what comes back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from caption.errors import ModelError
from caption.models.directory import load_weights
from caption.models.weights import restored, stored

SEEDS = st.integers(0, 2**31)


def table(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(shape, generator=generator)
    return rows * torch.logspace(-6, 3, shape[0]).reshape(-1, *[1] * (len(shape) - 1))


@given(SEEDS)
def test_eight_bits_miss_by_half_a_step_of_their_row_at_most(seed: int) -> None:
    weights = {"table": table(seed, 5, 16), "filter": table(seed, 4, 2, 3, 3)}
    back = restored(stored(weights, torch.int8))
    for name, weight in weights.items():
        steps = weight.abs().flatten(1).amax(dim=1) / 127 * 1.125  # scales are rounded up
        missed = (back[name] - weight).abs().flatten(1).amax(dim=1)
        assert (missed <= steps * 0.5001).all()


@given(SEEDS)
def test_eight_bits_written_again_are_the_same(seed: int) -> None:
    once = restored(stored({"table": table(seed, 5, 16)}, torch.int8))
    twice = restored(stored(once, torch.int8))
    assert torch.equal(twice["table"], once["table"])


@given(SEEDS)
def test_eight_bits_are_exact_in_half_precision_too(seed: int) -> None:
    rows = torch.randn(5, 16, generator=torch.Generator().manual_seed(seed))
    back = restored(stored({"table": rows}, torch.int8))["table"]
    assert torch.equal(back.half().float(), back)


def test_eight_bits_are_a_quarter_and_a_row_of_zeros_stays_one() -> None:
    weights = {"table": torch.cat([torch.ones(100, 400), torch.zeros(1, 400)])}
    written = stored(weights, torch.int8)
    assert sum(t.numel() * t.element_size() for t in written.values()) < 0.26 * 4 * 101 * 400
    torch.testing.assert_close(restored(written)["table"], weights["table"], rtol=0.01, atol=0)


def test_what_is_no_table_is_kept_in_half_precision_and_whole_numbers_as_they_are() -> None:
    weights = {"bias": torch.tensor([0.1, 2.0]), "short": torch.ones(9, 2), "n": torch.tensor(7)}
    written = stored(weights, torch.int8)
    assert {name: t.dtype for name, t in written.items()} == {
        "bias": torch.float16,
        "short": torch.float16,
        "n": torch.int64,
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda w: w.pop("weight:scale"), "'weight' is torch.int8 and has no scales"),
        (lambda w: w.pop("weight"), "'weight:scale' are the scales of nothing"),
        (lambda w: w.update({"weight:scale": torch.ones(3)}), "has 4 rows and scales of"),
        (lambda w: w.update({"weight": torch.ones(4, 16)}), "is torch.float32 and has 4 scales"),
    ],
)
def test_a_table_whose_scales_are_not_its_own_is_refused(tmp_path, change, says: str) -> None:
    layer = nn.Linear(16, 4)
    written = stored(layer.state_dict(), torch.int8)
    change(written)
    save_file(written, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=says):
        load_weights(layer, tmp_path)
    assert set(load_file(tmp_path / "model.safetensors")) == set(written)
