"""What is true of every kind of decoder, with every cell."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_decoders import (
    CELLS_OF_TESTS,
    KINDS,
    VOCABULARY_SIZE,
    WORDS,
    assert_forced_as_searched,
    decoder_of,
    features_of,
)
from torch import nn
from torch.testing import assert_close

from caption.networks.decoder import Decoder, DecoderState, ScoresSome
from caption.networks.registry import CELLS

every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def _one_cell_more(monkeypatch) -> None:
    for name, place in CELLS_OF_TESTS.items():
        monkeypatch.setitem(CELLS, name, place)


@pytest.fixture(params=[(kind, cell) for kind in KINDS for cell in ("lstm", "mean")])
def decoder(request, _one_cell_more):
    kind, cell = request.param
    return decoder_of(kind, cell=cell, styles=("short",)).eval()


def test_it_is_a_decoder_and_its_state_a_state(decoder) -> None:
    assert isinstance(decoder, Decoder)
    assert isinstance(decoder, ScoresSome)
    assert isinstance(decoder.start(features_of()), DecoderState)


def test_teacher_forcing_takes_the_same_steps_as_search(decoder) -> None:
    assert_forced_as_searched(decoder, WORDS, features_of())


def test_scores_of_some_words_are_those_of_all(decoder) -> None:
    features, styles = features_of(), torch.tensor([0, 1, 0, 1])
    mask = torch.tensor([[1, 1, 0], [0, 0, 0], [1, 0, 1], [1, 1, 1]]).bool()
    scores, weights = decoder(WORDS, features, styles)
    some, same_weights = decoder.scores_at(mask, WORDS, features, styles)
    assert_close(some, scores[mask])
    assert_close(same_weights, weights)


def test_captions_side_by_side_equal_captions_alone(decoder) -> None:
    features = features_of()
    together, _ = decoder(WORDS, features)
    for row in range(len(WORDS)):
        alone, _ = decoder(WORDS[row : row + 1], features[row // 2 : row // 2 + 1])
        assert_close(together[row : row + 1], alone)


def test_only_words_to_come_are_not_known(decoder) -> None:
    features = features_of()
    scores, _ = decoder(WORDS, features)
    for place in range(WORDS.shape[1]):
        changed = WORDS.clone()
        changed[:, place] = 3
        other, _ = decoder(changed, features)
        assert_close(other[:, :place], scores[:, :place])
        for position in range(place, WORDS.shape[1]):
            assert not torch.allclose(other[:, position], scores[:, position])


@every_kind
@settings(deadline=None, max_examples=10)
@given(order=st.permutations(range(6)))
def test_permuted_positions_permute_the_weights_and_leave_the_scores(kind, order) -> None:
    torch.manual_seed(0)
    decoder, features = decoder_of(kind).eval(), features_of()
    scores, weights = decoder(WORDS, features)
    other_scores, other_weights = decoder(WORDS, features[:, order])
    assert_close(other_scores, scores)
    assert_close(other_weights, None if weights is None else weights[:, :, order])


def test_attention_is_a_distribution_over_positions_or_there_is_none(decoder) -> None:
    _, weights = decoder(WORDS, features_of())
    assert decoder.has_attention == (weights is not None)
    if weights is not None:
        assert (weights >= 0).all()
        assert_close(weights.sum(dim=-1), torch.ones(4, 3))


def test_the_picture_reaches_the_scores_of_every_word(decoder) -> None:
    features = features_of()
    scores, _ = decoder(WORDS, features)
    other, _ = decoder(WORDS, features.flip(0))
    assert not torch.isclose(scores, other).all(dim=-1).any()


def test_states_of_some_rows_and_images_go_on_as_in_the_batch(decoder) -> None:
    state = decoder.start(features_of(), captions_per_image=2, styles=torch.tensor([0, 1, 0, 1]))
    _, state, _ = decoder.step(torch.tensor([1, 4, 5, 6]), state)
    words = torch.tensor([3, 2, 9, 1])
    scores, _, weights = decoder.step(words, state)
    for rows, images in (([1, 0, 2, 2], None), ([3, 3], [1]), ([2, 3, 0, 1], [1, 0])):
        kept = state.select(torch.tensor(rows), None if images is None else torch.tensor(images))
        some_scores, _, some_weights = decoder.step(words[rows], kept)
        assert_close(some_scores, scores[rows])
        assert_close(some_weights, None if weights is None else weights[rows])


def test_a_style_is_told_by_its_row_and_the_own_one_is_the_default(decoder) -> None:
    features, (table,) = features_of(), decoder.style_tables
    assert decoder.get_parameter(table).shape[0] == 2
    nn.init.normal_(decoder.get_parameter(table))
    own, _ = decoder(WORDS, features, torch.zeros(4, dtype=torch.long))
    mixed, _ = decoder(WORDS, features, torch.tensor([0, 1, 1, 0]))
    assert_close(decoder(WORDS, features)[0], own)
    assert_close(mixed[[0, 3]], own[[0, 3]])
    assert not torch.isclose(mixed[[1, 2]], own[[1, 2]]).all(dim=-1).any()


@every_kind
def test_without_styles_there_is_no_table(kind) -> None:
    assert decoder_of(kind).style_tables == ()


def test_word_tables_are_all_that_has_a_row_for_each_word(decoder) -> None:
    sizes = {name: len(weights) for name, weights in decoder.named_parameters()}
    assert {name for name in sizes if sizes[name] == VOCABULARY_SIZE} == {*decoder.word_tables}


def test_every_weight_learns(decoder) -> None:
    scores, _ = decoder(WORDS, features_of())
    (scores * torch.randn_like(scores)).sum().backward()
    for name, weights in decoder.named_parameters():
        assert weights.grad is not None, name
        assert weights.grad.abs().sum() > 0, name


@every_kind
@pytest.mark.parametrize("variational", [False, True])
def test_half_precision_trains(kind, variational) -> None:
    decoder = decoder_of(kind, variational_dropout=variational)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores, _ = decoder(WORDS, features_of())
    scores.float().sum().backward()
    assert all(weights.grad.isfinite().all() for weights in decoder.parameters())


@every_kind
@pytest.mark.parametrize("truncate", [1, 2])
def test_gradients_end_at_a_cut_and_scores_do_not_change(kind, truncate) -> None:
    decoder, features = decoder_of(kind, dropout=0.0), features_of(1)
    words = torch.tensor([[1, 2, 3, 4, 5]])

    def touched(truncate: int) -> tuple[list[bool], torch.Tensor]:
        decoder.truncate = truncate
        decoder.zero_grad()
        scores, _ = decoder(words, features)
        scores[0, -1].square().sum().backward()
        return [bool(decoder.embed.weight.grad[word].any()) for word in words[0]], scores

    everywhere, scores = touched(0)
    assert everywhere == [True] * 5
    first = (5 - 1) // truncate * truncate  # of the piece that the last word is in
    reached, other = touched(truncate)
    assert reached == [False] * first + [True] * (5 - first)
    assert torch.equal(other, scores)
    decoder.eval()
    assert touched(truncate)[0] == [True] * 5
