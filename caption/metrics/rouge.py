"""ROUGE-L (Lin 2004), to the last digit as the COCO evaluation computes it."""

from collections.abc import Sequence

BETA = 1.2
"""How much more recall counts than precision."""


def rouge_l(words: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the F-score of the longest common subsequence.

    As officially, precision and recall are each the best over the references, be it over different
    ones.
    """
    common = [longest_common_subsequence(words, reference) for reference in references]
    precision = max(common) / max(1, len(words))
    recall = max(c / max(1, len(r)) for c, r in zip(common, references, strict=True))
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest sequence of words that both contain in this order."""
    lengths = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for place, other in enumerate(second, start=1):
            above = lengths[place]
            lengths[place] = diagonal + 1 if word == other else max(above, lengths[place - 1])
            diagonal = above
    return lengths[-1]
