"""Questions for the photo at hand, from what its captions name."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from caption.text.tokenize import tokenize

if TYPE_CHECKING:
    from vqa.questions.scene import Phrase

USUAL = ("is there a dog?", "what is the man doing?", "what colour is the shirt?")
"""Where no caption names anything that could be asked about."""
MOST = 5
Understands = Callable[[str], bool]
"""Whether a model has learnt every word of a question, and questions that begin so."""


def suggestions(captions: Iterable[str], understands: Understands) -> list[str]:
    """Return what is worth asking of a photo.

    Questions are about what the best caption names, in the words that answerers learn from; whether
    what only the other captions name is there at all is asked too.

    Args:
        captions: of the photo, best first.
        understands: tells which questions the model can follow.
    """
    from vqa.questions.scene import read_phrases

    best, *others = [read_phrases(tokenize(text)) for text in captions] or [[]]
    named = {phrase.noun for phrase in best}
    unsure = [phrase for row in others for phrase in row if phrase.noun not in named]
    questions = [*_about(best), *(_presence(phrase) for phrase in unsure)]
    followed = [text for text in dict.fromkeys(questions) if understands(text)]
    return followed[:MOST] or list(USUAL)


def _about(phrases: "Iterable[Phrase]") -> Iterator[str]:
    """Yield what can be asked about the things of one caption, most telling first."""
    from vqa.questions.generate import ACTIVE, COLOURED, COUNTED, TEMPLATES, be_of

    phrases = list(phrases)
    for kind, kinds in (("activity", ACTIVE), ("colour", COLOURED)):
        for phrase in phrases:
            if phrase.noun.kind in kinds:
                be = "are" if phrase.is_plural else be_of(phrase.noun)
                yield TEMPLATES[kind][0].format(be=be, subject=f"the {phrase.word}")
    for phrase in phrases:
        if phrase.noun.kind in COUNTED and phrase.noun.has_singular:
            yield TEMPLATES["number"][0].format(plural=phrase.noun.plural)


def _presence(phrase: "Phrase") -> str:
    from vqa.questions.generate import TEMPLATES, be_of

    noun = phrase.noun.name
    a = "any" if be_of(phrase.noun) == "are" else "an" if noun[0] in "aeiou" else "a"
    return TEMPLATES["presence"][0].format(be=be_of(phrase.noun), a=a, noun=noun)
