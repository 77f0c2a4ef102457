"""The n-grams of many texts as tables of numbers, which BLEU and CIDEr-D both start from."""

from array import array
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caption.text.language import ENGLISH, Language
from caption.text.scripts import words_of

LONGEST = 4
"""Words in the longest n-gram that captions are compared by."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NgramTable:
    """The n-grams of one length in many texts: a row for each that differs within a text."""

    text: Ints
    """Number of the text, ascending, [row]."""
    ngram: Ints
    """Number of the n-gram, the same in every text, ascending within a text, [row]."""
    count: Ints
    """How often it occurs in the text, [row]."""
    words: Ints
    """The numbers of the words of each different n-gram, [ngram, word]."""

    def of(self, first: int, last: int) -> "NgramTable":
        """Return the rows of the texts from `first` to before `last`, which count from 0 there."""
        start, end = np.searchsorted(self.text, (first, last))
        rows = slice(start, end)
        return NgramTable(self.text[rows] - first, self.ngram[rows], self.count[rows], self.words)


@dataclass(frozen=True)
class CountedTexts:
    """Tokenised texts with their n-grams."""

    vocabulary: tuple[Hashable, ...]
    """The words, strings or ids, by their numbers."""
    lengths: Ints
    """Words in each text."""
    tables: tuple[NgramTable, ...]
    """For n-grams of 1 to 4 words."""

    def of(self, first: int, last: int) -> "CountedTexts":
        """Return the texts from `first` to before `last`."""
        tables = tuple(table.of(first, last) for table in self.tables)
        return CountedTexts(self.vocabulary, self.lengths[first:last], tables)


def tokenised(caption: str, language: Language = ENGLISH) -> str:
    """Return a caption's tokens with a space between, which is what the scorers split again.

    English is tokenised officially; see `words_of` for other languages.

    It makes "2 1/2", one token to the tokenizer, two words. And a string is nothing to the garbage
    collector, which would go through all of torch for the sake of many lists.
    """
    return " ".join(words_of(caption, language))


def count_ngrams(texts: Iterable[Sequence[Hashable]]) -> CountedTexts:
    """Return how often each run of 1 to 4 words occurs in each of the texts."""
    numbers: dict[Hashable, int] = {}
    counts, ids = array("q"), array("q")
    for words_of_text in texts:
        counts.append(len(words_of_text))
        ids.extend([numbers.setdefault(word, len(numbers)) for word in words_of_text])
    lengths, words = np.array(counts, dtype=np.int64), np.array(ids, dtype=np.int64)
    text = np.repeat(np.arange(len(lengths)), lengths)
    end = np.repeat(np.cumsum(lengths), lengths)
    start, ngram, known = np.arange(len(words)), words, np.arange(len(numbers))[:, None]
    tables = [_table(text, ngram, known)]
    for size in range(2, LONGEST + 1):
        # An n-gram is known by the one a word shorter that it begins with and by its last word.
        fits = start + size <= end[start]
        start = start[fits]
        keys, ngram = np.unique(
            ngram[fits] * len(numbers) + words[start + size - 1], return_inverse=True
        )
        shorter, last = np.divmod(keys, max(1, len(numbers)))
        known = np.column_stack([known[shorter], last])
        tables.append(_table(text[start], ngram, known))
    return CountedTexts(tuple(numbers), lengths, tuple(tables))


def owners(texts: Sequence[Sequence[object]]) -> Ints:
    """Return the number of the image that each text belongs to, given the texts of each image."""
    return np.repeat(np.arange(len(texts)), [len(group) for group in texts])


def _table(text: Ints, ngram: Ints, words: Ints) -> NgramTable:
    rows, count = np.unique(text * len(words) + ngram, return_counts=True)
    text, ngram = np.divmod(rows, max(1, len(words)))
    return NgramTable(text, ngram, count, words)


@dataclass(frozen=True)
class Matches:
    """Where a caption and a reference of its image have the same n-gram: a row for each pair."""

    caption_row: Ints
    """In the captions' table."""
    reference_row: Ints
    """In the references' table."""


def match(captions: NgramTable, references: NgramTable, owner: Ints) -> Matches:
    """Find the n-grams that captions share with their references.

    Args:
        captions: n-grams of one caption for each image.
        references: n-grams of all references.
        owner: the image of each reference.
    """
    size = len(captions.words)
    keys = captions.text * size + captions.ngram
    wanted = owner[references.text] * size + references.ngram
    rows = np.searchsorted(keys, wanted)
    found = np.flatnonzero(np.append(keys, -1)[rows] == wanted)
    return Matches(rows[found], found)
