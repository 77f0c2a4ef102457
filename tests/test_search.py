"""Laws and known answers of the search, on tables of probabilities instead of networks.

Two oracles in plain Python: a beam search of one image, and the enumeration of all captions.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from caption.config import Method, SearchConfig
from caption.search import (
    BAD_ENDINGS,
    LAST_RESORT,
    Hypothesis,
    SpecialIds,
    Step,
    beam_search,
    constrain,
    sample,
    search,
)

IDS = SpecialIds(start=0, end=1, pad=2, unknown=3)
WORDS = (4, 5, 6)
VOCABULARY = 4 + len(WORDS)
BAD_ENDING_IDS = frozenset({4})

Prefix = tuple[int, ...]
NextLogProbs = Callable[[Prefix], Sequence[float]]
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Prefixes:
    """The state of a table: which image a row belongs to and the words it has read."""

    images: Tensor
    codes: Tensor
    memory: Tensor
    """What belongs to an image, here its number, once for all its rows."""
    length: int = -1
    """Words read; the start is the zeroth."""

    def select(self, rows: Tensor, images: Tensor | None = None) -> "Prefixes":
        memory = self.memory if images is None else self.memory[images]
        return Prefixes(self.images[rows], self.codes[rows], memory, self.length)


@dataclass(frozen=True)
class Tables:
    """For each image, log-probabilities of the next word after every prefix up to a length."""

    images: list[list[Tensor]]
    """By image and length of the prefix: (VOCABULARY ** length, VOCABULARY)."""

    @classmethod
    def random(
        cls,
        seeds: Sequence[int],
        *,
        max_length: int,
        sharpness: float = 1.0,
        impossible: float = 0.0,
    ) -> "Tables":
        def table(seed: int) -> Iterator[Tensor]:
            chance = torch.Generator().manual_seed(seed)
            for length in range(max_length + 1):
                shape = VOCABULARY**length, VOCABULARY
                scores = sharpness * torch.randn(shape, generator=chance)
                ruled_out = torch.rand(shape, generator=chance) < impossible
                ruled_out[:, IDS.pad] = False  # so that no row is without any probability
                yield scores.masked_fill(ruled_out, -math.inf).log_softmax(dim=1)

        return cls([list(table(seed)) for seed in seeds])

    def only(self, image: int) -> "Tables":
        return Tables([self.images[image]])

    def state(self) -> Prefixes:
        images = torch.arange(len(self.images))
        return Prefixes(images, torch.zeros_like(images), memory=images)

    def step(self, words: Tensor, state: Prefixes) -> Step[Prefixes]:
        """The trace tells the image and the prefix that the next word follows."""
        length = state.length + 1
        codes = state.codes * VOCABULARY + words if length else state.codes
        by_length = torch.stack([image[length] for image in self.images])
        return Step(
            log_probs=by_length[state.images, codes],
            state=replace(state, codes=codes, length=length),
            trace=torch.stack([state.images, codes], dim=1).float(),
        )

    def next_log_probs(self, image: int) -> NextLogProbs:
        tables = [table.tolist() for table in self.images[image]]
        return lambda prefix: tables[len(prefix)][code(prefix)]

    def search(self, config: SearchConfig, *, seeds: Sequence[int] = ()) -> list[list[Hypothesis]]:
        return search(
            self.step,
            self.state(),
            num_images=len(self.images),
            ids=IDS,
            config=config,
            seeds=seeds,
            bad_ending_ids=BAD_ENDING_IDS,
        )


def code(prefix: Prefix) -> int:
    return sum(word * VOCABULARY**place for place, word in enumerate(reversed(prefix)))


def score(log_probs: Sequence[float], config: SearchConfig) -> float:
    return math.fsum(log_probs) / len(log_probs) ** config.length_penalty


def continuations(
    next_log_probs: NextLogProbs, prefix: Prefix, config: SearchConfig
) -> dict[int, float]:
    """The constraints once more, word by word."""

    def repeats(word: int) -> bool:
        size, caption = config.no_repeat_ngram, (*prefix, word)
        ngrams = [caption[at : at + size] for at in range(len(caption) - size + 1)]
        return size > 0 and len(ngrams) > 0 and ngrams[-1] in ngrams[:-1]

    def may_follow(word: int) -> bool:
        if word == IDS.end:
            bad = config.forbid_bad_endings and prefix[-1:] and prefix[-1] in BAD_ENDING_IDS
            return len(prefix) >= config.min_length and not bad
        if word == IDS.unknown and not config.allow_unknown:
            return False
        return word not in (IDS.start, IDS.pad) and not repeats(word)

    log_probs = next_log_probs(prefix)
    possible = {
        word: value
        for word, value in enumerate(log_probs)
        if value > -math.inf and may_follow(word)
    }
    return possible or {IDS.end: max(log_probs[IDS.end], LAST_RESORT)}


Found = tuple[Prefix, tuple[float, ...], bool]


def ranked(found: Sequence[Found], config: SearchConfig) -> list[Found]:
    best_first = sorted(found, key=lambda each: (each[2], score(each[1], config)), reverse=True)
    return best_first[: config.num_captions]


def all_captions(next_log_probs: NextLogProbs, config: SearchConfig) -> list[Found]:
    """Enumerate every caption that the constraints let through."""

    def after(prefix: Prefix, values: tuple[float, ...]) -> Iterator[Found]:
        possible = continuations(next_log_probs, prefix, config)
        if IDS.end in possible:
            yield prefix, (*values, possible.pop(IDS.end)), True
        elif len(prefix) == config.max_length:
            yield prefix, values, False
        if len(prefix) < config.max_length:
            for word, value in possible.items():
                yield from after((*prefix, word), (*values, value))

    return list(after((), ()))


def plain_beam_search(next_log_probs: NextLogProbs, config: SearchConfig) -> list[Found]:
    """Search the captions of one image, without stopping before num_beams are finished."""
    beams: list[tuple[Prefix, tuple[float, ...]]] = [((), ())]
    found: list[Found] = []
    while beams and len(found) < config.num_beams:
        candidates = [
            (prefix, word, (*values, value))
            for prefix, values in beams
            for word, value in continuations(next_log_probs, prefix, config).items()
        ]
        candidates.sort(key=lambda candidate: sum(candidate[2]), reverse=True)
        ended = [each for each in candidates[: config.num_beams] if each[1] == IDS.end]
        found += [(prefix, values, True) for prefix, _, values in ended]
        if len(beams[0][0]) == config.max_length:
            complete = {prefix for prefix, _, _ in ended}
            found += [(*beam, False) for beam in beams if beam[0] not in complete]
            break
        going_on = [each for each in candidates if each[1] != IDS.end]
        beams = [((*prefix, word), values) for prefix, word, values in going_on[: config.num_beams]]
    return ranked(found, config)


def assert_same(captions: Sequence[Hypothesis], expected: Sequence[Found]) -> None:
    assert [(each.words, each.finished) for each in captions] == [
        (words, finished) for words, _, finished in expected
    ]
    for caption, (_, log_probs, _) in zip(captions, expected, strict=True):
        assert caption.log_probs == pytest.approx(log_probs, rel=1e-5, abs=1e-5)


def assert_identical(captions: Sequence[Hypothesis], others: Sequence[Hypothesis]) -> None:
    assert_same(captions, [(each.words, each.log_probs, each.finished) for each in others])
    for caption, other in zip(captions, others, strict=True):
        assert caption.score == pytest.approx(other.score, rel=1e-5)


MAX_LENGTH = 3
ALL_BEAMS = 4**MAX_LENGTH * 5  # no step has more continuations, with the unknown word too

constraints = st.fixed_dictionaries(
    {
        "length_penalty": st.sampled_from([0.0, 0.5, 0.7, 1.0, 2.0]),
        "min_length": st.integers(0, MAX_LENGTH),
        "forbid_bad_endings": st.booleans(),
        "no_repeat_ngram": st.integers(0, 3),
        "allow_unknown": st.booleans(),
    }
)
tables = st.builds(
    lambda seeds, sharpness, impossible: Tables.random(
        seeds, max_length=MAX_LENGTH, sharpness=sharpness, impossible=impossible
    ),
    seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=4),
    sharpness=st.sampled_from([0.3, 1.0, 4.0]),
    impossible=st.sampled_from([0.0, 0.3, 0.8]),
)
examples = settings(max_examples=30, deadline=None, derandomize=True)


def by_prefix(rows: Mapping[Prefix, Mapping[int, float]], *, max_length: int) -> Tables:
    """Write a table by hand, in probabilities; what is not written is impossible."""
    image = [
        torch.full((VOCABULARY**length, VOCABULARY), -math.inf) for length in range(max_length + 1)
    ]
    for prefix, row in rows.items():
        for word, probability in row.items():
            image[len(prefix)][code(prefix), word] = math.log(probability)
    return Tables([image])


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    # On tensors this small, two threads spend their time waiting for each other.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- known answers --------------------------------------------------------------------------------


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


# --- beam search against the oracles --------------------------------------------------------------


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


# --- sampling -------------------------------------------------------------------------------------


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


# --- what both methods return ---------------------------------------------------------------------


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


# --- constraints and arguments --------------------------------------------------------------------


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
