"""Roll-outs over tables of probabilities."""

import math

import pytest
import torch

from caption.search.rollout import drawn, likeliest, roll_out
from caption.search.steps import SpecialIds, Step

IDS = SpecialIds(start=0, end=1, pad=2, unknown=3)
NEXT = torch.tensor(
    [
        [0.0, 0.1, 0.0, 0.0, 0.6, 0.3],  # after the start
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.5, 0.0, 0.0, 0.25, 0.25],  # after word 4
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],  # word 5 goes on for ever
    ]
)


class Nothing:
    def select(self, rows, images=None) -> "Nothing":
        return self


def step_of(weights: torch.Tensor):
    def step(words, state):
        return Step(weights[words].log(), state, None)

    return step


def write(choose, *, rows: int = 1, max_length: int = 4, table: torch.Tensor = NEXT):
    return roll_out(
        step_of(table), Nothing(), num_rows=rows, ids=IDS, max_length=max_length, choose=choose
    )


def test_the_likeliest_caption_and_what_was_thought_of_it() -> None:
    caption = write(likeliest)
    assert caption.words.tolist() == [[4, 1]]
    assert caption.mask.tolist() == [[True, True]]
    assert caption.log_probs.exp().tolist()[0] == pytest.approx([0.6, 0.5])
    entropy = [-sum(p * math.log(p) for p in row if p) for row in ((0.1, 0.6, 0.3), (0.5,) * 1)]
    assert caption.entropy[0, 0].item() == pytest.approx(entropy[0])
    assert caption.entropy[0, 1].item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4))


def test_captions_are_drawn_as_often_as_they_are_likely() -> None:
    captions = write(drawn, rows=20_000, max_length=3)
    first = captions.words[:, 0]
    for word, share in ((1, 0.1), (4, 0.6), (5, 0.3)):
        assert (first == word).float().mean().item() == pytest.approx(share, abs=0.015)
    whole = captions.log_probs.where(captions.mask, 0).sum(dim=1).exp()
    short = captions.mask.sum(dim=1) == 2  # "4" and the end
    assert short.float().mean().item() == pytest.approx(0.3, abs=0.015)
    assert whole[short].tolist() == pytest.approx([0.3] * int(short.sum()))


def test_the_mask_ends_with_the_end_and_a_caption_without_one_is_cut() -> None:
    captions = write(drawn, rows=200, max_length=3)
    for words, mask in zip(captions.words.tolist(), captions.mask.tolist(), strict=True):
        length = words.index(IDS.end) + 1 if IDS.end in words else len(words)
        assert mask == [place < length for place in range(len(words))]
    endless = (captions.words[:, 0] == 5).nonzero()[0]
    assert captions.words[endless].tolist() == [[5, 5, 5, 5]]


def test_the_gradient_reaches_the_scores_of_what_was_written() -> None:
    table = NEXT.clamp(min=1e-6).requires_grad_()
    caption = write(likeliest, table=table)
    caption.log_probs.sum().backward()
    assert table.grad is not None
    assert table.grad[0, 4].item() == pytest.approx(1 / 0.6)
    assert table.grad[4, 1].item() == pytest.approx(1 / 0.5)
    assert table.grad.count_nonzero() == 2
