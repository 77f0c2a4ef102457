"""CIDEr-D (Vedantam et al. 2015), to the last digit as the COCO evaluation computes it.

What everyone reports as CIDEr is this variant. Rare n-grams count most, and which are rare is read
from the references of the evaluated images: scores of different image sets are not comparable,
unless they are given the same document frequencies.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from caption.errors import Command, DataError
from caption.files.records import read_json
from caption.files.writing import write_json
from caption.metrics.ngrams import LONGEST, CountedTexts, Floats, Ints, Matches, NgramTable
from caption.text.language import ENGLISH, Language

SIGMA = 6.0
"""Standard deviation of the penalty on a difference in length."""
FORMAT = "glimpse document frequencies 1"


@dataclass(frozen=True)
class DocumentFrequencies:
    """In how many images' references each n-gram occurs."""

    counts: Mapping[str, int]
    """By the words with spaces between; what occurs in one image only is left out, for it weighs
    as much as what occurs in none."""
    num_images: int
    language: Language = ENGLISH
    """Of the references."""

    @classmethod
    def of(
        cls, references: CountedTexts, owner: Ints, language: Language = ENGLISH
    ) -> "DocumentFrequencies":
        """Count over images; `owner` is the image of each reference."""
        counts = {}
        for table in references.tables:
            frequency = document_frequency(table, owner)
            for ngram in np.flatnonzero(frequency > 1):
                counts[_spelt(table.words[ngram], references.vocabulary)] = int(frequency[ngram])
        return cls(counts, len(np.unique(owner)), language)

    def check(self, language: Language) -> None:
        """Refuse captions in a language in which other words are counted.

        Raises:
            DataError: it is such a language.
        """
        if language.is_another_than(self.language):
            raise DataError(
                f"the document frequencies are of captions in {self.language}, and these captions "
                f"are in {language}; give those of captions in {language}",
                Command("prepare frequencies", "which writes them"),
            )

    def look_up(self, texts: CountedTexts) -> list[Ints]:
        """Return the frequencies of the n-grams in these texts, for n = 1 to 4."""
        return [
            np.array(
                [self.counts.get(_spelt(words, texts.vocabulary), 0) for words in table.words],
                dtype=np.int64,
            )
            for table in texts.tables
        ]

    def save(self, path: Path) -> None:
        """Write a JSON file, atomically."""
        content = {"format": FORMAT, "num_images": self.num_images, "counts": dict(self.counts)}
        also = {} if self.language.is_english else {"language": self.language.code}
        write_json(path, content | also)

    @classmethod
    def load(cls, path: Path) -> "DocumentFrequencies":
        """Read what `save` has written.

        Raises:
            DataError: it is something else.
        """
        expected = "a file that `glimpse prepare frequencies` writes"
        content = read_json(path, expected=expected)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise DataError(f"{path}: holds no document frequencies; expected {expected}")
        counts: Any = content.get("counts")
        num_images: Any = content.get("num_images")
        if not isinstance(counts, dict) or not all(map(_is_count, [num_images, *counts.values()])):
            raise DataError(f"{path}: a count is not a positive number; expected {expected}")
        if num_images < 2 or max(counts.values(), default=0) > num_images:
            raise DataError(
                f"{path}: counts of {num_images} images do not say which words are rare; "
                f"expected {expected} for two images or more"
            )
        try:
            return cls(counts, num_images, Language(content.get("language", ENGLISH.code)))
        except (TypeError, ValueError) as error:
            raise DataError(f"{path}: {error}; expected {expected}") from None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 < value < 2**53  # what a float can hold


def _spelt(words: Ints, vocabulary: Sequence[Hashable]) -> str:
    return " ".join([str(vocabulary[word]) for word in words.tolist()])


def document_frequency(references: NgramTable, owner: Ints) -> Ints:
    """Return in how many images' references each n-gram occurs, [ngram]."""
    size = max(1, len(references.words))
    # With counts it sorts, without it hashes, which is slower here.
    pairs, _ = np.unique(owner[references.text] * size + references.ngram, return_counts=True)
    return np.bincount(pairs % size, minlength=len(references.words))


def cider_d(
    captions: CountedTexts,
    references: CountedTexts,
    owner: Ints,
    matches: Sequence[Matches],
    frequencies: Sequence[Ints],
    num_images: int,
) -> Floats:
    """Return the score of each caption, mostly between 0 and about 2, at most 10.

    Args:
        captions: one for each image.
        references: of all images.
        owner: the image of each reference.
        matches: their common n-grams, for n = 1 to 4.
        frequencies: of the documents with each n-gram, for n = 1 to 4.
        num_images: documents in all.
    """
    cosine = np.zeros(len(owner))
    for own, other, pairs, frequency in zip(
        captions.tables, references.tables, matches, frequencies, strict=True
    ):
        rarity = rarity_of(frequency, num_images)
        weight, true_weight = own.count * rarity[own.ngram], other.count * rarity[other.ngram]
        clipped = np.minimum(weight[pairs.caption_row], true_weight[pairs.reference_row])
        product = np.bincount(
            other.text[pairs.reference_row],
            clipped * true_weight[pairs.reference_row],
            minlength=len(owner),
        )
        norm = norms_of(own, weight, len(captions.lengths))[owner]
        norm *= norms_of(other, true_weight, len(owner))
        cosine += np.divide(product, norm, out=np.zeros(len(owner)), where=norm > 0)
    # What is officially taken for the length is the number of bigrams.
    length, true_length = (texts.lengths.clip(min=1) for texts in (captions, references))
    penalty = np.exp(-((length[owner] - true_length) ** 2) / (2 * SIGMA**2))
    similarity = cosine / LONGEST * penalty
    return 10 * np.bincount(owner, similarity, len(captions.lengths)) / np.bincount(owner)


def rarity_of(frequency: Ints, num_images: int) -> Floats:
    """Return the weight of each n-gram, given in how many of the images it occurs."""
    return np.log(num_images) - np.log(frequency.clip(min=1))


def norms_of(table: NgramTable, weight: Floats, num_texts: int) -> Floats:
    """Return the length of each text's vector of weights."""
    return np.sqrt(np.bincount(table.text, weight**2, minlength=num_texts))
