"""Whether one set of captions is better than another, or only luckier with its images.

The paired bootstrap (Koehn 2004, "Statistical significance tests for machine translation
evaluation"): draw as many images, with repeats, score both sets on them, and see how the difference
varies. Document frequencies stay those of the whole set.
"""

from dataclasses import dataclass

import numpy as np

from caption.errors import DataError
from caption.files.paths import ImageId
from caption.metrics.bleu import bleu
from caption.metrics.ngrams import Floats, Ints
from caption.metrics.score import Scores

METRICS = ("cider_d", "bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l")
AT_ONCE = 100
"""Draws that are in memory together."""


@dataclass(frozen=True)
class Difference:
    """How much better captions are than the others by one metric."""

    difference: float
    interval: tuple[float, float]
    """In which 95 % of the draws lie."""
    p_value: float
    """How often chance alone would show such a difference in either direction."""


def compare(
    scores: Scores, others: Scores, *, resamples: int = 10_000, seed: int = 0
) -> dict[str, Difference]:
    """Return the differences by metric; positive where the first are better.

    Args:
        scores: of the captions of some images.
        others: of other captions of the same images.
        resamples: draws of as many images.
        seed: of the draws.

    Raises:
        DataError: the images differ.
    """
    if list(scores.per_image) != list(others.per_image):
        raise DataError(
            f"captions of {len(scores.per_image)} and of {len(others.per_image)} images cannot be "
            "compared unless they are the same images in the same order; caption the same ones"
        )
    num_images = len(scores.per_image)
    whole = np.ones((1, num_images), np.int64)
    observed = _metrics(scores, whole) - _metrics(others, whole)
    generator = np.random.default_rng(seed)
    draws = []
    for start in range(0, resamples, AT_ONCE):
        num_draws = min(AT_ONCE, resamples - start)
        times = generator.multinomial(num_images, [1 / num_images] * num_images, num_draws)
        draws.append(_metrics(scores, times) - _metrics(others, times))
    drawn = np.concatenate(draws)
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    # Rarely enough the draws all lie on one side: the p-value is never less than they can tell.
    one_sided = np.minimum((drawn <= 0).sum(axis=0), (drawn >= 0).sum(axis=0)) + 1
    p_values = np.minimum(1, 2 * one_sided / (len(drawn) + 1))
    columns = (observed[0].tolist(), low.tolist(), high.tolist(), p_values.tolist())
    return {
        metric: Difference(difference, (lower, upper), p_value)
        for metric, difference, lower, upper, p_value in zip(METRICS, *columns, strict=True)
    }


def _metrics(scores: Scores, times: Ints) -> Floats:
    """Return the metrics of draws that hold each image so many times, [draw, metric]."""
    images = scores.per_image.values()
    means = [
        (times @ np.array(values))[:, None] / len(images)
        for values in ([s.cider_d for s in images], [s.rouge_l for s in images])
    ]
    return np.hstack([means[0], bleu(scores.bleu_counts.summed(times)), means[1]])


def most_changed(scores: Scores, others: Scores, count: int) -> list[ImageId]:
    """Return the images whose CIDEr-D differs most."""
    return sorted(
        scores.per_image,
        key=lambda i: -abs(scores.per_image[i].cider_d - others.per_image[i].cider_d),
    )[:count]
