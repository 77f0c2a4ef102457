"""What both methods return, and what they refuse."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from tables import (
    BAD_ENDING_IDS,
    IDS,
    MAX_LENGTH,
    VOCABULARY,
    WORDS,
    Options,
    Prefixes,
    Tables,
    assert_identical,
    code,
    constraints,
    continuations,
    examples,
    score,
    tables,
)
from torch import Tensor

from caption.search.config import Method, SearchConfig
from caption.search.constraints import LAST_RESORT, constrain
from caption.search.methods import search
from caption.search.sampling import sample
from caption.search.steps import SpecialIds, Step
from caption.text.endings import BAD_ENDINGS


def both_methods(constraints: Options) -> list[SearchConfig]:
    beam = SearchConfig(num_beams=4, num_captions=4, max_length=MAX_LENGTH, **constraints)
    return [beam, replace(beam, method="sample", temperature=1.5, top_k=3, top_p=0.9)]


@examples
@given(tables, constraints)
def test_the_log_probs_are_the_models_own(tables: Tables, constraints: Options) -> None:
    for config in both_methods(constraints):
        for image, captions in enumerate(tables.search(config, seeds=range(len(tables.images)))):
            next_log_probs = tables.next_log_probs(image)
            for caption in captions:
                words = (*caption.words, IDS.end) if caption.finished else caption.words
                own = [next_log_probs(words[:at])[word] for at, word in enumerate(words)]
                own = [max(value, LAST_RESORT) for value in own]
                assert caption.log_probs == pytest.approx(own, rel=1e-5)
                assert caption.score == pytest.approx(score(own, config), rel=1e-5)
                assert caption.finished or len(words) == config.max_length


@examples
@given(tables, constraints)
def test_every_word_comes_with_the_trace_of_the_step_that_proposed_it(
    tables: Tables, constraints: Options
) -> None:
    for config in both_methods(constraints):
        for image, captions in enumerate(tables.search(config, seeds=range(len(tables.images)))):
            for caption in captions:
                prefixes = [caption.words[:at] for at in range(len(caption.words))]
                expected = [[image, code(prefix)] for prefix in prefixes]
                assert caption.trace.tolist() == expected


@examples
@given(tables, constraints)
def test_no_caption_breaks_a_constraint_unless_it_is_stuck(
    tables: Tables, constraints: Options
) -> None:
    for config in both_methods(constraints):
        for image, captions in enumerate(tables.search(config, seeds=range(len(tables.images)))):
            for caption in captions:
                words = (*caption.words, IDS.end) if caption.finished else caption.words
                for at, word in enumerate(words):
                    assert word in continuations(tables.next_log_probs(image), words[:at], config)


@pytest.mark.parametrize("method", ["beam", "sample"])
def test_rows_of_an_image_stay_side_by_side_until_it_is_done(method: Method) -> None:
    # A state may keep an image's features once, for a block of rows of equal size.
    tables = Tables.random([1, 2, 3], max_length=4, sharpness=3.0)
    config = SearchConfig(method=method, num_beams=2, num_captions=2, max_length=4)
    batches: list[set[int]] = []

    def step(words: Tensor, state: Prefixes) -> Step[Prefixes]:
        images = state.images.tolist()
        assert images == sorted(images)
        assert images == state.memory.repeat_interleave(2).tolist()
        batches.append(set(images))
        return tables.step(words, state)

    search(step, tables.state(), num_images=3, ids=IDS, config=config, seeds=[0, 1, 2])
    assert batches[0] == {0, 1, 2}
    assert all(later <= earlier for earlier, later in pairwise(batches))
    assert method == "sample" or len(batches[-1]) < 3


@pytest.mark.parametrize("method", ["beam", "sample"])
def test_half_precision_and_gradients_stay_with_the_model(method: Method) -> None:
    tables = Tables.random([1], max_length=2)
    weight = torch.ones((), dtype=torch.bfloat16, requires_grad=True)

    def step(words: Tensor, state: Prefixes) -> Step[Prefixes]:
        out = tables.step(words, state)
        return Step(out.log_probs.bfloat16() * weight, out.state, out.trace * weight.float())

    config = SearchConfig(method=method, max_length=2)
    ((caption,),) = search(step, tables.state(), num_images=1, ids=IDS, config=config, seeds=[0])
    assert not caption.trace.requires_grad
    words = (*caption.words, IDS.end)[: len(caption.log_probs)]
    own = [tables.next_log_probs(0)(words[:at])[word] for at, word in enumerate(words)]
    assert caption.log_probs == pytest.approx(own, rel=0.01)


@pytest.mark.gpu
def test_the_device_cannot_change_the_captions() -> None:
    tables = Tables.random([1, 2, 3], max_length=MAX_LENGTH)
    on_gpu = Tables([[table.cuda() for table in image] for image in tables.images])
    state = tables.state().select(torch.arange(3))
    for config in both_methods({"no_repeat_ngram": 2, "forbid_bad_endings": True}):
        there = search(
            on_gpu.step,
            replace(
                state,
                images=state.images.cuda(),
                codes=state.codes.cuda(),
                memory=state.memory.cuda(),
            ),
            num_images=3,
            ids=IDS,
            config=config,
            seeds=[0, 1, 2],
            bad_ending_ids=BAD_ENDING_IDS,
            device="cuda",
        )
        for captions, others in zip(tables.search(config, seeds=[0, 1, 2]), there, strict=True):
            assert_identical(captions, others)
            assert all(each.trace.device.type == "cpu" for each in others)


def allowed(words: Sequence[int], **options: Any) -> set[int]:
    log_probs = torch.zeros(1, VOCABULARY)
    before = log_probs.clone()
    left = constrain(
        log_probs,
        torch.tensor([words]).long(),
        ids=IDS,
        config=SearchConfig(**options),
        bad_ending_ids=BAD_ENDING_IDS,
    )
    assert torch.equal(log_probs, before)  # the model's own values are not written to
    return set((left[0] > -math.inf).nonzero().flatten().tolist())


def test_constraints_forbid_what_they_say_and_nothing_else() -> None:
    everything = {IDS.end, *WORDS}
    assert allowed([]) == everything
    assert allowed([], allow_unknown=True) == {*everything, IDS.unknown}
    assert allowed([5], min_length=2) == set(WORDS)
    assert allowed([5, 5], min_length=2) == everything
    assert allowed([4], forbid_bad_endings=True) == set(WORDS)
    assert allowed([4, 5], forbid_bad_endings=True) == everything
    assert allowed([5, 4], no_repeat_ngram=1) == {IDS.end, 6}
    assert allowed([4, 5, 4], no_repeat_ngram=2) == {IDS.end, 4, 6}
    assert allowed([4, 4], no_repeat_ngram=2) == {IDS.end, 5, 6}
    assert allowed([4, 5, 6, 4, 5], no_repeat_ngram=3) == {IDS.end, 4, 5}
    assert allowed([4, 5], no_repeat_ngram=3) == everything
    assert allowed([4, 5, 6], no_repeat_ngram=1, min_length=9) == {IDS.end}


def test_bad_endings_are_as_published() -> None:
    assert len(set(BAD_ENDINGS)) == len(BAD_ENDINGS) == 17


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 0}, "num_beams must be at least 1, got 0"),
        ({"num_captions": 0}, "num_captions must be at least 1, got 0"),
        ({"max_length": 0}, "max_length must be at least 1, got 0"),
        ({"min_length": 21}, r"min_length must be in \[0, max_length=20\], got 21"),
        ({"min_length": -1}, "min_length .* got -1"),
        ({"length_penalty": -0.1}, "length_penalty must not be negative, got -0.1"),
        ({"length_penalty": math.nan}, "length_penalty .* got nan"),
        ({"no_repeat_ngram": -1}, "no_repeat_ngram must not be negative, got -1"),
        ({"top_k": -1}, "top_k must not be negative, got -1"),
        ({"num_beams": 2, "num_captions": 3}, "2 beams cannot find 3 captions"),
        ({"temperature": 0.0}, "temperature must be above 0 and finite, got 0.0"),
        ({"temperature": math.inf}, "temperature must be above 0 and finite, got inf"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\], got 0.0"),
        ({"top_p": 1.1}, r"top_p must be in \(0, 1\], got 1.1"),
    ],
)
def test_a_config_cannot_exist_in_a_bad_state(options: Options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SearchConfig(**options)


def test_samples_need_no_beams() -> None:
    assert SearchConfig(method="sample", num_beams=1, num_captions=5).num_captions == 5


def test_special_ids_must_differ() -> None:
    with pytest.raises(ValueError, match=r"must differ from each other.*end=0"):
        SpecialIds(start=0, end=0, pad=1, unknown=2)


def test_sampling_without_a_seed_for_each_image_is_refused() -> None:
    tables = Tables.random([1], max_length=2)
    config = SearchConfig(method="sample", max_length=2)
    with pytest.raises(ValueError, match="pass seeds, one for each image"):
        search(tables.step, tables.state(), num_images=1, ids=IDS, config=config)
    with pytest.raises(ValueError, match="as many seeds as images, 1, got 2"):
        sample(tables.step, tables.state(), num_images=1, seeds=[1, 2], ids=IDS, config=config)
