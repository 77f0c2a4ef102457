"""Beam search in batches."""

import math
from collections.abc import Collection

import torch
from jaxtyping import Float, Int
from torch import Tensor

from caption.search.config import SearchConfig
from caption.search.constraints import constrain
from caption.search.paths import Paths, rank_score
from caption.search.rounds import Listener, Round
from caption.search.steps import Hypothesis, SpecialIds, State, StepFunction


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
    listen: Listener | None = None,
) -> list[list[Hypothesis]]:
    """Return each image's best captions found, best first; `state` has one row for each image.

    A caption is finished when its end is among the best num_beams continuations, and its beam goes
    to the next best. An image is done when num_beams captions are finished, or before that when
    none can change the result any more. Fewer than num_captions come back only if no more exist.
    Who listens is told of every round, and changes nothing.
    """
    width = config.num_beams
    images = torch.arange(num_images, device=device)
    state = state.select(images.repeat_interleave(width))
    out = step(torch.full((num_images * width,), ids.start, device=device), state)
    paths = Paths.start(out)
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
        most = width if paths.length < config.max_length else 0
        going_on = is_end.long().argsort(dim=1, stable=True)[:, :most]
        if listen is not None:
            listen(Round(images, rows % width, words, sums, ending, going_on))
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

        scores = rank_score(sums, paths.length + 1, config).masked_fill(~ending, -math.inf)
        best = torch.cat([best, scores], dim=1).topk(config.num_captions, dim=1).values
        num_finished += ending.sum(dim=1)
        totals = sums.gather(1, going_on)
        # A sum can only fall, but it may yet be divided by the greatest length.
        hope = rank_score(totals[:, 0], config.max_length + 1, config)
        left = ((num_finished < width) & (best[:, -1] < hope)).nonzero().squeeze(1)
        if len(left) == 0:
            break
        rows, words = rows.gather(1, going_on), words.gather(1, going_on)
        some = None
        if len(left) < len(images):
            some = left
            rows, words, images, totals, best, num_finished = (
                values[left] for values in (rows, words, images, totals, best, num_finished)
            )
        rows, words = rows.flatten(), words.flatten()
        trace = None if out.trace is None else out.trace[rows]
        paths = paths.select(rows).extend(words, log_probs[rows, words], trace)
        state = out.state.select(rows, some)
        out = step(words, state)

    for ranked in captions:
        ranked.sort(key=lambda caption: caption.rank, reverse=True)
    return [ranked[: config.num_captions] for ranked in captions]


def _best_continuations(
    totals: Float[Tensor, "image beam"], log_probs: Float[Tensor, "row vocabulary"], *, count: int
) -> tuple[Float[Tensor, "image count"], Int[Tensor, "image count"], Int[Tensor, "image count"]]:
    """Return the best sums of each image with the row that each continues and the word."""
    num_images, width = totals.shape
    vocabulary = log_probs.shape[1]
    sums, places = (totals.view(-1, 1) + log_probs).view(num_images, -1).topk(count, dim=1)
    first_rows = torch.arange(0, num_images * width, width, device=totals.device)
    return sums, first_rows.unsqueeze(1) + places // vocabulary, places % vocabulary
