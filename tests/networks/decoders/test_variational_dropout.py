"""Dropout of a caption: what is dropped, when it is drawn, and in which cells it may act."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_decoders import CELLS_OF_TESTS, KINDS, WORDS, decoder_of, features_of
from torch import Tensor
from torch.testing import assert_close

from caption.networks.decoders.dropout import CaptionDropout, Masks
from caption.networks.registry import CELLS

every_kind = pytest.mark.parametrize("kind", KINDS)
SAME = torch.tensor([[1, 4, 5, 6]]).repeat(4, 1)
"""Four times the same caption."""


def zeroed_outputs(decoder, words: Tensor, features: Tensor) -> Tensor:
    """Return which units the projection to the vocabulary does without, [row, length, unit]."""
    seen: list[Tensor] = []
    hook = decoder.output_words.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    decoder(words, features)
    hook.remove()
    return seen[0] == 0


@every_kind
def test_a_caption_does_without_the_same_units_at_every_word_and_another_without_others(kind):
    features = features_of(1)
    zeroed = zeroed_outputs(decoder_of(kind, variational_dropout=True), SAME, features)
    assert (zeroed == zeroed[:, :1]).all()
    assert len({tuple(row.tolist()) for row in zeroed[:, 0]}) > 1
    anew = zeroed_outputs(decoder_of(kind), SAME, features)
    assert not (anew == anew[:, :1]).all()


@every_kind
def test_all_chance_is_drawn_at_the_start(kind) -> None:
    features = features_of()
    decoder = decoder_of(kind, variational_dropout=True)
    torch.manual_seed(1)
    scores, _ = decoder(WORDS, features)
    torch.manual_seed(1)
    state = decoder.start(features, captions_per_image=2)
    for position, words in enumerate(WORDS.unbind(dim=1)):
        score, state, _ = decoder.step(words, state)
        assert_close(score, scores[:, position])


@every_kind
def test_a_row_takes_its_units_along_when_it_is_selected(kind) -> None:
    decoder = decoder_of(kind, variational_dropout=True)
    state = decoder.start(features_of(), captions_per_image=2)
    words, rows = torch.tensor([1, 4, 5, 6]), torch.tensor([3, 2, 2, 2])
    scores, _, _ = decoder.step(words, state)
    some, _, _ = decoder.step(words[rows], state.select(rows, torch.tensor([1])))
    assert_close(some, scores[rows])


@every_kind
def test_out_of_training_nothing_is_dropped(kind) -> None:
    features = features_of()
    decoder = decoder_of(kind, variational_dropout=True).eval()
    assert decoder.start(features).masks == Masks()
    scores, _ = decoder(WORDS, features)
    assert torch.equal(decoder(WORDS, features)[0], scores)
    plain = decoder_of(kind, dropout=0.0).eval()
    plain.load_state_dict(decoder.state_dict())
    assert torch.equal(plain(WORDS, features)[0], scores)


@every_kind
def test_ordinary_dropout_acts_in_training_only(kind) -> None:
    features, decoder = features_of(), decoder_of(kind)
    assert not torch.equal(decoder(WORDS, features)[0], decoder(WORDS, features)[0])
    decoder.eval()
    assert torch.equal(decoder(WORDS, features)[0], decoder(WORDS, features)[0])


@settings(deadline=None, max_examples=20)
@given(st.floats(0.0, 0.9))
def test_what_is_kept_makes_up_for_what_is_dropped(share) -> None:
    torch.manual_seed(0)
    mask = CaptionDropout(share).draw(torch.zeros(100, 3), 200)
    assert_close(mask[mask > 0], torch.full_like(mask[mask > 0], 1 / (1 - share)))
    assert float(mask.mean()) == pytest.approx(1.0, abs=0.1)


class Recorder(torch.nn.Linear):
    """A cell that keeps what it is given; beside its hidden state it remembers as much again."""

    def __init__(self, input_dim: int, state_dim: int) -> None:
        super().__init__(input_dim, state_dim)
        self.read: list[tuple[Tensor, Tensor]] = []

    @staticmethod
    def initial_dim(state_dim: int) -> int:
        return state_dim

    def start(self, initial: Tensor) -> tuple[Tensor, ...]:
        return initial, initial

    def step(self, inputs: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        self.read.append((inputs, state[0]))
        return (torch.tanh(self(inputs) + 2),) * 2


def test_words_and_hidden_state_do_without_the_same_units_at_every_word(monkeypatch) -> None:
    monkeypatch.setitem(CELLS, "recorder", f"{__name__}:Recorder")
    decoder = decoder_of("nic", cell="recorder", variational_dropout=True)
    decoder(SAME, features_of(1))
    inputs, hidden = (
        torch.stack(parts, dim=1) == 0 for parts in zip(*decoder.cell.read[1:], strict=True)
    )
    for zeroed in (inputs, hidden):
        assert (zeroed == zeroed[:, :1]).all()
        assert len({tuple(row.tolist()) for row in zeroed[:, 0]}) > 1


def test_a_hidden_state_that_is_the_whole_memory_is_kept_whole(monkeypatch) -> None:
    """Scaled up at every word, it would grow with the length of the caption."""
    for name, place in CELLS_OF_TESTS.items():
        monkeypatch.setitem(CELLS, name, place)
    decoder = decoder_of("nic", cell="mean", variational_dropout=True, dropout=0.5)
    state = decoder.start(features_of(1))
    for _ in range(50):
        _, state, _ = decoder.step(torch.tensor([1]), state)
    assert state.cells[0][0].abs().max() <= 1
