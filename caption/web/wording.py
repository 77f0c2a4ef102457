"""What the page says of a caption, in words and numbers for people."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from caption.text.language import ENGLISH, Language

if TYPE_CHECKING:
    from caption.predict import Caption

FLAT = 0.95
"""Spread of the attention, averaged over the words, above which it says nothing."""
LIKELIER_THAN_NOT = 0.5
"""Probability of a word from which on the model was sure of it."""


def title(language: Language) -> str:
    """Return what a caption is called."""
    return "Caption" if language == ENGLISH else f"Caption ({language})"


def percent(share: float) -> str:
    """Return a share in percent, with a decimal where it is small."""
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


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


def misgiving(caption: "Caption") -> str:
    """Return why a caption should not be believed, if there is a reason.

    A calibrated model says it; of any other it is told how unsure it was of the words.
    """
    if caption.confidence is not None:
        return caption.doubt or ""
    unsure = sum(log_prob < math.log(LIKELIER_THAN_NOT) for log_prob in caption.log_probs)
    if 2 * unsure <= len(caption.words):
        return ""
    return f"I may be guessing: of {unsure} of {len(caption.words)} words I was not sure"
