"""What the page says of a caption, in words and numbers for people."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from caption.text.language import ENGLISH, Language

if TYPE_CHECKING:
    from caption.predict import Caption

FLAT = 0.95
"""Spread of the attention, averaged over the words, above which it says nothing."""


def title(language: Language) -> str:
    """Return what stands over a caption."""
    return "Caption" if language == ENGLISH else f"Caption ({language})"


def percent(share: float) -> str:
    """Return a share in percent, with a decimal where it is small."""
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def alternatives(best: "Caption") -> str:
    """Return a line for each other caption, with how good it is against the best."""
    return "\n".join(
        f"{other.text}  ({percent(math.exp(other.score - best.score))} of the best)"
        for other in best.alternatives
    )


def recognised(concepts: Iterable[tuple[str, float]]) -> str:
    """Return a line with recognised words and how probable each is."""
    return ", ".join(f"{word} {percent(probability)}" for word, probability in concepts)


def hint(caption: "Caption") -> str:
    """Return a sentence on what the maps of a caption tell."""
    if not caption.words:
        return "The model has nothing to say about this photo."
    if not caption.has_attention:
        return "This model does not attend to places: there are no maps of where it looked."
    if caption.attention_spread.mean() > FLAT:
        return "It looked everywhere at once: these maps say little."
    words = "Bright is where it looked; the number is how sure it was of the word"
    if any(caption.sources):
        return f"{words}, and behind it is the recognised word that it went by."
    return f"{words}."
