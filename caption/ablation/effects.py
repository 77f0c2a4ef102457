"""How much better a variant is than another, whatever images and seeds chance had given.

The paired bootstrap of `metrics.bootstrap`, with a second level: each draw takes as many images as
there are, and as many seeds, both with repeats. A seed stands for both variants at once, as an
image does, so what it did to both is no difference.

With one seed the intervals are those of `evaluation.compare`: of images only. With few seeds they
are rather too narrow: n seeds drawn with repeats vary by (n - 1) / n of what new ones would.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from caption.evaluation.compare import METRICS, metrics_of_draws
from caption.metrics.bootstrap import RESAMPLES, Difference, differences, draws
from caption.metrics.ngrams import Floats
from caption.metrics.score import Scores


@dataclass(frozen=True)
class Resampled:
    """The scores of a run, and what they are on draws of its images."""

    whole: Floats
    """On all images, [metric], in the order of METRICS."""
    drawn: Floats
    """[draw, metric]; draw for draw, runs on as many images are on the same ones."""


def resampled(scores: Scores, *, resamples: int = RESAMPLES, seed: int = 0) -> Resampled:
    """Return the scores of a run on draws of its images, which depend on the seed alone."""
    num_images = len(scores.per_image)
    whole = metrics_of_draws(scores, np.ones((1, num_images), np.int64))[0]
    times = draws(num_images, resamples=resamples, seed=seed)
    return Resampled(whole, np.concatenate([metrics_of_draws(scores, some) for some in times]))


def effect(
    runs: Mapping[int, Resampled], others: Mapping[int, Resampled], *, seed: int = 0
) -> dict[str, Difference]:
    """Return by metric how much better a variant is than another, mean over the seeds of both.

    Args:
        runs: of the variant, by their seeds.
        others: of the other variant.
        seed: of the draws of seeds.

    Returns:
        Positive differences where the first is better; none if they have no seed in common.
    """
    common = [number for number in runs if number in others]
    if not common:
        return {}
    whole = np.mean([runs[n].whole - others[n].whole for n in common], axis=0)
    pairs = np.stack([runs[n].drawn - others[n].drawn for n in common])
    shares = [1 / len(common)] * len(common)
    times = np.random.default_rng(seed).multinomial(len(common), shares, pairs.shape[1])
    drawn = np.einsum("ds,sdm->dm", times / len(common), pairs)
    return dict(zip(METRICS, differences(whole, drawn), strict=True))
