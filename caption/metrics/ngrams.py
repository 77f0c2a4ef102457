"""Counts of n-grams, which BLEU and CIDEr-D both start from."""

from collections import Counter
from collections.abc import Iterable, Sequence

LONGEST = 4
"""Words in the longest n-gram that captions are compared by."""

Ngram = tuple[str, ...]


def count_ngrams(words: Sequence[str]) -> Counter[Ngram]:
    """Return how often each run of 1 to 4 words occurs."""
    return Counter(
        tuple(words[start : start + size])
        for size in range(1, LONGEST + 1)
        for start in range(len(words) - size + 1)
    )


def most_counts(counters: Iterable[Counter[Ngram]]) -> Counter[Ngram]:
    """Return the greatest count of each n-gram in any of the captions."""
    greatest: Counter[Ngram] = Counter()
    for counter in counters:
        greatest |= counter
    return greatest
