"""Tables of probabilities in the place of networks, and two oracles in plain Python.

One is a beam search of one image, the other the enumeration of all captions.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from caption.search.config import SearchConfig
from caption.search.constraints import LAST_RESORT
from caption.search.methods import search
from caption.search.steps import Hypothesis, SpecialIds, Step

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

    def search(self, config: SearchConfig, **also: Any) -> list[list[Hypothesis]]:
        return search(
            self.step,
            self.state(),
            num_images=len(self.images),
            ids=IDS,
            config=config,
            bad_ending_ids=BAD_ENDING_IDS,
            **also,
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
