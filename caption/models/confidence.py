"""How good an outcome is expected to be: a number from 0 to 1 that means what it says.

A few clues, which a model has anyway, are weighed, and a monotone map makes of their sum the
quality that outcomes with such a sum had on pictures that were not learnt from (isotonic
calibration, Zadrozny & Elkan 2002). `caption.evaluation.confidence` fits both.
"""

import math
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from caption.errors import Command, ModelError

CAPTION_CLUES = ("log_prob", "named", "unnamed", "words")
"""What the confidence in a caption is made of, as `caption_clues` gives it."""
DIGITS = 3
"""Decimals of a confidence: more would promise what no calibration keeps."""


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """What is expected of the outcomes of one model."""

    weights: Mapping[str, float]
    """Of each clue, by its name."""
    intercept: float
    """Added to the weighed clues; the sum is the linear regression of the quality."""
    knots: tuple[tuple[float, float], ...]
    """Sums with the quality that is expected there; both never fall. Between them runs a line."""
    guess_below: float
    """Confidence below which the model says that it is guessing."""
    num_examples: int
    """Outcomes that it was fitted to."""
    calibration_error: float
    """Expected calibration error on these, each judged by what was fitted to others."""
    area_under_curve: float
    """Likewise, how well it tells the worst quarter from the rest: 0.5 not at all, 1 always."""

    def __post_init__(self) -> None:
        numbers = (*self.weights.values(), *(number for knot in self.knots for number in knot))
        numbers += (self.intercept, self.calibration_error, self.area_under_curve)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("a number of the confidence is not finite")
        if not self.knots:
            raise ValueError("a confidence needs at least one knot")
        for name, values in zip(("sums", "qualities"), zip(*self.knots, strict=True), strict=True):
            if any(later < earlier for earlier, later in pairwise(values)):
                raise ValueError(f"the {name} of the confidence's knots should never fall")
        if not all(0 <= quality <= 1 for _, quality in self.knots):
            raise ValueError("the qualities of the confidence's knots should be in [0, 1]")
        if not 0 <= self.guess_below <= 1:
            raise ValueError(f"guess_below must be in [0, 1], got {self.guess_below}")

    def __call__(self, clues: Sequence[float]) -> float:
        """Return the quality that is to be expected of an outcome with these clues."""
        weighed = (weight * clue for weight, clue in zip(self.weights.values(), clues, strict=True))
        return round(self.expected(math.fsum((self.intercept, *weighed))), DIGITS)

    def expected(self, total: float) -> float:
        """Return the quality that is to be expected where the clues weigh so much."""
        place = bisect_right(self.knots, total, key=lambda knot: knot[0])
        if place in (0, len(self.knots)):
            return self.knots[0 if place == 0 else -1][1]
        (left, low), (right, high) = self.knots[place - 1 : place + 1]
        return low + (high - low) * (total - left) / (right - left)

    def __str__(self) -> str:
        return (
            f"calibration error {self.calibration_error:.3f}, area under the curve "
            f"{self.area_under_curve:.3f} on {self.num_examples:,}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for the config of a model."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any, clues: Collection[str]) -> "Confidence":
        """Return what `to_json` gave, as it was read from a file of anyone.

        Args:
            values: the plain values.
            clues: the names of those that the model gives.

        Raises:
            ValueError: it is made of other clues, or its numbers cannot be.
            TypeError: it is something else; or KeyError, if it lacks a part.
        """
        names = list(values["weights"])
        if names != list(clues):
            raise ValueError(
                f"the confidence is made of {', '.join(map(str, names))}, expected "
                f"{', '.join(clues)}; `glimpse prepare confidence` fits it anew"
            )
        return cls(
            weights={name: float(weight) for name, weight in values["weights"].items()},
            intercept=float(values["intercept"]),
            knots=tuple((float(total), float(quality)) for total, quality in values["knots"]),
            guess_below=float(values["guess_below"]),
            num_examples=int(values["num_examples"]),
            calibration_error=float(values["calibration_error"]),
            area_under_curve=float(values["area_under_curve"]),
        )


class Trust(NamedTuple):
    """What is expected of one outcome."""

    confidence: float | None = None
    """The quality, from 0 to 1; None of a model that has not been calibrated."""
    is_guess: bool = False
    """Whether that is so little that the model says so."""

    @property
    def doubt(self) -> str | None:
        """What a person should be told of before believing the outcome, if it is a guess."""
        if self.confidence is None or not self.is_guess:
            return None
        return f"I am guessing ({self.confidence:.0%})"

    @classmethod
    def of(cls, expected: Confidence | None, clues: Sequence[float]) -> "Trust":
        """Return what is expected of an outcome with these clues."""
        if expected is None:
            return cls()
        confidence = expected(clues)
        return cls(confidence, confidence < expected.guess_below)


def uncalibrated(outcomes: str) -> ModelError:
    """Return why a model's captions, or answers, have no confidence, and what gives it to them."""
    return ModelError(
        f"this model has not been calibrated: its {outcomes} have no confidence",
        Command("prepare confidence", "which fits it"),
    )


def caption_clues(
    words: Sequence[str], log_probs: Sequence[float], concepts: Sequence[tuple[str, float]]
) -> tuple[float, ...]:
    """Return what tells how good a caption is, in the order of `CAPTION_CLUES`.

    The mean log-probability of the words and the end; how many recognised words it names and how
    many it does not, each counted by its probability; and its length.

    Args:
        words: of the caption.
        log_probs: of the words, and of the end where it has one.
        concepts: recognised words with their probabilities.
    """
    said = set(words)
    named = math.fsum(probability for word, probability in concepts if word in said)
    unnamed = math.fsum(probability for word, probability in concepts if word not in said)
    return math.fsum(log_probs) / max(1, len(log_probs)), named, unnamed, float(len(words))
