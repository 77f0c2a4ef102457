"""BLEU-1 to 4 (Papineni et al. 2002), to the last digit as the COCO evaluation computes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from caption.metrics.ngrams import LONGEST, CountedTexts, Floats, Ints, Matches

# The official constants: a precision of zero must not make the geometric mean an error.
TINY, SMALL = 1e-15, 1e-9


@dataclass(frozen=True)
class BleuCounts:
    """What BLEU needs to know of captions; sums over captions give the score of a corpus."""

    length: Ints
    """Words of a caption, [..., caption]."""
    reference_length: Ints
    """Words of the closest reference, the shorter of two that are equally close."""
    proposed: Ints
    """N-grams in a caption, for n = 1 to 4, [..., caption, n]."""
    correct: Ints
    """Those that some reference has as often, [..., caption, n]."""

    def summed(self, times: Ints) -> "BleuCounts":
        """Return the counts of corpora that hold each caption so many times, [corpus, caption]."""
        return BleuCounts(
            times @ self.length,
            times @ self.reference_length,
            times @ self.proposed,
            times @ self.correct,
        )


def bleu_counts(
    captions: CountedTexts, references: CountedTexts, owner: Ints, matches: Sequence[Matches]
) -> BleuCounts:
    """Compare captions with their references.

    Args:
        captions: one for each image.
        references: of all images.
        owner: the image of each reference, ascending.
        matches: their common n-grams, for n = 1 to 4.
    """
    correct = []
    for own, other, pairs in zip(captions.tables, references.tables, matches, strict=True):
        allowed = np.zeros_like(own.count)
        np.maximum.at(allowed, pairs.caption_row, other.count[pairs.reference_row])
        clipped = np.minimum(own.count, allowed)
        correct.append(np.bincount(own.text, clipped, minlength=len(captions.lengths)))
    proposed = captions.lengths[:, None] - np.arange(LONGEST)
    return BleuCounts(
        length=captions.lengths,
        reference_length=_closest(captions.lengths, references.lengths, owner),
        proposed=proposed.clip(min=0),
        correct=np.stack(correct, axis=-1).astype(np.int64),
    )


def _closest(lengths: Ints, reference_lengths: Ints, owner: Ints) -> Ints:
    distance = abs(reference_lengths - lengths[owner])
    order = np.lexsort((reference_lengths, distance, owner))
    _, first = np.unique(owner[order], return_index=True)
    return reference_lengths[order[first]]


def bleu(counts: BleuCounts) -> Floats:
    """Return BLEU-1 to 4, [..., n]; one caption alone is a corpus of one."""
    ratio = (counts.length + TINY) / (counts.reference_length + SMALL)
    brevity = np.exp(np.minimum(0, 1 - 1 / ratio))
    precisions = (counts.correct + TINY) / (counts.proposed + SMALL)
    means = np.cumprod(precisions, axis=-1) ** (1 / np.arange(1, LONGEST + 1))
    return brevity[..., None] * means
