"""Search for captions: beam search and sampling over a step function, knowing no network.

A decoder is seen here only as a function from the last words and a state to log-probabilities of
the next words, so that a table of probabilities tests the search as well as a network does.

Hypotheses are rows, image-major: every step is given the same number of rows for each image, and
the rows of an image stay side by side. So a state may keep what belongs to an image, as its
features, once for all of its rows. Images whose captions are done are left out of later steps.
"""

from collections.abc import Collection, Sequence
from functools import partial

import torch

from caption.search.beam import beam_search
from caption.search.config import SearchConfig
from caption.search.sampling import sample
from caption.search.steps import Hypothesis, SpecialIds, State, StepFunction


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
