"""Scores of captions: `score` compares results with references as the COCO evaluation does.

Both sides go through the official tokenisation; `bleu`, `rouge` and `cider` hold the definitions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from caption.errors import DataError
from caption.metrics.bleu import Bleu, bleu, bleu_counts
from caption.metrics.cider import DocumentFrequencies, cider_d
from caption.metrics.ngrams import count_ngrams
from caption.metrics.rouge import rouge_l
from caption.text.tokenize import tokenize

ImageId = int | str


@dataclass(frozen=True)
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


def score(results: Mapping[ImageId, str], references: Mapping[ImageId, Sequence[str]]) -> Scores:
    """Score one caption for each image.

    Args:
        results: the captions by image.
        references: what people wrote, at least one caption for each of the same images.

    Raises:
        DataError: the images differ, or are too few for CIDEr-D.
    """
    _check(results, references)
    words = {image: _words(caption) for image, caption in results.items()}
    truths = {image: [_words(text) for text in references[image]] for image in results}
    ngrams = {image: count_ngrams(caption) for image, caption in words.items()}
    true_ngrams = {image: [count_ngrams(t) for t in texts] for image, texts in truths.items()}
    frequencies = DocumentFrequencies.of(true_ngrams.values())
    counts = {
        image: bleu_counts(
            len(words[image]), ngrams[image], [len(t) for t in truths[image]], true_ngrams[image]
        )
        for image in results
    }
    per_image = {
        image: ImageScores(
            bleu=bleu([counts[image]]),
            rouge_l=rouge_l(words[image], truths[image]),
            cider_d=cider_d(
                frequencies.weigh(ngrams[image]),
                [frequencies.weigh(reference) for reference in true_ngrams[image]],
            ),
        )
        for image in results
    }
    return Scores(
        bleu=bleu(list(counts.values())),
        rouge_l=fmean(scores.rouge_l for scores in per_image.values()),
        cider_d=fmean(scores.cider_d for scores in per_image.values()),
        per_image=per_image,
    )


def _words(caption: str) -> list[str]:
    """Return the tokens; "2 1/2", one token to the tokenizer, is two words to the scorers."""
    return " ".join(tokenize(caption)).split()


def _check(results: Mapping[ImageId, str], references: Mapping[ImageId, Sequence[str]]) -> None:
    for which, images in (
        ("a caption but no references", results.keys() - references.keys()),
        ("references but no caption", references.keys() - results.keys()),
        ("an empty list of references", {i for i, texts in references.items() if not texts}),
    ):
        if images:
            first = min(images, key=str)
            raise DataError(f"image {first!r} has {which} ({len(images)} such)")
    if len(results) < 2:
        raise DataError(
            f"CIDEr-D needs at least two images, got {len(results)}: it weighs words by how few of "
            "the images they belong to"
        )
