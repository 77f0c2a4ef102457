"""BLEU-1 to 4 (Papineni et al. 2002), to the last digit as the COCO evaluation computes it."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caption.metrics.ngrams import LONGEST, Ngram, most_counts

Bleu = tuple[float, float, float, float]

# The official constants: a precision of zero must not make the geometric mean an error.
TINY, SMALL = 1e-15, 1e-9


@dataclass(frozen=True)
class BleuCounts:
    """What BLEU needs to know of one caption; sums over captions give the corpus score."""

    length: int
    reference_length: int
    """Of the closest reference, the shorter of two that are equally close."""
    correct: tuple[int, ...]
    """Clipped matches of n-grams, for n = 1 to 4."""
    proposed: tuple[int, ...]
    """N-grams in the caption, for n = 1 to 4."""


def bleu_counts(
    length: int,
    ngrams: Counter[Ngram],
    reference_lengths: Sequence[int],
    references: Iterable[Counter[Ngram]],
) -> BleuCounts:
    """Compare a caption's n-grams with its references'."""
    allowed = most_counts(references)
    correct = [0] * LONGEST
    for ngram, count in ngrams.items():
        correct[len(ngram) - 1] += min(count, allowed[ngram])
    return BleuCounts(
        length=length,
        reference_length=min(reference_lengths, key=lambda other: (abs(other - length), other)),
        correct=tuple(correct),
        proposed=tuple(max(0, length - size + 1) for size in range(1, LONGEST + 1)),
    )


def bleu(counts: Sequence[BleuCounts]) -> Bleu:
    """Return BLEU-1 to 4 of all these captions together; one caption alone is a corpus of one."""
    length = sum(c.length for c in counts)
    ratio = (length + TINY) / (sum(c.reference_length for c in counts) + SMALL)
    brevity = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    product, scores = 1.0, []
    for n in range(LONGEST):
        correct = sum(c.correct[n] for c in counts)
        proposed = sum(c.proposed[n] for c in counts)
        product *= (correct + TINY) / (proposed + SMALL)
        scores.append(brevity * product ** (1 / (n + 1)))
    one, two, three, four = scores
    return one, two, three, four
