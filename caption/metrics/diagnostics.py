"""What captions look like as a whole, whatever the images show."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from statistics import fmean

from caption.metrics.ngrams import tokenised
from caption.text.endings import BAD_ENDINGS
from caption.text.language import ENGLISH, Language

REPEATED = 3
"""Words in a row that no caption of natural length should say twice."""


@dataclass(frozen=True)
class Diagnostics:
    """Counts of captions and shares of them, as fractions."""

    num_captions: int
    num_distinct: int
    """Captions that differ; few mean that the model ignores the images."""
    num_words: int
    """Different words in all captions together."""
    mean_length: float
    """Words in a caption."""
    repeating: float
    """Captions that say the same three words in a row twice."""
    bad_endings: float
    """Captions that end in an article, a preposition or "is", of English ones."""
    empty: float
    copied: float | None
    """Captions that are, word for word, one of the training captions; None if they are unknown."""


def diagnose(
    captions: Collection[str],
    training: Iterable[str] | None = None,
    *,
    language: Language = ENGLISH,
) -> Diagnostics:
    """Describe captions.

    Args:
        captions: at least one.
        training: those that their writer has learnt from.
        language: of the captions.
    """
    words = [tuple(tokenised(caption, language).split()) for caption in captions]
    known = None if training is None else {tokenised(text, language) for text in training}
    bad = BAD_ENDINGS if language.is_english else ()
    return Diagnostics(
        num_captions=len(words),
        num_distinct=len(set(captions)),
        num_words=len({word for caption in words for word in caption}),
        mean_length=fmean(map(len, words)),
        repeating=fmean(map(_repeats, words)),
        bad_endings=fmean(bool(caption) and caption[-1] in bad for caption in words),
        empty=fmean(not caption for caption in words),
        copied=None if known is None else fmean(" ".join(caption) in known for caption in words),
    )


def _repeats(words: tuple[str, ...]) -> bool:
    runs = [words[start : start + REPEATED] for start in range(len(words) - REPEATED + 1)]
    return len(set(runs)) < len(runs)
