"""Search for captions: beam search and sampling over a step function, knowing no network.

A decoder is seen here only as a function from the last words and a state to log-probabilities of
the next words, so that a table of probabilities tests the search as well as a network does.

Hypotheses are rows, image-major: every step is given the same number of rows for each image, and
the rows of an image stay side by side. So a state may keep what belongs to an image, as its
features, once for all of its rows. Images whose captions are done are left out of later steps.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from caption.config import SearchConfig

# The words after which self-critical.pytorch (Luo et al. 2018) lets no caption end: optimising
# CIDEr teaches a decoder to stop in the middle of a phrase, because common n-grams pay.
BAD_ENDINGS = (
    *("a", "an", "the", "in", "for", "at", "of", "with", "before", "after"),
    *("on", "upon", "near", "to", "is", "are", "am"),
)

# Log-probability given to the end of a caption that has no other way to go on, where the model
# calls even the end impossible: worse than any real word, yet finite, so that sums stay numbers.
LAST_RESORT = -1e4

State = TypeVar("State", bound="Selectable")
Total = TypeVar("Total", float, Tensor)


@runtime_checkable
class Selectable(Protocol):
    """A decoder's state, one row for each hypothesis."""

    def select(
        self: State, rows: Int[Tensor, " row"], images: Int[Tensor, " image"] | None = None, /
    ) -> State:
        """Return the state of these rows, which may repeat, and of these images if not of all."""
        ...


@dataclass(frozen=True)
class Step(Generic[State]):
    """What a decoder says after reading one more word of every row."""

    log_probs: Float[Tensor, "row vocabulary"]
    """Of the next word."""
    state: State
    trace: Float[Tensor, "row position"]
    """What to remember with the next word, whichever it is: attention weights, say."""


StepFunction = Callable[[Int[Tensor, " row"], State], Step[State]]


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One caption as ids, and what the model thought of it."""

    words: tuple[int, ...]
    """Without the start and the end."""
    log_probs: tuple[float, ...]
    """The model's own, of each word and then, only if finished, of the end."""
    finished: bool
    """False for a caption cut at max_length."""
    score: float
    """Sum of log_probs / len(log_probs) ** length_penalty."""
    trace: Float[Tensor, "word position"]
    """What the step that proposed it wanted remembered with each word; on the CPU."""


@dataclass(frozen=True, kw_only=True)
class SpecialIds:
    """Ids that are no words."""

    start: int
    end: int
    pad: int
    unknown: int

    def __post_init__(self) -> None:
        if len({self.start, self.end, self.pad, self.unknown}) < 4:
            raise ValueError(f"the special ids must differ from each other, got {self}")


def search(
    step: StepFunction[State],
    state: State,
    *,
    num_images: int,
    ids: SpecialIds,
    config: SearchConfig,
    seeds: Sequence[int] | None = None,
    bad_ending_ids: Collection[int] = frozenset(),
    device: torch.device | str = "cpu",
) -> list[list[Hypothesis]]:
    """Return each image's captions by the configured method; sampling needs one seed per image."""
    if config.method == "sample" and seeds is None:
        raise ValueError("method 'sample' draws by chance: pass seeds, one for each image")
    method = beam_search if config.method == "beam" else partial(sample, seeds=seeds or ())
    return method(
        step,
        state,
        num_images=num_images,
        ids=ids,
        config=config,
        bad_ending_ids=bad_ending_ids,
        device=device,
    )


