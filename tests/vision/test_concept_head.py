"""What is recognised in a picture depends on what its places look like, and on nothing else."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from caption.errors import ModelError
from caption.vision.concepts import ConceptHead
from caption.vision.config import ConceptConfig

WORDS = ("cat", "dog", "red", "running")
FEATURES, PLACES = 5, 6


def new_head(**settings) -> ConceptHead:
    torch.manual_seed(0)
    head = ConceptHead(ConceptConfig(keep=2, hidden_dim=8, **settings), WORDS, feature_dim=FEATURES)
    torch.nn.init.normal_(head.classify.weight)
    return head.eval()


HEAD = new_head()
GRID = torch.randn(3, PLACES, FEATURES, generator=torch.Generator().manual_seed(0))


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(PLACES)), st.floats(-1, 2))
def test_the_order_of_places_does_not_matter(order, sharpness) -> None:
    head = new_head()
    torch.nn.init.constant_(head.sharpness, sharpness)
    assert_close(head(GRID[:, order]), head(GRID))


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 9), st.floats(-1, 2))
def test_a_picture_of_places_all_alike_is_as_each_of_them(places, sharpness) -> None:
    head = new_head()
    torch.nn.init.constant_(head.sharpness, sharpness)
    alike = GRID[:, :1].expand(-1, places, -1)
    assert_close(head.log_odds(alike), head.places(GRID[:, :1]).squeeze(1))


def test_a_picture_is_between_the_mean_and_the_best_of_its_places() -> None:
    places, mixed = HEAD.places(GRID), HEAD.log_odds(GRID)
    assert (mixed >= places.mean(dim=1)).all()
    assert (mixed <= places.amax(dim=1)).all()


def test_pooling_by_hand() -> None:
    places = HEAD.places(GRID)
    assert_close(HEAD.log_odds(GRID), places.exp().mean(dim=1).log())


def test_a_batch_is_recognised_as_its_images_alone() -> None:
    for image in range(len(GRID)):
        assert_close(HEAD(GRID[image : image + 1])[0], HEAD(GRID)[image])


@settings(deadline=None, max_examples=20)
@given(st.floats(0.1, 3), st.floats(-2, 2), st.floats(0.01, 2))
def test_calibration_keeps_the_order_of_images_and_a_shift_raises_all(scale, shift, more) -> None:
    head, order = new_head(), HEAD(GRID).argsort(dim=0)
    head.scale.fill_(scale)
    head.shift.fill_(shift)
    before = head(GRID)
    assert (before.gather(0, order).diff(dim=0) >= 0).all()
    assert_close(before, (scale * HEAD.log_odds(GRID) + shift).sigmoid())
    head.shift.add_(more)
    assert (head(GRID) > before).all()


def test_noise_and_dropout_are_of_training_alone() -> None:
    for noise in (0.0, 1.0):
        head = new_head(noise=noise)
        assert head(GRID).equal(head(GRID))
        head.dropout.p = 0.0
        head.train()
        assert head(GRID).equal(head(GRID)) == (noise == 0)
    assert head.log_odds(GRID).equal(new_head().log_odds(GRID))  # what is learnt is not disturbed


def test_what_is_recognised_is_named_and_cut_as_a_batch_is() -> None:
    found = HEAD.recognise(GRID)
    assert (found.words, len(found)) == (WORDS, 3)
    assert found[1:].probabilities.equal(found.probabilities[1:])
    assert found[1:].words == WORDS


def test_a_new_head_takes_every_word_for_rare() -> None:
    head = ConceptHead(ConceptConfig(keep=2, hidden_dim=8), WORDS, feature_dim=FEATURES).eval()
    assert float(head(GRID).detach().mean()) == pytest.approx(0.05, abs=0.04)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cat", "dog", "cat"], "the concepts have 'cat' more than once"),
        ([], "no words to recognise"),
    ],
)
def test_words_that_cannot_be_told_apart_or_are_none_are_refused(words, message) -> None:
    with pytest.raises(ModelError, match=message):
        ConceptHead(ConceptConfig(keep=2), words, feature_dim=FEATURES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"keep": -1}, "keep must be at least 0"),
        ({"hidden_dim": 0}, "hidden_dim at least 1, got 0 and 0"),
        ({"threshold": 1.0}, r"threshold must be in \[0, 1\), got 1.0"),
        ({"threshold": float("nan")}, "threshold must be"),
        ({"noise": float("nan")}, "noise must be finite and not negative, got nan"),
        ({"noise": -0.1}, "noise must be finite and not negative, got -0.1"),
    ],
)
def test_a_config_in_a_bad_state_is_refused(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        ConceptConfig(**settings)
