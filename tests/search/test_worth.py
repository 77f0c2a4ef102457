"""Captions are ranked by what they name, beside how likely they are."""

import math
from collections.abc import Sequence
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
    Tables,
    all_captions,
    assert_identical,
    by_prefix,
    constraints,
    examples,
    tables,
)

from caption.search.config import SearchConfig
from caption.search.methods import search
from caption.search.required import WordSets
from caption.search.steps import Hypothesis


def found(
    tables: Tables,
    config: SearchConfig,
    worth: torch.Tensor | None,
    required: Sequence[WordSets] = (),
) -> list[list[Hypothesis]]:
    count = len(tables.images)
    return search(
        *(tables.step, tables.state()),
        num_images=count,
        ids=IDS,
        config=config,
        seeds=range(count),
        required=required,
        worth=worth,
    )


worths = st.lists(st.floats(0, 9), min_size=VOCABULARY, max_size=VOCABULARY)


@examples
@given(tables, constraints, worths)
def test_the_best_of_all_captions_is_found_where_none_is_dropped(
    tables: Tables, constraints: Options, worth: list[float]
) -> None:
    beams = {"num_beams": ALL_BEAMS, "num_captions": 2, "max_length": MAX_LENGTH}
    config = SearchConfig(**beams | constraints | {"forbid_bad_endings": False})
    captions = found(tables, config, torch.tensor([worth] * len(tables.images)))

    def value(words: tuple[int, ...], log_probs: tuple[float, ...]) -> float:
        total = math.fsum(log_probs) + math.fsum(worth[word] for word in set(words))
        return total / len(log_probs) ** config.length_penalty

    for image, best in enumerate(captions):
        every = all_captions(tables.next_log_probs(image), config)
        values = sorted(((done, value(words, own)) for words, own, done in every), reverse=True)
        assert [(each.finished, each.score) for each in best] == [
            (done, pytest.approx(expected, rel=1e-4, abs=1e-4)) for done, expected in values[:2]
        ]


@examples
@given(tables)
def test_worth_ranks_what_beam_search_finds_and_leaves_it_as_it_is(tables: Tables) -> None:
    config = SearchConfig(num_beams=4, num_captions=4, max_length=MAX_LENGTH)
    plain = found(tables, config, None)
    count = len(tables.images)
    for nothing in (torch.zeros(count, VOCABULARY), None):
        for captions, others in zip(found(tables, config, nothing), plain, strict=True):
            assert_identical(captions, others)

    def seen(captions: list[Hypothesis]) -> set[tuple[object, ...]]:
        return {(each.words, each.log_probs, each.finished) for each in captions}

    worth = torch.randn(count, VOCABULARY).exp()
    all_four = found(tables, config, worth)
    assert [seen(captions) for captions in all_four] == [seen(captions) for captions in plain]
    best = found(tables, replace(config, num_captions=1), worth)
    for captions, four in zip(best, all_four, strict=True):
        assert_identical(captions, four[:1])


def test_a_caption_that_names_what_is_there_comes_before_a_likelier_one() -> None:
    cat, man = 4, 5
    written = by_prefix(
        {(): {cat: 0.3, man: 0.7}, (cat,): {IDS.end: 1.0}, (man,): {IDS.end: 1.0}}, max_length=1
    )
    config = SearchConfig(num_beams=2, max_length=1)
    worth = torch.zeros(1, VOCABULARY)
    for value, expected in ((0.0, man), (0.8, man), (0.9, cat)):  # ln 0.7 - ln 0.3 is 0.85
        worth[0, cat] = value
        ((best,),) = found(written, config, worth)
        assert best.words == (expected,)
        assert best.log_probs[0] == pytest.approx(math.log({cat: 0.3, man: 0.7}[expected]))
    # What must be said is said, and chance is chance, whatever it is worth.
    ((best,),) = found(written, config, worth, required=[[frozenset({man})]])
    assert best.words == (man,)
    drawn = replace(config, method="sample")
    assert_identical(*found(written, drawn, worth), *found(written, drawn, None))
