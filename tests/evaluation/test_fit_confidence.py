"""Fitting what is expected of outcomes: known answers, and what must change nothing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.errors import DataError
from caption.evaluation.confidence import (
    Examples,
    Judged,
    area_under_curve,
    calibration_error,
    caption_qualities,
    confidences,
    fit_confidence,
    folds_of,
    joined,
    monotone,
    pool_adjacent,
)

NAMES = ("first", "second")


def examples(*, seed: int = 0, count: int = 200) -> Examples:
    """Return outcomes whose quality grows with the first of two clues."""
    rng = np.random.default_rng(seed)
    clues = rng.normal(size=(count, 2))
    chance = rng.normal(scale=0.1, size=count)
    return Examples(clues, (0.5 + 0.2 * clues[:, 0] + chance).clip(0, 1), list(range(count)))


@pytest.mark.parametrize(
    ("values", "weights", "expected"),
    [
        ([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [1, 2, 3]),
        ([3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [2, 2, 2]),
        ([1.0, 3.0, 2.0, 4.0], [1.0, 1.0, 1.0, 1.0], [1, 2.5, 2.5, 4]),
        ([1.0, 3.0, 2.0], [1.0, 1.0, 3.0], [1, 2.25, 2.25]),
        ([4.0, 5.0, 1.0], [1.0, 1.0, 1.0], [10 / 3] * 3),
        ([], [], []),
    ],
)
def test_neighbours_that_fall_are_pooled(values, weights, expected) -> None:
    assert pool_adjacent(values, weights) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_pooled_values_rise_keep_the_mean_and_are_pooled_once(values) -> None:
    weights = [1.0] * len(values)
    pooled = pool_adjacent(values, weights)
    assert all(later >= earlier for earlier, later in pairwise(pooled))
    assert sum(pooled) == pytest.approx(sum(values))
    assert pool_adjacent(pooled, weights) == pytest.approx(pooled)


@given(st.integers(0, 2**20), st.integers(1, 60))
def test_the_map_is_monotone_from_0_to_1(seed, count) -> None:
    rng = np.random.default_rng(seed)
    knots = monotone(rng.normal(size=count), rng.random(count))
    assert (knots[0][1], knots[-1][1]) == (0.0, 1.0)
    for knot, following in pairwise(knots):
        assert knot[0] <= following[0]
        assert knot[1] <= following[1]


@settings(max_examples=20)
@given(st.floats(-100, 100))
def test_adding_a_constant_to_a_clue_changes_nothing(constant) -> None:
    found = examples(count=60)
    moved = Examples(found.clues + np.array([0.0, constant]), found.qualities, found.groups)
    before, after = (confidences(fit_confidence(e, NAMES)[0], e.clues) for e in (found, moved))
    np.testing.assert_allclose(before, after, atol=0.002)  # they have three decimals


def test_a_clue_that_is_always_the_same_weighs_nothing() -> None:
    found = examples(count=60)
    found.clues[:, 1] = 7.0
    assert fit_confidence(found, NAMES)[0].weights["second"] == 0


def test_what_can_be_told_is_told_also_of_others() -> None:
    confidence, judged = fit_confidence(examples(), NAMES)
    assert judged.calibration_error < 0.05
    assert judged.area_under_curve > 0.9
    other = examples(seed=1)
    values = confidences(confidence, other.clues)
    trust = Judged.of(values, other.qualities)
    assert trust.calibration_error < 0.05
    assert trust.area_under_curve > 0.9
    assert 0.15 < np.mean(values < confidence.guess_below) < 0.35


def test_of_what_cannot_be_told_the_mean_is_expected() -> None:
    found = examples()
    shuffled = np.random.default_rng(2).permutation(found.qualities)
    _, judged = fit_confidence(Examples(found.clues, shuffled, found.groups), NAMES)
    assert abs(judged.confidence - judged.quality) < 0.03
    assert 0.35 < judged.area_under_curve < 0.65


@given(st.lists(st.integers(0, 30), min_size=1))
def test_what_is_about_one_picture_is_never_in_two_folds(groups) -> None:
    folds = folds_of(groups)
    assert len(set(zip(groups, folds.tolist(), strict=True))) == len(set(groups))
    pictures = np.bincount(folds_of(sorted(set(groups))), minlength=5)
    assert pictures.max() - pictures.min() <= 1


def test_the_same_name_in_two_sets_is_not_the_same_picture() -> None:
    assert len(set(joined([examples(count=20), examples(count=20)]).groups)) == 40


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="9 pictures tell too little"):
        fit_confidence(examples(count=9), NAMES)


def test_calibration_error_is_the_mean_difference_in_bins() -> None:
    trust = np.array([0.15, 0.15, 0.95, 1.0])
    assert calibration_error(trust, np.array([0.1, 0.2, 0.95, 1.0])) == pytest.approx(0.0)
    assert calibration_error(trust, np.array([0.1, 0.1, 0.5, 0.5])) == pytest.approx(0.2625)


def test_the_area_is_how_often_the_better_has_more_confidence() -> None:
    trust = np.array([0.1, 0.2, 0.2, 0.9])
    assert area_under_curve(trust, np.array([True, False, False, False])) == 1
    assert area_under_curve(trust, np.array([False, False, False, True])) == 0
    assert area_under_curve(trust, np.array([False, True, False, False])) == 0.5
    assert area_under_curve(trust, np.ones(4, dtype=bool)) == 0.5


REFERENCES = {
    1: ("a red dog runs", "a red dog jumps over grass"),
    2: ("two men sit down", "two men sit on a bench"),
    3: ("a boat on a lake", "a boat floats on water", "one boat"),
}


def test_what_people_write_is_as_good_as_can_be_and_nonsense_is_not() -> None:
    captions = {1: REFERENCES[1][0], 2: "zebra", 3: REFERENCES[3][0]}
    assert caption_qualities(captions, REFERENCES).tolist() == [1, 0, 1]
