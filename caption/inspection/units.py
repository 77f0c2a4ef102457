"""Which unit of the hidden state tells of which property of a word, by mutual information.

After Karpathy, Johnson & Fei-Fei 2015, "Visualizing and understanding recurrent networks", who
found such units by eye; here they are ranked, beside what chance alone would give.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from caption.inspection.activations import Activations
from caption.inspection.properties import Property

BINS = 8
"""Of an activation, each with as many words; more would need more words to be filled."""


@dataclass(frozen=True, eq=False)
class UnitRanking:
    """How much each unit tells of one property of a word, in nats."""

    name: str
    """Of the property."""
    entropy: float
    """Of the property: more cannot be told."""
    information: Float[np.ndarray, " unit"]
    chance: float
    """The most that any unit told of the property when it was shuffled."""

    def best(self, count: int) -> list[int]:
        """Return the units that tell most, the best first."""
        return np.argsort(-self.information, kind="stable")[:count].tolist()


def rank_units(
    captions: Sequence[Activations],
    properties: Mapping[str, Property],
    *,
    shuffles: int = 10,
    seed: int = 0,
) -> list[UnitRanking]:
    """Return how much each unit tells of each property that varies in the captions.

    Shuffling parts each word from its neighbours, which are alike: what is just above chance may
    be chance still.

    Args:
        captions: with the activations of their words.
        properties: by name.
        shuffles: how often each property is shuffled to see what chance gives.
        seed: of the shuffling.
    """
    chance = np.random.default_rng(seed)
    bins = binned(np.concatenate([caption.hidden for caption in captions]), BINS)
    rankings = []
    for name, property_of in properties.items():
        labels = np.concatenate([property_of(caption.words) for caption in captions])
        entropy = float(mutual_information(labels[:, np.newaxis], labels)[0])
        if entropy == 0:
            continue
        by_chance = max(
            float(mutual_information(bins, chance.permutation(labels)).max())
            for _ in range(shuffles)
        )
        rankings.append(UnitRanking(name, entropy, mutual_information(bins, labels), by_chance))
    return rankings


def binned(values: Float[np.ndarray, "word unit"], bins: int) -> Int[np.ndarray, "word unit"]:
    """Return which of the bins, of equally many words each, every activation of a unit is in.

    Equal activations are in the same bin, so a unit that never changes has only one.
    """
    inner = np.arange(1, bins) / bins
    edges = np.quantile(values, inner, axis=0)
    columns = [np.searchsorted(e, v, side="left") for e, v in zip(edges.T, values.T, strict=True)]
    return np.stack(columns, axis=1)


def mutual_information(
    bins: Int[np.ndarray, "word unit"], labels: Int[np.ndarray, " word"]
) -> Float[np.ndarray, " unit"]:
    """Return how much each column tells of the labels, in nats.

    sum p(b, l) log(p(b, l) / p(b) p(l)) with the observed shares for p. It is never negative, 0
    where they are independent, and the labels' entropy where the column determines them.

    Args:
        bins: whole numbers from 0.
        labels: whole numbers from 0.
    """
    words, units = bins.shape
    shape = (units, bins.max() + 1, labels.max() + 1)
    codes = (np.arange(units) * shape[1] + bins) * shape[2] + labels[:, np.newaxis]
    joint = np.bincount(codes.ravel(), minlength=int(np.prod(shape))).reshape(shape) / words
    apart = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
    ratio = np.divide(joint, apart, out=np.ones_like(joint), where=joint > 0)
    # Independent columns sum to 0 up to rounding, which must not make them negative.
    return (joint * np.log(ratio)).sum(axis=(1, 2)).clip(min=0)


def table(rankings: Sequence[UnitRanking], *, count: int = 3) -> Iterator[str]:
    """Yield the best units of each property as lines for the screen."""
    yield f"{'property':<19} {'entropy':>8} {'unit':>6} {'tells':>8} {'chance':>8}  [nats]"
    for ranking in rankings:
        for unit in ranking.best(count):
            yield (
                f"{ranking.name:<19} {ranking.entropy:8.3f} {unit:6d} "
                f"{ranking.information[unit]:8.3f} {ranking.chance:8.3f}"
            )
