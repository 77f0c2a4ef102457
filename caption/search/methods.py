"""Search for captions: beam search and sampling over a step function, knowing no network.

Beam search can be told words that a caption must contain (`caption.search.required`), and what
naming a word is worth (`caption.search.worth`).

A decoder is seen here only as a function from the last words and a state to log-probabilities of
the next words, so that a table of probabilities tests the search as well as a network does.

Hypotheses are rows, image-major: every step is given the same number of rows for each image, and
the rows of an image stay side by side. So a state may keep what belongs to an image, as its
features, once for all of its rows. Images whose captions are done are left out of later steps.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

import torch

from caption.search.beam import beam_search
from caption.search.config import SearchConfig
from caption.search.required import WordSets, required_beam_search
from caption.search.rounds import Listener
from caption.search.sampling import sample
from caption.search.steps import Hypothesis, SpecialIds, State, StepFunction
from caption.search.worth import Worth, ranked


def search(
    step: StepFunction[State],
    state: State,
    *,
    num_images: int,
    ids: SpecialIds,
    config: SearchConfig,
    seeds: Sequence[int] | None = None,
    required: Sequence[WordSets] = (),
    worth: Worth | None = None,
    bad_ending_ids: Collection[int] = frozenset(),
    device: torch.device | str = "cpu",
    listen: Listener | None = None,
) -> list[list[Hypothesis]]:
    """Return each image's captions by the configured method, best first.

    Args:
        step: reads a word in every row.
        state: has one row for each image.
        num_images: in the batch.
        ids: the words that are none.
        config: what to search for.
        seeds: one for each image, for sampling.
        required: for each image the sets of words of which a caption must have one each, for beam
            search; empty for none.
        worth: what naming a word adds to a caption's sum of log-probabilities. Beam search ranks
            all num_beams captions that it finds by it.
        bad_ending_ids: words that a caption may not end with, if the config says so.
        device: of the state.
        listen: is told of every round of beam search, of that without required words.
    """
    if config.method == "sample" and seeds is None:
        raise ValueError("method 'sample' draws by chance: pass seeds, one for each image")
    if config.method == "sample" and any(required):
        raise ValueError("method 'sample' cannot promise words: required sets need method 'beam'")
    if listen is not None and (config.method == "sample" or any(required)):
        raise ValueError("only beam search without required sets tells of its rounds")
    beam = partial(beam_search, listen=listen)
    method = beam if config.method == "beam" else partial(sample, seeds=seeds or ())
    if any(required):
        method = partial(required_beam_search, required=required)
    if config.method == "sample":
        worth = None  # what is drawn by chance is not ranked
    found = method(
        step,
        state,
        num_images=num_images,
        ids=ids,
        config=config if worth is None else replace(config, num_captions=config.num_beams),
        bad_ending_ids=bad_ending_ids,
        device=device,
    )
    if worth is None:
        return found
    return [captions[: config.num_captions] for captions in ranked(found, worth, config)]
