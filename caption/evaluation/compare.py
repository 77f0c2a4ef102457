"""How much better one set of captions is than another of the same images, by every metric."""

import numpy as np

from caption.errors import DataError
from caption.files.paths import ImageId
from caption.metrics.bleu import bleu
from caption.metrics.bootstrap import RESAMPLES, Difference, paired_bootstrap
from caption.metrics.ngrams import Floats, Ints
from caption.metrics.objects import OBJECT_METRICS, ObjectScores, metrics_of_objects
from caption.metrics.score import Scores

METRICS = ("cider_d", "bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l")


def compare(
    scores: Scores, others: Scores, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Difference]:
    """Return the differences by metric; positive where the first are better.

    Document frequencies stay those of the whole set.

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
    found = paired_bootstrap(
        lambda times: metrics_of_draws(scores, times) - metrics_of_draws(others, times),
        len(scores.per_image),
        resamples=resamples,
        seed=seed,
    )
    return dict(zip(METRICS, found, strict=True))


def compare_objects(
    scores: ObjectScores, others: ObjectScores, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Difference]:
    """Return the differences in the naming of objects; those of CHAIR negative where it is better.

    The arguments are those of `compare`, of whose captions these are the objects.
    """
    found = paired_bootstrap(
        lambda times: metrics_of_objects(scores, times) - metrics_of_objects(others, times),
        len(scores.per_image),
        resamples=resamples,
        seed=seed,
    )
    return dict(zip(OBJECT_METRICS, found, strict=True))


def intervals(
    scores: Scores, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return by metric where it lies in 95 % of the draws of as many images.

    The arguments are those of `compare`.
    """
    found = paired_bootstrap(
        lambda times: metrics_of_draws(scores, times),
        len(scores.per_image),
        resamples=resamples,
        seed=seed,
    )
    return {metric: each.interval for metric, each in zip(METRICS, found, strict=True)}


def metrics_of_draws(scores: Scores, times: Ints) -> Floats:
    """Return the METRICS, [draw, metric], of draws that hold each image so often, [draw, image]."""
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
