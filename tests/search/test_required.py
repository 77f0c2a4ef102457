"""Beam search for captions that must have some words, against the enumeration of all captions."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import (
    ALL_BEAMS,
    BAD_ENDING_IDS,
    IDS,
    MAX_LENGTH,
    WORDS,
    Found,
    Options,
    Prefixes,
    Tables,
    all_captions,
    assert_identical,
    assert_same,
    by_prefix,
    code,
    constraints,
    examples,
    ranked,
    tables,
)
from torch import Tensor

from caption.search.config import MAX_REQUIRED, SearchConfig
from caption.search.methods import search
from caption.search.required import WordSets, required_beam_search
from caption.search.steps import Step

word_sets = st.lists(
    st.frozensets(st.sampled_from(WORDS), min_size=1, max_size=3), max_size=MAX_REQUIRED
)
some_sets = st.lists(word_sets, min_size=4, max_size=4)  # as many as there are images at most


def satisfied(words: Sequence[int], sets: WordSets) -> int:
    return sum(not each.isdisjoint(words) for each in sets)


def best_of(every: Sequence[Found], sets: WordSets, config: SearchConfig) -> list[Found]:
    most = max(satisfied(words, sets) for words, _, _ in every)
    return ranked([each for each in every if satisfied(each[0], sets) == most], config)


@pytest.fixture
def table() -> Tables:
    """The likeliest is (4,); whatever has 6 starts with 5."""
    return by_prefix(
        {
            (): {4: 0.8, 5: 0.2},
            (4,): {IDS.end: 0.9, 5: 0.1},
            (4, 5): {IDS.end: 1.0},
            (5,): {IDS.end: 0.5, 4: 0.4, 6: 0.1},
            (5, 4): {IDS.end: 0.9, 6: 0.1},
            (5, 6): {IDS.end: 0.9, 5: 0.1},
            (5, 6, 5): {IDS.end: 1.0},
            (5, 4, 6): {IDS.end: 1.0},
        },
        max_length=3,
    )


@pytest.mark.parametrize(
    ("sets", "words", "probability"),
    [
        ([{4}], (4,), 0.8 * 0.9),
        ([{5}], (5,), 0.2 * 0.5),
        ([{6}], (5, 6), 0.2 * 0.1 * 0.9),
        ([{5}, {4}], (4, 5), 0.8 * 0.1),
        ([{4}, {6}], (5, 4, 6), 0.2 * 0.4 * 0.1),
        ([{5, 6}], (5,), 0.2 * 0.5),  # either of two words
        ([{4, 6}, {5, 6}], (4, 5), 0.8 * 0.1),  # 6 alone would do for both
        ([{6, 4}, {6}], (5, 6), 0.2 * 0.1 * 0.9),  # and here it does
    ],
)
def test_the_caption_is_the_likeliest_that_has_the_words(table, sets, words, probability) -> None:
    config = SearchConfig(num_beams=2, max_length=3, length_penalty=0.0)
    (caption,) = table.search(config, required=[[frozenset(each) for each in sets]])[0]
    assert (caption.words, caption.finished) == (words, True)
    assert caption.score == pytest.approx(math.log(probability))


def test_a_longer_caption_wins_over_one_that_says_the_word_in_haste() -> None:
    # With one beam a caption with 6 is finished after one word; the better one has three.
    table = by_prefix(
        {
            (): {4: 0.9, 6: 0.1},
            (6,): {IDS.end: 0.1, 5: 0.9},
            (6, 5): {5: 1.0},
            (6, 5, 5): {IDS.end: 0.001},
            (4,): {5: 1.0},
            (4, 5): {6: 0.9, IDS.end: 0.1},
            (4, 5, 6): {IDS.end: 1.0},
        },
        max_length=3,
    )
    config = SearchConfig(num_beams=1, max_length=3)
    assert table.search(config, required=[[frozenset({6})]])[0][0].words == (4, 5, 6)


@examples
@given(tables, constraints, some_sets, st.integers(1, 40))
def test_with_enough_beams_the_best_captions_with_the_words_are_found(
    tables: Tables, constraints: Options, some_sets: list[WordSets], num_captions: int
) -> None:
    config = SearchConfig(
        num_beams=ALL_BEAMS, num_captions=num_captions, max_length=MAX_LENGTH, **constraints
    )
    some_sets = [sets[:2] for sets in some_sets[: len(tables.images)]]
    for image, captions in enumerate(tables.search(config, required=some_sets)):
        every = all_captions(tables.next_log_probs(image), config)
        assert_same(captions, best_of(every, some_sets[image], config))


@examples
@given(tables, constraints, some_sets, st.integers(1, 4))
def test_all_captions_of_an_image_satisfy_as_many_sets(
    tables: Tables, constraints: Options, some_sets: list[WordSets], num_beams: int
) -> None:
    config = SearchConfig(
        num_beams=num_beams, num_captions=num_beams, max_length=MAX_LENGTH, **constraints
    )
    some_sets = some_sets[: len(tables.images)]
    for sets, captions in zip(some_sets, tables.search(config, required=some_sets), strict=True):
        assert len(captions) >= 1
        assert len({caption.words for caption in captions}) == len(captions)
        assert len({satisfied(caption.words, sets) for caption in captions}) == 1


@examples
@given(st.integers(0, 10**6), word_sets, st.integers(1, 3))
def test_where_everything_can_follow_every_caption_has_all_the_words(
    seed: int, sets: WordSets, num_beams: int
) -> None:
    tables = Tables.random([seed], max_length=MAX_REQUIRED, sharpness=4.0)
    config = SearchConfig(num_beams=num_beams, num_captions=num_beams, max_length=MAX_REQUIRED)
    for caption in tables.search(config, required=[sets])[0]:
        assert satisfied(caption.words, sets) == len(sets)


@examples
@given(tables, constraints, st.integers(1, 4))
def test_without_sets_it_is_beam_search(
    tables: Tables, constraints: Options, num_beams: int
) -> None:
    config = SearchConfig(
        num_beams=num_beams, num_captions=num_beams, max_length=MAX_LENGTH, **constraints
    )
    nothing: list[WordSets] = [()] * len(tables.images)
    expected = tables.search(config)
    by_machine = required_beam_search(
        tables.step,
        tables.state(),
        num_images=len(tables.images),
        required=nothing,
        ids=IDS,
        config=config,
        bad_ending_ids=BAD_ENDING_IDS,
    )
    for found in (
        by_machine,
        tables.search(config, required=nothing),
        tables.search(config, required=()),
    ):
        for captions, others in zip(found, expected, strict=True):
            assert_identical(captions, others)


@examples
@given(tables, constraints, some_sets, st.integers(1, 3))
def test_images_with_other_numbers_of_sets_in_the_batch_change_nothing(
    tables: Tables, constraints: Options, some_sets: list[WordSets], num_beams: int
) -> None:
    config = SearchConfig(
        num_beams=num_beams, num_captions=num_beams, max_length=MAX_LENGTH, **constraints
    )
    some_sets = some_sets[: len(tables.images)]
    for image, captions in enumerate(tables.search(config, required=some_sets)):
        alone = tables.only(image).search(config, required=[some_sets[image]])
        assert_identical(captions, alone[0])


def test_every_word_comes_with_the_log_prob_and_trace_of_its_own_step() -> None:
    tables = Tables.random([1, 2, 3], max_length=4)
    config = SearchConfig(num_beams=2, num_captions=2, max_length=4)
    required = [[frozenset({4}), frozenset({6})], [frozenset({5})], []]
    for image, captions in enumerate(tables.search(config, required=required)):
        next_log_probs = tables.next_log_probs(image)
        for caption in captions:
            prefixes = [caption.words[:at] for at in range(len(caption.words))]
            assert caption.trace.tolist() == [[image, code(prefix)] for prefix in prefixes]
            read = (*caption.words, IDS.end)[: len(caption.log_probs)]
            own = [next_log_probs(read[:at])[word] for at, word in enumerate(read)]
            assert caption.log_probs == pytest.approx(own, rel=1e-5)


def test_every_image_has_the_same_number_of_rows_side_by_side_until_it_is_done() -> None:
    tables = Tables.random([1, 2, 3], max_length=4, sharpness=3.0)
    numbers = []

    def step(words: Tensor, state: Prefixes) -> Step[Prefixes]:
        assert state.images.tolist() == state.memory.repeat_interleave(4 * 2).tolist()
        numbers.append(len(state.memory))
        return tables.step(words, state)

    required = [[frozenset({4}), frozenset({5})], [frozenset({4})], []]
    config = SearchConfig(num_beams=2, max_length=4)
    search(step, tables.state(), num_images=3, ids=IDS, config=config, required=required)
    assert numbers == sorted(numbers, reverse=True)
    assert (numbers[0], len(set(numbers)) > 1) == (3, True)


def test_what_cannot_be_said_is_left_out_and_as_much_as_can_be_is_said(table) -> None:
    config = SearchConfig(num_beams=2, max_length=3, length_penalty=0.0)
    impossible = frozenset({IDS.unknown})
    assert table.search(config, required=[[impossible]])[0][0].words == (4,)
    assert table.search(config, required=[[impossible, frozenset({6})]])[0][0].words == (5, 6)
    short = replace(config, max_length=1)
    (cut,) = table.search(short, required=[[frozenset({4}), frozenset({5})]])[0]
    assert satisfied(cut.words, [frozenset({4}), frozenset({5})]) == 1


def test_a_cut_caption_with_the_word_is_better_than_a_finished_one_without() -> None:
    table = by_prefix({(): {IDS.end: 0.9, 4: 0.1}, (4,): {5: 1.0}, (4, 5): {5: 1.0}}, max_length=2)
    config = SearchConfig(num_beams=2, num_captions=2, max_length=2)
    (cut,) = table.search(config, required=[[frozenset({5})]])[0]
    assert (cut.words, cut.finished) == ((4, 5), False)


def test_other_constraints_hold_beside_the_words(table) -> None:
    ends_badly = SearchConfig(num_beams=2, max_length=3, forbid_bad_endings=True)
    assert table.search(ends_badly, required=[[frozenset({4})]])[0][0].words == (4, 5)
    long = SearchConfig(num_beams=2, max_length=3, min_length=3)
    assert table.search(long, required=[[frozenset({6})]])[0][0].words == (5, 4, 6)


@pytest.mark.parametrize(
    ("required", "message"),
    [
        ([[frozenset({4})]] * 2, "required sets for each image, 1 in all, got 2"),
        ([[frozenset({4})] * 5], "a caption can have 4 required sets, got 5"),
        ([[frozenset({4}), frozenset()]], "a required set has no words"),
    ],
)
def test_sets_that_make_no_sense_are_refused(table, required, message) -> None:
    with pytest.raises(ValueError, match=message):
        table.search(SearchConfig(max_length=3), required=required)


def test_sampling_promises_no_words(table) -> None:
    config = SearchConfig(method="sample", max_length=3)
    with pytest.raises(ValueError, match="'sample' cannot promise words"):
        search(
            table.step,
            table.state(),
            num_images=1,
            ids=IDS,
            config=config,
            seeds=[0],
            required=[[frozenset({4})]],
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"must_say": ("cat", "")}, "words such as 'dog' or 'cat|kitten', got ''"),
        ({"must_say": ("cat| ",)}, "got 'cat| '"),
        ({"must_say": tuple("abcde")}, "must_say takes at most 4 .* got 5"),
        ({"must_say": ("cat",), "method": "sample"}, "must_say needs method 'beam', got 'sample'"),
    ],
)
def test_words_to_say_that_make_no_sense_are_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        SearchConfig(**options)
