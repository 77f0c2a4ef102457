"""What may be true of a word of a caption, as a whole number for each word.

Number and noun phrase are read off lists of words, not parsed; they are for English captions. What
the lists get wrong is in the README beside this.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Int

from caption.text.language import ENGLISH, Language
from caption.text.vocabulary import Unit

Property = Callable[[Sequence[str]], Int[np.ndarray, " word"]]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DETERMINERS = _words(
    """a an the this that these those his her its their our your my some any each every no another
    one two three four five six seven eight nine ten several many few both all"""
)
ADJECTIVES = _words(
    """black white red green blue yellow brown orange pink purple grey gray tan golden gold silver
    blond blonde dark light bright colorful colored striped spotted plaid
    big large small little tiny huge tall short long wide narrow high low deep shallow
    young old older elderly adult new other different same single
    wet dry dirty clean muddy sandy snowy snow-covered grassy rocky wooden metal stone plastic
    empty full open closed steep busy crowded public beautiful happy smiling male female asian
    african-american outdoor indoor teenage shirtless wooded furry lone haired"""
)
JOINERS = frozenset({"and", ","})
"""They keep a phrase open between adjectives: "a black and white dog"."""

IRREGULAR_PLURALS = _words(
    """people men women children feet teeth geese mice policemen firemen fishermen snowmen
    sportsmen"""
)
NOT_PLURALS = _words(
    # Words of other kinds and singular nouns; then verbs, which in a caption are mostly these.
    """is was has does his its this as us yes across towards always perhaps besides
    grass dress glass bus canvas tennis gas lens class mattress cross chess circus harness asparagus
    lacrosse swiss christmas mess octopus cactus compass fitness princess business
    runs jumps sits stands walks plays looks holds wears rides swims climbs catches carries leaps
    chases watches poses throws goes gets takes tries lies lays makes smiles pulls pushes bites
    hangs talks performs dances waits shows races splashes skis kicks hits eats drinks sleeps flies
    falls slides swings reads points sings paddles surfs bends rests leans reaches uses dives digs
    bounds laughs passes follows crosses balances attempts prepares speaks fights bikes
    skateboards snowboards wades moves crouches sniffs licks shakes crawls rolls drives
    approaches enjoys travels turns hugs kisses touches lifts drops tackles practices appears
    participates skates works cooks gives seems floats retrieves barks peers grabs blows hikes
    raises kneels strikes gazes stretches stares chews grips
    says comes begins opens tosses outdoors indoors backwards sideways sports themselves
    serious"""
)


def position(words: Sequence[str]) -> Int[np.ndarray, " word"]:
    """Return how many words come before each."""
    return np.arange(len(words))


def distance_to_end(words: Sequence[str]) -> Int[np.ndarray, " word"]:
    """Return how many words come after each."""
    return position(words)[::-1]


def plural(words: Sequence[str]) -> Int[np.ndarray, " word"]:
    """Return 1 for nouns in the plural."""
    return np.array([int(is_plural(word)) for word in words], dtype=int)


def in_noun_phrase(words: Sequence[str]) -> Int[np.ndarray, " word"]:
    """Return 1 where a phrase is open: behind its determiner or adjective, up to its noun."""
    return np.array(list(_open_phrases(words)), dtype=int)


def last_noun_plural(words: Sequence[str]) -> Int[np.ndarray, " word"]:
    """Return 1 where the last noun before a word is in the plural, as "are" after "dogs"."""
    numbers, last = [], 0
    for word, is_open in zip(words, _open_phrases(words), strict=True):
        numbers.append(last)
        if is_plural(word):
            last = 1
        elif is_open and word not in DETERMINERS | ADJECTIVES | JOINERS:
            last = 0
    return np.array(numbers, dtype=int)


def is_plural(word: str) -> bool:
    """Return whether a word is a noun in the plural, as far as lists and its ending say."""
    if word in IRREGULAR_PLURALS:
        return True
    return len(word) > 3 and word.endswith("s") and word not in NOT_PLURALS and word[-2:] != "ss"


def _open_phrases(words: Sequence[str]) -> Iterator[bool]:
    """Yield for each word whether a phrase is open when it is written."""
    is_open = False
    for word in words:
        yield is_open
        is_open = word in DETERMINERS | ADJECTIVES or (is_open and word in JOINERS)


_OF_ALL: Mapping[str, Property] = {"position": position, "distance to end": distance_to_end}
_OF_WORDS: Mapping[str, Property] = {
    "plural": plural,
    "last noun plural": last_noun_plural,
    "in noun phrase": in_noun_phrase,
}


def properties_of(unit: Unit, language: Language = ENGLISH) -> Mapping[str, Property]:
    """Return the properties of what a vocabulary consists of; only English words have a number."""
    return {**_OF_ALL, **_OF_WORDS} if unit == "word" and language.is_english else _OF_ALL
