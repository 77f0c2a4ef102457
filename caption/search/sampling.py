"""Captions drawn by chance."""

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from caption.search.config import SearchConfig
from caption.search.constraints import constrain
from caption.search.paths import Paths
from caption.search.steps import Hypothesis, SpecialIds, State, StepFunction


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
    paths = Paths.start(out)
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
