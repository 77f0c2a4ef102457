"""Mutual information: cases by hand, its laws, and units that are known to tell."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.inspection.activations import Activations
from caption.inspection.properties import position
from caption.inspection.units import binned, mutual_information, rank_units, table

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=40)


def information(xs, ys) -> float:
    return float(mutual_information(np.array(xs)[:, np.newaxis], np.array(ys))[0])


def entropy(xs) -> float:
    shares = np.unique(xs, return_counts=True)[1] / len(xs)
    return float(-(shares * np.log(shares)).sum())


def test_by_hand() -> None:
    # Shares: (0, 0) 1/2, (0, 1) 1/4, (1, 1) 1/4; so p(x=0) is 3/4 and p(y=0) 1/2.
    expected = 0.5 * math.log(4 / 3) + 0.25 * math.log(2 / 3) + 0.25 * math.log(2)
    assert information([0, 0, 0, 1], [0, 0, 1, 1]) == pytest.approx(expected)


@settings(max_examples=50)
@given(pairs)
def test_it_is_symmetric_and_between_nothing_and_either_entropy(drawn) -> None:
    xs, ys = zip(*drawn, strict=True)
    value = information(xs, ys)
    assert 0 <= value <= min(entropy(xs), entropy(ys)) + 1e-9
    assert value == pytest.approx(information(ys, xs), abs=1e-9)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 9), min_size=1))
def test_what_determines_a_property_tells_all_of_it(xs) -> None:
    assert information(xs, np.array(xs) // 3) == pytest.approx(entropy(np.array(xs) // 3), abs=1e-9)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.integers(1, 5))
def test_what_is_independent_tells_nothing(xs, kinds) -> None:
    every = [(x, y) for x in xs for y in range(kinds)]
    assert information(*zip(*every, strict=True)) == pytest.approx(0, abs=1e-12)


def test_every_column_is_told_by_itself() -> None:
    chance = np.random.default_rng(0)
    bins, labels = chance.integers(0, 4, (50, 3)), chance.integers(0, 3, 50)
    together = mutual_information(bins, labels)
    assert together == pytest.approx([information(column, labels) for column in bins.T])


@settings(max_examples=50)
@given(st.lists(st.floats(-1, 1), min_size=8, max_size=40, unique=True))
def test_bins_are_filled_alike_in_the_order_of_the_values(values) -> None:
    found = binned(np.array(values)[:, np.newaxis], 4)[:, 0]
    assert (np.diff(found[np.argsort(values)]) >= 0).all()
    counts = np.bincount(found, minlength=4)
    assert len(counts) == 4
    assert counts.max() - counts.min() <= 2


def test_equal_activations_share_a_bin() -> None:
    values = np.array([[5, 0], [5, 0], [5, 0], [5, 1]], dtype=float)
    found = binned(values, 2)
    assert len(set(found[:, 0])) == 1
    assert len(set(found[:3, 1])) == 1
    assert found[3, 1] > found[0, 1]


def test_the_unit_that_tells_is_found_and_the_others_are_as_good_as_chance() -> None:
    chance = np.random.default_rng(0)
    captions = []
    for length in chance.integers(3, 9, 150):
        hidden = chance.normal(size=(length, 6))
        hidden[:, 4] = np.arange(length) + chance.normal(scale=0.2, size=length)
        captions.append(Activations(("dog",) * length, hidden))
    constant = {"constant": lambda words: np.zeros(len(words), dtype=int)}
    (ranking,) = rank_units(captions, {"position": position, **constant})
    others = np.delete(ranking.information, 4)
    assert ranking.best(1) == [4]
    assert ranking.information[4] > 0.6 * ranking.entropy
    assert others.max() < 2 * ranking.chance < 0.1 * ranking.information[4]
    assert ranking.entropy == pytest.approx(
        entropy(np.concatenate([position(caption.words) for caption in captions]))
    )
    lines = list(table([ranking], count=2))
    assert len(lines) == 3
    assert lines[1].split()[:3] == ["position", f"{ranking.entropy:.3f}", "4"]
