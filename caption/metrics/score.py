"""Scores of captions: `score` compares results with references as the COCO evaluation does.

Both sides go through the official tokenisation, or in other languages than English through that of
`text.scripts`; `bleu`, `rouge` and `cider` hold the definitions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from caption.errors import Command, DataError
from caption.files.paths import ImageId
from caption.metrics.bleu import BleuCounts, bleu, bleu_counts
from caption.metrics.cider import DocumentFrequencies, cider_d, document_frequency
from caption.metrics.ngrams import count_ngrams, match, owners, tokenised
from caption.metrics.rouge import rouge_l
from caption.text.identify import find_language
from caption.text.language import Language

Bleu = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ImageScores:
    """How good one image's caption is."""

    bleu: Bleu
    rouge_l: float
    cider_d: float


@dataclass(frozen=True)
class Scores:
    """How good the captions of a set of images are, as fractions: CIDEr-D 0.5, not 50."""

    bleu: Bleu
    """BLEU-1 to 4 of the whole set, which is not the mean over images."""
    rouge_l: float
    cider_d: float
    per_image: Mapping[ImageId, ImageScores]
    bleu_counts: BleuCounts
    """Of each image, in the order of `per_image`: BLEU of any part of the set follows from them."""


def score(
    results: Mapping[ImageId, str],
    references: Mapping[ImageId, Sequence[str]],
    frequencies: DocumentFrequencies | None = None,
    *,
    language: Language | None = None,
) -> Scores:
    """Score one caption for each image.

    Args:
        results: the captions by image.
        references: what people wrote, at least one caption for each of the same images.
        frequencies: how rare n-grams are, for CIDEr-D; by default in these references.
        language: whose words are counted; by default that of the references.

    Raises:
        DataError: the images differ, or are too few for CIDEr-D; or the frequencies are of another
            language.
    """
    _check(results, references, frequencies)
    language = language or language_of(references)
    if frequencies is not None:
        frequencies.check(language)
    captions = [tokenised(caption, language) for caption in results.values()]
    truths = [[tokenised(text, language) for text in references[image]] for image in results]
    texts = count_ngrams(text.split() for text in chain(captions, *truths))
    owner = owners(truths)
    ours = texts.of(0, len(captions))
    theirs = texts.of(len(captions), len(captions) + len(owner))
    matches = [
        match(own, other, owner) for own, other in zip(ours.tables, theirs.tables, strict=True)
    ]
    if frequencies is None:
        rarity = [document_frequency(table, owner) for table in theirs.tables]
        num_images = len(captions)
    else:
        rarity, num_images = frequencies.look_up(texts), frequencies.num_images
    counts = bleu_counts(ours, theirs, owner, matches)
    bleus = bleu(counts).tolist()
    rouges = [
        rouge_l(caption.split(), [text.split() for text in texts])
        for caption, texts in zip(captions, truths, strict=True)
    ]
    ciders = cider_d(ours, theirs, owner, matches, rarity, num_images)
    rows = zip(map(tuple, bleus), rouges, ciders.tolist(), strict=True)
    whole = counts.summed(np.ones((1, len(captions)), dtype=np.int64))
    return Scores(
        bleu=tuple(*bleu(whole).tolist()),
        rouge_l=float(np.mean(rouges)),
        cider_d=float(ciders.mean()),
        per_image=dict(zip(results, (ImageScores(*row) for row in rows), strict=True)),
        bleu_counts=counts,
    )


def count_documents(references: Sequence[Sequence[str]]) -> DocumentFrequencies:
    """Return in how many images each n-gram occurs, given the captions of each image."""
    language = find_language(chain.from_iterable(references))
    texts = count_ngrams(
        tokenised(text, language).split() for texts in references for text in texts
    )
    return DocumentFrequencies.of(texts, owners(references), language)


def language_of(references: Mapping[ImageId, Sequence[str]]) -> Language:
    """Return the language that people wrote in, whose words are counted."""
    return find_language(chain.from_iterable(references.values()))


def _check(
    results: Mapping[ImageId, str],
    references: Mapping[ImageId, Sequence[str]],
    frequencies: DocumentFrequencies | None,
) -> None:
    for which, images in (
        ("a caption but no references", results.keys() - references.keys()),
        ("references but no caption", references.keys() - results.keys()),
        ("an empty list of references", {i for i, texts in references.items() if not texts}),
    ):
        if images:
            first = min(images, key=str)
            raise DataError(f"image {first!r} has {which} ({len(images)} such)")
    if not results:
        raise DataError("there are no captions to score")
    if len(results) < 2 and frequencies is None:
        raise DataError(
            "CIDEr-D of one image would be 0: it weighs words by how few of the images they "
            "belong to; give more images, or the document frequencies of more",
            Command("prepare frequencies", "which writes those of any references"),
        )
