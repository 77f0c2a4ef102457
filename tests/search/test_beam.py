"""Beam search against known answers and oracles."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tables import (
    ALL_BEAMS,
    IDS,
    MAX_LENGTH,
    VOCABULARY,
    Options,
    Prefix,
    Prefixes,
    Tables,
    all_captions,
    assert_identical,
    assert_same,
    by_prefix,
    constraints,
    continuations,
    examples,
    plain_beam_search,
    ranked,
    score,
    tables,
)
from torch import Tensor

from caption.search.beam import beam_search
from caption.search.config import Method, SearchConfig
from caption.search.constraints import LAST_RESORT
from caption.search.steps import Step


def test_beam_search_recovers_the_sentence_greedy_search_misses() -> None:
    # Greedy takes 4 (0.6) and then ends at 0.5, 0.30 in all; the best starts with 5 (0.4 * 0.9).
    table = by_prefix(
        {
            (): {4: 0.6, 5: 0.4},
            (4,): {IDS.end: 0.5, 4: 0.25, 5: 0.25},
            (5,): {IDS.end: 0.9, 4: 0.1},
        },
        max_length=2,
    )
    greedy = SearchConfig(num_beams=1, max_length=2, length_penalty=0.0)
    assert table.search(greedy)[0][0].words == (4,)
    (best,) = table.search(replace(greedy, num_beams=2))[0]
    assert best.words == (5,)
    assert best.finished
    assert best.log_probs == pytest.approx([math.log(0.4), math.log(0.9)])
    assert best.score == pytest.approx(math.log(0.36))


def test_the_length_penalty_chooses_between_short_and_long() -> None:
    # The sum prefers () at 0.3 to (4, 5) at 0.7 * 0.6 * 0.6 = 0.25; the mean prefers the longer.
    table = by_prefix(
        {
            (): {IDS.end: 0.3, 4: 0.7},
            (4,): {5: 0.6, 6: 0.4},
            (4, 5): {IDS.end: 0.6, 6: 0.4},
            (4, 6): {IDS.end: 0.1, 6: 0.9},
        },
        max_length=2,
    )
    config = SearchConfig(num_beams=4, max_length=2, length_penalty=0.0)
    assert table.search(config)[0][0].words == ()
    assert table.search(replace(config, length_penalty=1.0))[0][0].words == (4, 5)


def test_the_search_goes_on_while_a_longer_caption_can_still_win() -> None:
    # After two words the finished (4,), at log 0.36 / 2 = -0.51, leads the live (5, 5), which is at
    # log 0.16 and would have -0.61 if it ended next; but (5, 5, 5) ends with log 0.16 / 4 = -0.46.
    table = by_prefix(
        {
            (): {4: 0.6, 5: 0.4},
            (4,): {IDS.end: 0.6, 4: 0.01},
            (5,): {5: 0.4},
            (5, 5): {5: 1.0},
            (5, 5, 5): {IDS.end: 1.0},
        },
        max_length=3,
    )
    config = SearchConfig(num_beams=3, max_length=3, length_penalty=1.0)
    assert table.search(config)[0][0].words == (5, 5, 5)
    assert table.search(replace(config, length_penalty=0.0))[0][0].words == (4,)


def test_a_cut_caption_is_better_than_none_but_comes_after_finished_ones() -> None:
    table = by_prefix(
        {
            (): {4: 0.9, 5: 0.1},
            (4,): {4: 1.0},
            (4, 4): {4: 1.0},
            (5,): {IDS.end: 1.0},
        },
        max_length=2,
    )
    config = SearchConfig(num_beams=1, max_length=2)
    (cut,) = table.search(config)[0]
    assert (cut.words, cut.finished) == ((4, 4), False)
    assert cut.log_probs == pytest.approx([math.log(0.9), 0.0])
    assert cut.score == pytest.approx(math.log(0.9) / 2**0.7)
    assert cut.trace.shape == (2, 2)
    both = table.search(replace(config, num_beams=2, num_captions=2))[0]
    assert [(each.words, each.finished) for each in both] == [((5,), True), ((4, 4), False)]


def test_a_caption_of_max_length_words_may_still_end() -> None:
    table = by_prefix({(): {4: 1.0}, (4,): {IDS.end: 1.0}}, max_length=1)
    (caption,) = table.search(SearchConfig(max_length=1))[0]
    assert (caption.words, caption.finished) == ((4,), True)
    (drawn,) = table.search(SearchConfig(max_length=1, method="sample"), seeds=[0])[0]
    assert (drawn.words, drawn.finished) == ((4,), True)


def test_an_empty_caption_has_a_trace_without_rows() -> None:
    table = by_prefix({(): {IDS.end: 1.0}}, max_length=1)
    (caption,) = table.search(SearchConfig(max_length=1))[0]
    assert caption.words == ()
    assert caption.log_probs == (0.0,)
    assert caption.trace.shape == (0, 2)


def test_fewer_captions_come_back_only_if_no_more_exist() -> None:
    table = by_prefix({(): {IDS.end: 0.5, 4: 0.5}, (4,): {IDS.end: 1.0}}, max_length=3)
    captions = table.search(SearchConfig(num_beams=5, num_captions=5, max_length=3))[0]
    assert sorted(caption.words for caption in captions) == [(), (4,)]


@pytest.mark.parametrize("method", ["beam", "sample"])
def test_where_nothing_may_follow_the_caption_ends(method: Method) -> None:
    # 4 is a bad ending and may not be repeated, so that it leaves only the forbidden end.
    table = by_prefix({(): {4: 1.0}, (4,): {4: 0.75, IDS.end: 0.25}}, max_length=3)
    config = SearchConfig(
        method=method, max_length=3, forbid_bad_endings=True, no_repeat_ngram=1, min_length=2
    )
    (caption,) = table.search(config, seeds=[0])[0]
    assert (caption.words, caption.finished) == ((4,), True)
    assert caption.log_probs == pytest.approx([0.0, math.log(0.25)])


@pytest.mark.parametrize("method", ["beam", "sample"])
def test_a_model_that_calls_everything_impossible_gets_an_empty_caption(method: Method) -> None:
    table = by_prefix({(): {IDS.pad: 1.0}}, max_length=3)
    (caption,) = table.search(SearchConfig(method=method, max_length=3), seeds=[0])[0]
    assert (caption.words, caption.finished) == ((), True)
    assert caption.log_probs == (LAST_RESORT,)


@examples
@given(tables, constraints, st.integers(1, 40))
def test_with_enough_beams_the_true_best_captions_are_found(
    tables: Tables, constraints: Options, num_captions: int
) -> None:
    config = SearchConfig(
        num_beams=ALL_BEAMS, num_captions=num_captions, max_length=MAX_LENGTH, **constraints
    )
    for image, captions in enumerate(tables.search(config)):
        every = all_captions(tables.next_log_probs(image), config)
        assert_same(captions, ranked(every, config))


@examples
@given(tables, constraints, st.integers(1, 4), st.data())
def test_batched_beam_search_equals_the_plain_one(
    tables: Tables, constraints: Options, num_beams: int, data: st.DataObject
) -> None:
    config = SearchConfig(
        num_beams=num_beams,
        num_captions=data.draw(st.integers(1, num_beams)),
        max_length=MAX_LENGTH,
        **constraints,
    )
    for image, captions in enumerate(tables.search(config)):
        expected = plain_beam_search(tables.next_log_probs(image), config)
        assert_same(captions, expected)
        assert [each.score for each in captions] == pytest.approx(
            [score(log_probs, config) for _, log_probs, _ in expected], rel=1e-5
        )


@examples
@given(tables, constraints, st.integers(1, 4))
def test_beams_in_a_batch_equal_beams_alone(
    tables: Tables, constraints: Options, num_beams: int
) -> None:
    config = SearchConfig(
        num_beams=num_beams, num_captions=num_beams, max_length=MAX_LENGTH, **constraints
    )
    for image, captions in enumerate(tables.search(config)):
        assert_identical(captions, tables.only(image).search(config)[0])


@examples
@given(tables, constraints)
def test_one_beam_takes_the_likeliest_word_every_time(tables: Tables, constraints: Options) -> None:
    config = SearchConfig(num_beams=1, max_length=MAX_LENGTH, **constraints)
    for image, (caption,) in enumerate(tables.search(config)):
        words: Prefix = ()
        while True:
            possible = continuations(tables.next_log_probs(image), words, config)
            word = max(possible, key=possible.__getitem__)
            if word == IDS.end or len(words) == MAX_LENGTH:
                break
            words = (*words, word)
        assert (caption.words, caption.finished) == (words, word == IDS.end)


@pytest.mark.parametrize("length_penalty", [0.0, 0.7])
def test_the_search_stops_as_soon_as_nothing_can_change(length_penalty: float) -> None:
    end, rest = math.log(0.999), math.log(0.001 / (VOCABULARY - 1))
    calls = 0

    def step(words: Tensor, state: Prefixes) -> Step[Prefixes]:
        nonlocal calls
        calls += 1
        log_probs = torch.full((len(words), VOCABULARY), rest)
        log_probs[:, IDS.end] = end
        return Step(log_probs, state, torch.zeros(len(words), 1))

    config = SearchConfig(num_beams=3, length_penalty=length_penalty)
    state = Tables([[]]).state()
    (caption,) = beam_search(step, state, num_images=1, ids=IDS, config=config)[0]
    assert caption.words == ()
    assert calls == 1
