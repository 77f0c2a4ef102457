"""What confidence is fitted to, and how well it holds on pictures that it was not fitted to."""

import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from caption.errors import DataError
from caption.evaluation.people import people_score
from caption.files.paths import ImageId
from caption.metrics.score import score
from caption.models.confidence import Confidence

FOLDS = 5
BINS = 10
KNOTS = 10
"""Parts of equal size, of which the monotone map learns the mean quality each."""
PER_KNOT = 5
"""Outcomes that a part has at least."""
RIDGE = 10.0
"""Outcomes' worth of belief that a clue says nothing."""
WORST = 0.25
"""Share of the outcomes that are to be told from the rest, and of those that are called guesses."""
FEWEST = 2 * FOLDS
"""Pictures without which nothing can be fitted; hundreds are better."""
ENOUGH = 100
"""Held-out pictures to which a confidence is fitted at the end of fine-tuning."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """Outcomes of a model with what it knew of them, and how good they are."""

    clues: Float[np.ndarray, "example clue"]
    qualities: Float[np.ndarray, " example"]
    """From 0 to 1."""
    groups: Sequence[Hashable]
    """What each is about, as an image: what is about the same is never in two folds."""

    def __len__(self) -> int:
        return len(self.qualities)

    def __getitem__(self, rows: npt.NDArray[np.bool_]) -> "Examples":
        groups = [group for group, is_in in zip(self.groups, rows, strict=True) if is_in]
        return Examples(self.clues[rows], self.qualities[rows], groups)


def joined(parts: Sequence[Examples]) -> Examples:
    """Return the outcomes of several sets; what has the same name in two is not the same."""
    return Examples(
        np.concatenate([part.clues for part in parts]),
        np.concatenate([part.qualities for part in parts]),
        [(number, group) for number, part in enumerate(parts) for group in part.groups],
    )


@dataclass(frozen=True)
class Judged:
    """How well confidences hold."""

    confidence: float
    """The mean."""
    quality: float
    """The mean."""
    calibration_error: float
    area_under_curve: float

    @classmethod
    def of(cls, confidences: Floats, qualities: Floats) -> "Judged":
        """Judge the confidences in some outcomes by their qualities."""
        return cls(
            float(confidences.mean()),
            float(qualities.mean()),
            calibration_error(confidences, qualities),
            area_under_curve(confidences, qualities <= np.quantile(qualities, WORST)),
        )

    def __str__(self) -> str:
        return (
            f"mean confidence {self.confidence:.3f}, mean quality {self.quality:.3f}, calibration "
            f"error {self.calibration_error:.3f}, area under the curve {self.area_under_curve:.3f}"
        )


def fit_confidence(examples: Examples, names: Sequence[str]) -> tuple[Confidence, Judged]:
    """Fit a confidence, and judge it by what was fitted to four fifths each and not to the rest.

    Args:
        examples: to fit it to.
        names: of the clues.

    Raises:
        DataError: they are about too few pictures.
    """
    num_groups = len(set(examples.groups))
    if num_groups < FEWEST:
        raise DataError(
            f"{num_groups} pictures tell too little of how good a model is; give at least "
            f"{FEWEST}, and better hundreds, from which it has not learnt"
        )
    folds = folds_of(examples.groups)
    crossed = np.zeros(len(examples))
    for fold in range(FOLDS):
        fitted = _fit(examples[folds != fold], names)
        crossed[folds == fold] = confidences(fitted, examples.clues[folds == fold])
    judged = Judged.of(crossed, examples.qualities)
    confidence = replace(
        _fit(examples, names),
        guess_below=round(float(np.quantile(crossed, WORST)), 3),
        calibration_error=judged.calibration_error,
        area_under_curve=judged.area_under_curve,
    )
    return confidence, judged


def folds_of(groups: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """Return a number below five for each outcome, the same for those that are about the same."""
    different = list(dict.fromkeys(groups))
    lots = random.Random(0).sample(range(len(different)), len(different))
    fold_of = {group: lot % FOLDS for group, lot in zip(different, lots, strict=True)}
    return np.array([fold_of[group] for group in groups])


def confidences(confidence: Confidence, clues: Float[np.ndarray, "example clue"]) -> Floats:
    """Return the confidence in each of some outcomes."""
    return np.array([confidence(row) for row in clues.tolist()])


def _fit(examples: Examples, names: Sequence[str]) -> Confidence:
    weights, intercept = _regression(examples.clues, examples.qualities)
    return Confidence(
        weights=dict(zip(names, weights.tolist(), strict=True)),
        intercept=intercept,
        knots=monotone(intercept + examples.clues @ weights, examples.qualities),
        guess_below=0.0,
        num_examples=len(examples),
        calibration_error=0.0,
        area_under_curve=0.5,
    )


def _regression(
    clues: Float[np.ndarray, "example clue"], qualities: Floats
) -> tuple[Floats, float]:
    """Return the weights and the intercept of the ridge regression on the standardised clues."""
    mean, spread = clues.mean(axis=0), clues.std(axis=0)
    unit = np.where(spread > 0, spread, 1)
    scaled = (clues - mean) / unit
    squares = scaled.T @ scaled + RIDGE * np.eye(clues.shape[1])
    weights = np.linalg.solve(squares, scaled.T @ (qualities - qualities.mean())) / unit
    return weights, float(qualities.mean() - mean @ weights)


def monotone(totals: Floats, qualities: Floats) -> tuple[tuple[float, float], ...]:
    """Return the knots of the monotone map from totals to qualities that fits best.

    Isotonic regression of the means of parts of equal size. Below the lowest and above the highest
    part, where nothing is known, the map follows the linear regression: it falls as far as the
    total does, to 0, and rises as far, to 1. Else a picture of nothing would count as a bad photo.
    """
    parts = max(1, min(KNOTS, len(totals) // PER_KNOT))
    rows = np.array_split(np.argsort(totals, kind="stable"), parts)
    means = [float(totals[row].mean()) for row in rows]
    levels = pool_adjacent(
        [float(qualities[row].mean()) for row in rows], [float(len(row)) for row in rows]
    )
    lowest, highest = (means[0] - levels[0], 0.0), (means[-1] + 1 - levels[-1], 1.0)
    return lowest, *zip(means, levels, strict=True), highest


def pool_adjacent(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the rising values that are nearest by weighted squares (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            before, heavy, count = pools.pop()
            whole = heavy + pool[1]
            mean = (before * heavy + pool[0] * pool[1]) / whole
            pool = (mean, whole, count + pool[2])
        pools.append(pool)
    return [value for value, _, count in pools for _ in range(count)]


def calibration_error(confidences: Floats, qualities: Floats) -> float:
    """Return the expected calibration error (Guo et al. 2017) in ten bins of equal width.

    The mean difference between confidence and quality in each bin, counted as often as confidences
    fall into it.
    """
    bins = (confidences * BINS).astype(np.int64).clip(max=BINS - 1)
    differences = np.bincount(bins, weights=confidences - qualities, minlength=BINS)
    return float(np.abs(differences).sum() / len(qualities))


def area_under_curve(confidences: Floats, is_bad: npt.NDArray[np.bool_]) -> float:
    """Return how probably a good outcome has more confidence than a bad one; equal ones count half.

    It is the area under the receiver operating characteristic; 0.5 where all are good or all bad.
    """
    good, bad = confidences[~is_bad], np.sort(confidences[is_bad])
    if not good.size or not bad.size:
        return 0.5
    below = np.searchsorted(bad, good, side="left") + np.searchsorted(bad, good, side="right")
    return float(below.mean() / (2 * bad.size))


def caption_qualities(
    captions: Mapping[ImageId, str], references: Mapping[ImageId, Sequence[str]]
) -> Floats:
    """Return how good captions are: as good as people's own is 1, and nothing is more.

    A caption's CIDEr-D as a share of what people's captions have in the mean, each against the
    others of its image.

    Raises:
        DataError: no image has two captions by people, or there are too few to score.
    """
    human = people_score(references)
    ours = score(captions, references).per_image
    return np.array([min(1.0, ours[image].cider_d / human) for image in captions])
