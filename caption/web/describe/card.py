"""A caption as plain values, from which the browser draws it: words, how sure, where it looked."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

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

    title: str
    text: str
    words: list[ShownWord]
    share: float
    """How likely it is against the first in its language."""
    language: str
    name: str
    """What those who speak the language call it."""
    is_right_to_left: bool
    confidence: float | None
    doubt: str
    """Why not to believe it, if there is a reason."""
    hint: str


class Card(TypedDict):
    """All that the page shows of what was written about a photo; without captions of no photo."""

    captions: list[ShownCaption]
    is_of_languages: bool
    """Whether the others say it in other languages, and not in other words."""
    model: str


def card(found: Sequence["Caption"], *, model: str = "") -> Card:
    """Return captions as the browser draws them.

    Args:
        found: what was written in each language, none where there is no photo; of one language
            alone the alternatives are shown too.
        model: the name of who wrote it.
    """
    captions = [_judged(one) for one in found]
    if len(found) == 1:
        (best,) = found
        captions += [_caption(one, math.exp(one.score - best.score)) for one in best.alternatives]
    return Card(captions=captions, is_of_languages=len(found) > 1, model=model)


def grid_of(weights: Any) -> Grid:
    """Return attention to places as plain numbers."""
    return [[round(float(weight), DECIMALS) for weight in row] for row in weights]


def _judged(caption: "Caption") -> ShownCaption:
    """Return the best caption in a language, with how much it is to be believed."""
    shown = _caption(caption, 1.0)
    shown["confidence"], shown["doubt"] = caption.confidence, misgiving(caption)
    return shown


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
    return ShownCaption(
        title=title(caption.language),
        text=caption.text,
        words=words,
        share=round(share, DECIMALS),
        language=caption.language.code,
        name=caption.language.own_name,
        is_right_to_left=caption.language.is_right_to_left,
        confidence=None,
        doubt="",
        hint=hint(caption),
    )


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
