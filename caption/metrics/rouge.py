"""ROUGE-L (Lin 2004), to the last digit as the COCO evaluation computes it."""

from collections.abc import Sequence

BETA = 1.2
"""How much more recall counts than precision."""


def rouge_l(words: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the F-score of the longest common subsequence.

    As officially, precision and recall are each the best over the references, be it over different
    ones.
    """
    common = common_subsequences(words, references)
    precision = max(common) / max(1, len(words))
    recall = max(c / max(1, len(r)) for c, r in zip(common, references, strict=True))
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def common_subsequences(words: Sequence[str], others: Sequence[Sequence[str]]) -> list[int]:
    """Return the length of the longest sequence of words that each of the others contains too.

    The row of the usual table of lengths grows by 0 or 1 from column to column; here it is one
    integer with a zero bit where it grows, and a word updates all columns at once (Hyyro 2004,
    "Bit-parallel LCS-length computation revisited").
    """
    columns: dict[str, int] = {}
    for place, word in enumerate(words):
        columns[word] = columns.get(word, 0) | 1 << place
    full = (1 << len(words)) - 1
    lengths = []
    for other in others:
        row = full
        for word in other:
            if matching := row & columns.get(word, 0):
                row = (row + matching | row - matching) & full
        lengths.append(len(words) - row.bit_count())
    return lengths
