"""Whether one set of outputs is better than another, or only luckier with its images.

The paired bootstrap (Koehn 2004, "Statistical significance tests for machine translation
evaluation"): draw as many images, with repeats, score both sets on them, and see how the difference
varies. Images are drawn and not captions or questions: what is said of one image is no independent
trial.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from caption.metrics.ngrams import Floats, Ints

AT_ONCE = 100
"""Draws that are in memory together."""
RESAMPLES = 10_000


@dataclass(frozen=True)
class Difference:
    """How much better one set is than the other by one metric."""

    difference: float
    interval: tuple[float, float]
    """In which 95 % of the draws lie."""
    p_value: float
    """How often chance alone would show such a difference in either direction."""


def paired_bootstrap(
    measure: Callable[[Ints], Floats],
    num_images: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Difference]:
    """Return the difference by each metric, positive where the first set is better.

    Args:
        measure: gives the differences, [draw, metric], when each draw holds each image so many
            times, [draw, image].
        num_images: images that both sets are about.
        resamples: draws of as many images.
        seed: of the draws.
    """
    observed = measure(np.ones((1, num_images), np.int64))[0]
    drawn = [measure(times) for times in draws(num_images, resamples=resamples, seed=seed)]
    return differences(observed, np.concatenate(drawn))


def draws(num_images: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[Ints]:
    """Yield draws of as many images as there are: how often each holds each, [draw, image].

    Args:
        num_images: to draw from.
        resamples: draws in all, a part of which is yielded at a time.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, AT_ONCE):
        num_draws = min(AT_ONCE, resamples - start)
        yield generator.multinomial(num_images, [1 / num_images] * num_images, num_draws)


def differences(observed: Floats, drawn: Floats) -> list[Difference]:
    """Return what was observed, [metric], with how far the draws, [draw, metric], lie around it."""
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    # Rarely enough the draws all lie on one side: the p-value is never less than they can tell.
    one_sided = np.minimum((drawn <= 0).sum(axis=0), (drawn >= 0).sum(axis=0)) + 1
    p_values = np.minimum(1, 2 * one_sided / (len(drawn) + 1))
    columns = (observed.tolist(), low.tolist(), high.tolist(), p_values.tolist())
    return [
        Difference(difference, (lower, upper), p_value)
        for difference, lower, upper, p_value in zip(*columns, strict=True)
    ]
