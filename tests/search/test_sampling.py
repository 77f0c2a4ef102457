"""Sampling against exact probabilities."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tables import (
    IDS,
    MAX_LENGTH,
    WORDS,
    Options,
    Prefix,
    Tables,
    all_captions,
    assert_identical,
    by_prefix,
    constraints,
    continuations,
    examples,
    tables,
)

from caption.search.config import SearchConfig


def probabilities(tables: Tables, config: SearchConfig) -> dict[Prefix, float]:
    """Of all captions under the constraints, from the model's renormalised over what is allowed."""
    next_log_probs = tables.next_log_probs(0)

    def probability(words: Prefix) -> float:
        product = 1.0
        # A caption of max_length words is one caption, whether it would have ended there or not.
        for place, word in enumerate((*words, IDS.end)[: config.max_length]):
            values = continuations(next_log_probs, words[:place], config)
            total = sum(math.exp(value / config.temperature) for value in values.values())
            product *= math.exp(values[word] / config.temperature) / total
        return product

    return {words: probability(words) for words, _, _ in all_captions(next_log_probs, config)}


def chi_square(counts: Mapping[Prefix, int], expected: Mapping[Prefix, float], total: int) -> float:
    """Per degree of freedom, the rare captions put together."""
    often = {words: p for words, p in expected.items() if p * total >= 5}
    cells = [(counts.get(words, 0), p * total) for words, p in often.items()]
    rest = (1 - sum(often.values())) * total
    if rest >= 5:
        cells.append((total - sum(count for count, _ in cells), rest))
    return sum((count - mean) ** 2 / mean for count, mean in cells) / (len(cells) - 1)


NUM_SAMPLES = 20_000


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 2.0},
        {"min_length": 1, "no_repeat_ngram": 1, "allow_unknown": True},
    ],
)
def test_samples_are_as_frequent_as_they_are_probable(options: Options) -> None:
    tables = Tables.random([7], max_length=2)
    config = SearchConfig(method="sample", num_captions=NUM_SAMPLES, max_length=2, **options)
    expected = probabilities(tables, config)
    assert sum(expected.values()) == pytest.approx(1)
    drawn = Counter(each.words for each in tables.search(config, seeds=[0])[0])
    assert set(drawn) <= set(expected)
    # Its mean is 1 and its spread about sqrt(2 / 13), with some 14 captions.
    assert chi_square(drawn, expected, NUM_SAMPLES) < 2


def test_seeds_in_a_row_are_as_good_as_one() -> None:
    tables = Tables(Tables.random([7], max_length=2).images * 3000)
    config = SearchConfig(method="sample", max_length=2)
    drawn = Counter(each.words for (each,) in tables.search(config, seeds=range(3000)))
    assert chi_square(drawn, probabilities(tables, config), 3000) < 2


@pytest.mark.parametrize(
    ("options", "nucleus"),
    [
        ({"top_k": 1}, {4}),
        ({"top_k": 2}, {4, 5}),
        ({"top_k": 99}, {4, 5, 6, IDS.end}),
        ({"top_p": 0.4}, {4}),
        ({"top_p": 0.6}, {4, 5}),
        ({"top_p": 0.8}, {4, 5, 6}),
        ({"top_p": 1e-9}, {4}),
        ({"top_k": 2, "top_p": 0.6}, {4}),  # of the two likeliest, 4 has 0.5 / 0.75
    ],
)
def test_top_k_and_top_p_draw_from_inside_in_proportion(
    options: Options, nucleus: set[int]
) -> None:
    first = {4: 0.5, 5: 0.25, 6: 0.15, IDS.end: 0.1}
    table = by_prefix(
        {(): first, **{(word,): {IDS.end: 1.0} for word in WORDS}},
        max_length=1,
    )
    config = SearchConfig(method="sample", num_captions=2000, max_length=1, **options)
    drawn = Counter((*each.words, IDS.end)[0] for each in table.search(config, seeds=[3])[0])
    assert set(drawn) == nucleus
    inside = sum(first[word] for word in nucleus)
    for word, count in drawn.items():
        assert count / 2000 == pytest.approx(first[word] / inside, abs=0.03)


@examples
@given(tables, constraints)
def test_without_temperature_sampling_is_greedy(tables: Tables, constraints: Options) -> None:
    greedy = SearchConfig(num_beams=1, max_length=MAX_LENGTH, **constraints)
    cold = replace(greedy, method="sample", temperature=2e-38)
    seeds = range(len(tables.images))
    for captions, others in zip(
        tables.search(greedy), tables.search(cold, seeds=seeds), strict=True
    ):
        assert_identical(captions, others)


@examples
@given(tables, constraints, st.integers(1, 5), st.sampled_from([0.5, 1.0]), st.integers(0, 3))
def test_samples_in_a_batch_equal_samples_alone(
    tables: Tables,
    constraints: Options,
    num_captions: int,
    top_p: float,
    top_k: int,
) -> None:
    config = SearchConfig(
        method="sample",
        num_captions=num_captions,
        max_length=MAX_LENGTH,
        top_p=top_p,
        top_k=top_k,
        **constraints,
    )
    seeds = [11 * image + 5 for image in range(len(tables.images))]
    for image, captions in enumerate(tables.search(config, seeds=seeds)):
        assert len(captions) == num_captions
        assert_identical(captions, tables.only(image).search(config, seeds=[seeds[image]])[0])


def test_the_seed_decides_the_sample() -> None:
    tables = Tables(Tables.random([1], max_length=5).images * 3)
    config = SearchConfig(method="sample", num_captions=20, max_length=5)
    first, second, other = tables.search(config, seeds=[8, 8, 9])
    assert_identical(first, second)
    assert [each.words for each in first] != [each.words for each in other]


def test_sampling_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    Tables.random([1], max_length=2).search(SearchConfig(method="sample", max_length=2), seeds=[0])
    assert torch.equal(torch.get_rng_state(), before)
