"""A caption as plain values, from which the browser draws it: words, how sure, where it looked."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from caption.text.language import Language
from caption.web.wording import hint, misgiving, title

if TYPE_CHECKING:
    from caption.predict import Caption

Grid = list[list[float]]
"""Where the model looked: a row of numbers for each row of the grid."""
DECIMALS = 4
"""Of the weights: what is less is not to be seen."""


class ShownWord(TypedDict):
    """A word of a caption."""

    before: str
    """What the caption has before it: a space, except in languages that write none."""
    text: str
    probability: float
    source: str | None
    """The recognised word that it came from, if any."""
    grid: Grid | None
    """None of a model that does not attend to places."""


class ShownCaption(TypedDict):
    """A sentence to pick."""

    text: str
    words: list[ShownWord]
    share: float
    """How likely it is against the first."""


class Card(TypedDict):
    """All that the page shows of what was written about a photo; without captions of no photo."""

    title: str
    captions: list[ShownCaption]
    language: str
    is_right_to_left: bool
    confidence: float | None
    doubt: str
    """Why not to believe it, if there is a reason."""
    hint: str
    model: str


def card(best: "Caption | None", language: Language, *, model: str = "") -> Card:
    """Return a caption and its alternatives as the browser draws them.

    Args:
        best: what was written; None where there is no photo.
        language: it was written in.
        model: the name of who wrote it.
    """
    found = () if best is None else (best, *best.alternatives)
    return Card(
        title=title(language),
        captions=[_caption(one, math.exp(one.score - found[0].score)) for one in found],
        language=language.code,
        is_right_to_left=language.is_right_to_left,
        confidence=None if best is None else best.confidence,
        doubt="" if best is None else misgiving(best),
        hint="" if best is None else hint(best),
        model=model,
    )


def grid_of(weights: Any) -> Grid:
    """Return attention to places as plain numbers."""
    return [[round(float(weight), DECIMALS) for weight in row] for row in weights]


def _caption(caption: "Caption", share: float) -> ShownCaption:
    grids = [grid_of(row) for row in caption.attention] if caption.has_attention else None
    words = [
        ShownWord(
            before=before,
            text=text,
            probability=round(math.exp(caption.log_probs[place]), DECIMALS),
            source=caption.sources[place],
            grid=grids[place] if grids else None,
        )
        for place, (before, text) in enumerate(_written(caption.text, caption.shown))
    ]
    return ShownCaption(text=caption.text, words=words, share=round(share, DECIMALS))


def _written(text: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each word as it stands in a text, with what is between it and the one before."""
    end = 0
    for number, word in enumerate(words):
        start = text.lower().find(word.lower(), end)
        if start < 0:  # it is written in another way than it was learnt
            yield (" " if number else ""), word
            continue
        yield text[end:start], text[start : start + len(word)]
        end = start + len(word)
