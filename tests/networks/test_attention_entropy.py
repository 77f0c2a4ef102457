"""How spread attention is."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.networks.attention import attention_entropy


def test_by_hand() -> None:
    weights = torch.tensor([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    assert attention_entropy(weights).tolist() == pytest.approx([0, math.log(2), math.log(4)])


@settings(max_examples=50)
@given(st.lists(st.floats(-20, 20), min_size=1, max_size=49), st.randoms())
def test_it_lies_between_one_position_and_all_and_ignores_their_order(logits, chance) -> None:
    weights = torch.tensor(logits, dtype=torch.float64).softmax(dim=0)
    value = attention_entropy(weights).item()
    assert -1e-9 <= value <= math.log(len(logits)) + 1e-9
    order = list(range(len(logits)))
    chance.shuffle(order)
    assert attention_entropy(weights[order]).item() == pytest.approx(value)
