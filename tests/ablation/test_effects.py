"""How much better one variant is than another: laws of the difference and of its interval."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.ablation.effects import Resampled, effect, resampled
from caption.evaluation.compare import METRICS, compare
from caption.metrics.score import Scores, score

REFERENCES = {n: (f"a dog number {n} runs", "a dog") for n in range(12)}
RESAMPLES = 300


def scores_of(right: int) -> Scores:
    """Return the scores of captions of which only the first few are right."""
    captions = {n: f"a dog number {n} runs" if n < right else "a cat" for n in REFERENCES}
    return score(captions, REFERENCES)


SCORES = [scores_of(right) for right in range(13)]
DRAWN = [resampled(scores, resamples=RESAMPLES) for scores in SCORES]
quality = st.integers(0, 12)
runs = st.dictionaries(st.integers(0, 9), quality, min_size=1, max_size=4)


def drawn(qualities: dict[int, int]) -> dict[int, Resampled]:
    return {seed: DRAWN[right] for seed, right in qualities.items()}


@settings(max_examples=25)
@given(runs)
def test_a_variant_is_exactly_as_good_as_itself(qualities) -> None:
    for difference in effect(drawn(qualities), drawn(qualities)).values():
        assert (difference.difference, difference.interval) == (0, (0, 0))
        assert difference.p_value == 1


@settings(max_examples=25)
@given(quality, quality)
def test_with_one_seed_it_is_the_comparison_of_two_models(ours, theirs) -> None:
    ablation = effect({5: DRAWN[ours]}, {5: DRAWN[theirs]})
    assert ablation == compare(SCORES[ours], SCORES[theirs], resamples=RESAMPLES)


@settings(max_examples=25)
@given(runs, runs)
def test_only_seeds_that_both_have_are_compared(ours, theirs) -> None:
    common = ours.keys() & theirs.keys()
    among_common = effect(
        drawn({n: ours[n] for n in ours if n in common}),
        drawn({n: theirs[n] for n in theirs if n in common}),
    )
    assert effect(drawn(ours), drawn(theirs)) == among_common
    assert set(among_common) == (set(METRICS) if common else set())


@settings(max_examples=25)
@given(runs, st.data())
def test_the_difference_is_the_mean_over_seeds(ours, data) -> None:
    theirs = {seed: data.draw(quality) for seed in ours}
    cider = effect(drawn(ours), drawn(theirs))["cider_d"].difference
    each = [SCORES[ours[n]].cider_d - SCORES[theirs[n]].cider_d for n in ours]
    assert cider == pytest.approx(sum(each) / len(each))


def test_seeds_that_disagree_widen_the_interval() -> None:
    """The same mean difference, once from alike seeds and once from unlike ones."""
    baseline = drawn({0: 6, 1: 6, 2: 6})
    alike = effect(drawn({0: 6, 1: 6, 2: 6}), baseline)["rouge_l"]
    unlike = effect(drawn({0: 0, 1: 6, 2: 12}), baseline)["rouge_l"]
    assert alike.difference == pytest.approx(unlike.difference)
    low, high = unlike.interval
    assert low < 0 < high


def test_the_interval_is_the_same_each_time() -> None:
    again = resampled(scores_of(3), resamples=RESAMPLES)
    ours = {0: again, 1: DRAWN[9]}
    assert effect(ours, drawn({0: 6, 1: 6})) == effect(drawn({0: 3, 1: 9}), drawn({0: 6, 1: 6}))