@torch.no_grad()
def beam_search(
    step: StepFunction[State],
    state: State,
    *,
    num_images: int,
    ids: SpecialIds,
    config: SearchConfig,
    bad_ending_ids: Collection[int] = frozenset(),
    device: torch.device | str = "cpu",
) -> list[list[Hypothesis]]:
    """Return each image's best captions found, best first; `state` has one row for each image.

    A caption is finished when its end is among the best num_beams continuations, and its beam goes
    to the next best. An image is done when num_beams captions are finished, or before that when
    none can change the result any more. Fewer than num_captions come back only if no more exist.
    """
    width = config.num_beams
    images = torch.arange(num_images, device=device)
    state = state.select(images.repeat_interleave(width))
    out = step(torch.full((num_images * width,), ids.start, device=device), state)
    paths = _Paths.start(out.trace)
    # The beams of an image start alike, and would stay alike if more than one were continued.
    totals = torch.full((num_images, width), -math.inf, device=device)
    totals[:, 0] = 0.0
    best = torch.full((num_images, config.num_captions), -math.inf, device=device)
    num_finished = torch.zeros_like(images)
    captions: list[list[Hypothesis]] = [[] for _ in range(num_images)]

    while True:
        log_probs = constrain(
            out.log_probs, paths.words, ids=ids, config=config, bad_ending_ids=bad_ending_ids
        )
        # A beam ends in one way only, so that of 2 * width continuations at least width go on.
        sums, rows, words = _best_continuations(totals, log_probs, count=2 * width)
        is_end = words == ids.end
        ending = is_end & sums.isfinite()
        ending[:, width:] = False
        ended = rows[ending]
        found = paths.hypotheses(ended, config, end_log_probs=log_probs[ended, ids.end])
        if paths.length == config.max_length:
            # A caption cut at max_length is still better than none at all.
            cut = totals.flatten().isfinite()
            cut[ended] = False
            found += paths.hypotheses(cut.nonzero().squeeze(1), config)
        owners = images.tolist()
        for row, caption in found:
            captions[owners[row // width]].append(caption)
        if paths.length == config.max_length:
            break

        scores = _score(sums, paths.length + 1, config).masked_fill(~ending, -math.inf)
        best = torch.cat([best, scores], dim=1).topk(config.num_captions, dim=1).values
        num_finished += ending.sum(dim=1)
        going_on = is_end.long().argsort(dim=1, stable=True)[:, :width]
        totals = sums.gather(1, going_on)
        # A sum can only fall, but it may yet be divided by the greatest length.
        hope = _score(totals[:, 0], config.max_length + 1, config)
        left = ((num_finished < width) & (best[:, -1] < hope)).nonzero().squeeze(1)
        if len(left) == 0:
            break
        rows, words = (
            rows.gather(1, going_on)[left].flatten(),
            words.gather(1, going_on)[left].flatten(),
        )
        paths = paths.select(rows).extend(words, log_probs[rows, words], out.trace[rows])
        state = out.state.select(rows) if len(left) == len(images) else out.state.select(rows, left)
        images, totals, best, num_finished = (
            values[left] for values in (images, totals, best, num_finished)
        )
        out = step(words, state)

    for ranked in captions:
        ranked.sort(key=lambda caption: (caption.finished, caption.score), reverse=True)
    return [ranked[: config.num_captions] for ranked in captions]


@torch.no_grad()
def sample(
    step: StepFunction[State],
    state: State,
    *,
    num_images: int,
    seeds: Sequence[int],
    ids: SpecialIds,
    config: SearchConfig,
    bad_ending_ids: Collection[int] = frozenset(),
    device: torch.device | str = "cpu",
) -> list[list[Hypothesis]]:
    """Return num_captions captions of each image as drawn; `state` has one row for each image.

    An image's captions depend on its own seed, whatever else is in the batch. Their log_probs are
    the model's, before temperature, top_k and top_p.
    """
    if len(seeds) != num_images:
        raise ValueError(f"pass as many seeds as images, {num_images}, got {len(seeds)}")
    images = torch.arange(num_images, device=device)
    state = state.select(images.repeat_interleave(config.num_captions))
    is_open = torch.ones(num_images * config.num_captions, dtype=torch.bool, device=device)
    out = step(torch.full(is_open.shape, ids.start, device=device), state)
    paths = _Paths.start(out.trace)
    found: list[tuple[int, Hypothesis]] = []

    for chances in _chances(seeds, config).to(device):
        log_probs = constrain(
            out.log_probs, paths.words, ids=ids, config=config, bad_ending_ids=bad_ending_ids
        )
        words = _draw(log_probs, chances, config)
        ended = (is_open & (words == ids.end)).nonzero().squeeze(1)
        found += paths.hypotheses(ended, config, end_log_probs=log_probs[ended, ids.end])
        is_open[ended] = False
        if paths.length == config.max_length or not bool(is_open.any()):
            break
        chosen = log_probs.gather(1, words.unsqueeze(1)).squeeze(1)
        paths = paths.extend(words, chosen, out.trace)
        out = step(words, out.state)

    found += paths.hypotheses(is_open.nonzero().squeeze(1), config)
    in_order = [caption for _, caption in sorted(found, key=lambda pair: pair[0])]
    count = config.num_captions
    return [in_order[image * count : (image + 1) * count] for image in range(num_images)]


def constrain(
    log_probs: Float[Tensor, "row vocabulary"],
    words: Int[Tensor, "row length"],
    *,
    ids: SpecialIds,
    config: SearchConfig,
    bad_ending_ids: Collection[int] = frozenset(),
) -> Float[Tensor, "row vocabulary"]:
    """Return the log-probabilities, as float32, with -inf for what may not follow these words.

    What may follow keeps the model's own value. A caption must come to an end: where nothing at
    all could follow, the end may, be it forbidden or even impossible (`LAST_RESORT`).
    """
    allowed = log_probs.to(torch.float32, copy=True)
    for word in (ids.start, ids.pad) if config.allow_unknown else (ids.start, ids.pad, ids.unknown):
        allowed[:, word] = -math.inf
    if words.shape[1] < config.min_length:
        allowed[:, ids.end] = -math.inf
    if config.forbid_bad_endings and words.shape[1] > 0:
        bad = torch.tensor(sorted(bad_ending_ids), dtype=words.dtype, device=words.device)
        allowed[:, ids.end].masked_fill_(torch.isin(words[:, -1], bad), -math.inf)
    if 0 < config.no_repeat_ngram <= words.shape[1]:
        # The start, forbidden anyway, stands for "no word".
        repeats = _repeats(words, config.no_repeat_ngram, nothing=ids.start)
        allowed.scatter_(1, repeats, -math.inf)
    stuck = allowed.amax(dim=1).isneginf()
    end = log_probs[:, ids.end].float().clamp(min=LAST_RESORT)
    allowed[:, ids.end] = torch.where(stuck, end, allowed[:, ids.end])
    return allowed


def _repeats(
    words: Int[Tensor, "row length"], size: int, *, nothing: int
) -> Int[Tensor, "row window"]:
    """Return the words that would complete an n-gram of this size for the second time."""
    windows = words.unfold(1, size, 1)
    latest = words[:, words.shape[1] - size + 1 :]
    same = (windows[:, :, :-1] == latest.unsqueeze(1)).all(dim=2)
    return windows[:, :, -1].masked_fill(~same, nothing)


def _score(total: Total, length: int, config: SearchConfig) -> Total:
    """Return what captions are ranked by (Wu et al. 2016, equation 14, without its constant 5)."""
    return total / length**config.length_penalty


def _best_continuations(
    totals: Float[Tensor, "image beam"], log_probs: Float[Tensor, "row vocabulary"], *, count: int
) -> tuple[Float[Tensor, "image count"], Int[Tensor, "image count"], Int[Tensor, "image count"]]:
    """Return the best sums of each image with the row that each continues and the word."""
    num_images, width = totals.shape
    vocabulary = log_probs.shape[1]
    sums, places = (totals.view(-1, 1) + log_probs).view(num_images, -1).topk(count, dim=1)
    first_rows = torch.arange(0, num_images * width, width, device=totals.device)
    return sums, first_rows.unsqueeze(1) + places // vocabulary, places % vocabulary


def _chances(seeds: Sequence[int], config: SearchConfig) -> Float[Tensor, "step row"]:
    """Return numbers in [0, 1) for all that can be drawn, each image's from its own generator."""
    chances = [
        torch.rand(
            config.max_length + 1,
            config.num_captions,
            generator=torch.Generator().manual_seed(seed),
        )
        for seed in seeds
    ]
    return torch.cat(chances, dim=1)


def _draw(
    log_probs: Float[Tensor, "row vocabulary"],
    chances: Float[Tensor, " row"],
    config: SearchConfig,
) -> Int[Tensor, " row"]:
    """Return the word on which each chance falls when their probabilities are laid end to end."""
    words = torch.arange(log_probs.shape[1], device=log_probs.device).expand_as(log_probs)
    if config.top_k or config.top_p < 1:
        likeliest = min(config.top_k or log_probs.shape[1], log_probs.shape[1])
        log_probs, words = log_probs.topk(likeliest, dim=1)
    # Subtracting the maximum first keeps tiny temperatures from overflowing.
    surplus = log_probs - log_probs.amax(dim=1, keepdim=True)
    probs = (surplus / config.temperature).softmax(dim=1)
    if config.top_p < 1:
        # The word that crosses top_p is still in the nucleus (Holtzman et al. 2020).
        probs[:, 1:][probs.cumsum(dim=1)[:, :-1] >= config.top_p] = 0.0
    edges = probs.cumsum(dim=1)
    places = torch.searchsorted(edges, chances.unsqueeze(1) * edges[:, -1:], right=True)
    places = places.clamp(max=probs.shape[1] - 1)
    # Rounded sums may let a chance fall on an impossible word, once in many millions.
    possible = probs.gather(1, places) > 0
    places = torch.where(possible, places, probs.argmax(dim=1, keepdim=True))
    return words.gather(1, places).squeeze(1)


@dataclass(frozen=True)
class _Paths:
    """The ways that hypotheses of equal length have come, one row each."""

    words: Int[Tensor, "row length"]
    log_probs: Float[Tensor, "row length"]
    trace: Float[Tensor, "row length position"]

    @classmethod
    def start(cls, trace: Float[Tensor, "row position"]) -> "_Paths":
        """Return paths without words, for rows with traces like these."""
        nothing = trace.new_empty(len(trace), 0)
        return cls(nothing.long(), nothing.float(), trace.unsqueeze(1)[:, :0])

    @property
    def length(self) -> int:
        """Number of words so far."""
        return self.words.shape[1]

    def select(self, rows: Int[Tensor, " selected"]) -> "_Paths":
        """Return the paths of these rows, which may repeat."""
        return _Paths(self.words[rows], self.log_probs[rows], self.trace[rows])

    def extend(
        self,
        words: Int[Tensor, " row"],
        log_probs: Float[Tensor, " row"],
        trace: Float[Tensor, "row position"],
    ) -> "_Paths":
        """Return the paths one word further."""
        return _Paths(
            torch.cat([self.words, words.unsqueeze(1)], dim=1),
            torch.cat([self.log_probs, log_probs.unsqueeze(1)], dim=1),
            torch.cat([self.trace, trace.unsqueeze(1)], dim=1),
        )

    def hypotheses(
        self,
        rows: Int[Tensor, " selected"],
        config: SearchConfig,
        *,
        end_log_probs: Float[Tensor, " selected"] | None = None,
    ) -> list[tuple[int, Hypothesis]]:
        """Return each row with its caption, finished if the end is given, otherwise cut."""
        paths = self.select(rows)
        log_probs = paths.log_probs
        if end_log_probs is not None:
            log_probs = torch.cat([log_probs, end_log_probs.unsqueeze(1)], dim=1)
        return [
            (
                row,
                Hypothesis(
                    words=tuple(words),
                    log_probs=tuple(values),
                    finished=end_log_probs is not None,
                    score=_score(math.fsum(values), len(values), config),
                    trace=trace,
                ),
            )
            for row, words, values, trace in zip(
                rows.tolist(),
                paths.words.tolist(),
                log_probs.tolist(),
                paths.trace.cpu(),
                strict=True,
            )
        ]
