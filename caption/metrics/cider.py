"""CIDEr-D (Vedantam et al. 2015), to the last digit as the COCO evaluation computes it.

What everyone reports as CIDEr is this variant. Rare n-grams count most, and which are rare is read
from the references of the evaluated images: scores of different image sets are not comparable.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from caption.metrics.ngrams import LONGEST, Ngram

SIGMA = 6.0
"""Standard deviation of the penalty on a difference in length."""


@dataclass(frozen=True)
class DocumentFrequencies:
    """In how many images' references each n-gram occurs."""

    counts: Mapping[Ngram, int]
    num_images: int

    @classmethod
    def of(cls, references: Iterable[Sequence[Counter[Ngram]]]) -> "DocumentFrequencies":
        """Count over images, each with the n-grams of all its references."""
        counts: Counter[Ngram] = Counter()
        num_images = 0
        for captions in references:
            counts.update({ngram for caption in captions for ngram in caption})
            num_images += 1
        return cls(counts, num_images)

    def weigh(self, ngrams: Counter[Ngram]) -> "WeightedNgrams":
        """Return a caption's n-grams, each count times its inverse document frequency."""
        most = math.log(self.num_images)
        weights: tuple[dict[Ngram, float], ...] = tuple({} for _ in range(LONGEST))
        for ngram, count in ngrams.items():
            rarity = most - math.log(max(1, self.counts.get(ngram, 0)))
            weights[len(ngram) - 1][ngram] = count * rarity
        return WeightedNgrams(
            weights=weights,
            norms=tuple(math.sqrt(sum(w * w for w in group.values())) for group in weights),
            num_bigrams=sum(count for ngram, count in ngrams.items() if len(ngram) == 2),
        )


@dataclass(frozen=True)
class WeightedNgrams:
    """A caption as CIDEr-D sees it: a vector for each n."""

    weights: tuple[dict[Ngram, float], ...]
    norms: tuple[float, ...]
    num_bigrams: int
    """What is officially taken for the length."""


def cider_d(caption: WeightedNgrams, references: Sequence[WeightedNgrams]) -> float:
    """Return the mean similarity to the references, mostly between 0 and about 2, at most 10."""
    similarities = [_similarity(caption, reference) for reference in references]
    return 10 * sum(similarities) / len(similarities)


def _similarity(caption: WeightedNgrams, reference: WeightedNgrams) -> float:
    """Return the clipped cosine, meant over n, with the penalty on the length."""
    total = 0.0
    for n in range(LONGEST):
        norm = caption.norms[n] * reference.norms[n]
        if norm:
            others = reference.weights[n]
            product = sum(
                min(weight, others[ngram]) * others[ngram]
                for ngram, weight in caption.weights[n].items()
                if ngram in others
            )
            total += product / norm
    difference = caption.num_bigrams - reference.num_bigrams
    return total / LONGEST * math.exp(-(difference**2) / (2 * SIGMA**2))
