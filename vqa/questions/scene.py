"""What captions say about an image, as facts that questions can be asked about.

A caption is read as noun phrases ("two brown dogs") and what stands right behind each: a verb, a
preposition, another phrase. Whatever the word tables do not know is skipped, so that what is left
is plain; that is the manner of COCO-QA (Ren et al. 2015), with tables in the place of a parser.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from caption.text.nouns import Noun
from caption.text.tokenize import tokenize
from vqa.questions.lexicon import (
    ACTION_OF,
    ACTIVITY_OF,
    ARTICLES,
    BROADER,
    BROADEST,
    COLOURS,
    MODIFIERS,
    NOUN_OF,
    NUMBERS,
    OTHERS,
    PREPOSITIONS,
    WAYS,
)

BE = frozenset(("is", "are", "that", "which", "who", "while", "both"))
WORN = frozenset(("in", "wearing", "wears", "and", "with"))
ACTORS = frozenset(("person", "animal", "vehicle", "thing"))
"""Kinds that do something and are somewhere."""
SITES = frozenset(("place", "ground", "furniture", "vehicle"))
"""Kinds where something can be."""
PARTICLES = frozenset(("up", "away", "around", "together", "out", "off", "back", "happily"))


@dataclass(frozen=True)
class Phrase:
    """A noun with the words before it that belong to it."""

    noun: Noun
    word: str
    is_plural: bool
    number: int | None
    colours: tuple[str, ...]
    is_another: bool
    """It says that there is more than one."""
    start: int
    stop: int


def read_phrases(words: Sequence[str]) -> list[Phrase]:
    """Return the noun phrases of a caption, in order."""
    phrases = []
    for place, word in enumerate(words):
        found = NOUN_OF.get(word)
        following = words[place + 1] if place + 1 < len(words) else ""
        if found is None or following in NOUN_OF or following == "'s":
            continue  # the dog in "a dog toy" is none
        start = place
        while start and _belongs(words[start - 1]):
            start -= 1
        while words[start] in ("and", ","):
            start += 1
        before = words[start:place]
        is_bare = not before and place > 0
        if is_bare and not found.is_plural and found.noun.kind != "ground":
            continue  # probably not a noun: "they play ball"
        numbers = [NUMBERS[w] for w in before if w in NUMBERS]
        is_one = not found.is_plural and bool({"a", "an"} & set(before))
        phrases.append(
            Phrase(
                noun=found.noun,
                word=word,
                is_plural=found.is_plural,
                number=numbers[0] if found.is_plural and numbers else (1 if is_one else None),
                colours=tuple(sorted({COLOURS[w] for w in before if w in COLOURS})),
                is_another=bool(OTHERS & set(before)),
                start=start,
                stop=place + 1,
            )
        )
    return phrases


def _belongs(word: str) -> bool:
    return (
        word in ARTICLES
        or word in MODIFIERS
        or word in COLOURS
        or word in NUMBERS
        or word in OTHERS
        or word in ("and", ",")
    )


Nouns = dict[Noun, None]
"""An ordered set."""


def _nouns() -> "defaultdict[tuple[str, ...], Nouns]":
    return defaultdict(dict)


@dataclass
class Scene:
    """What the captions of one image say together, by the names of nouns."""

    nouns: dict[str, Noun] = field(default_factory=dict)
    words: defaultdict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    """How the captions call one of them: a dog may be a puppy."""
    captions: Counter[str] = field(default_factory=Counter)
    """How many captions mention a noun."""
    broadest: set[str] = field(default_factory=set)
    """Words that may stand for any of their kind."""
    several: set[str] = field(default_factory=set)
    """Nouns of which there is, or may be, more than one."""
    numbers: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    colours: defaultdict[str, set[tuple[str, ...]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    doing: defaultdict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    done_to: defaultdict[tuple[str, ...], Nouns] = field(default_factory=_nouns)
    """What it is done to, by who does what."""
    done_by: defaultdict[tuple[str, ...], Nouns] = field(default_factory=_nouns)
    """Who does it, by what is done to what."""
    places: defaultdict[tuple[str, ...], Nouns] = field(default_factory=_nouns)
    """Where something is."""
    there: defaultdict[tuple[str, ...], Nouns] = field(default_factory=_nouns)
    """What is there, by preposition and place."""

    def is_one(self, name: str) -> bool:
        """Return whether "the dog" can only mean one."""
        return name in self.nouns and name not in self.several

    def may_show(self, noun: Noun) -> bool:
        """Return whether the thing may be in the picture, said or not."""
        names = {noun.name, BROADER.get(noun.name), BROADEST.get(noun.kind)}
        narrower = {name for name, broader in BROADER.items() if broader == noun.name}
        return not (names | narrower).isdisjoint(self.nouns.keys() | self.broadest)


def read_scene(captions: Sequence[str]) -> Scene:
    """Return what the captions of an image say."""
    scene = Scene()
    for caption in captions:
        words = [word.lower() for word in tokenize(caption)]
        phrases = read_phrases(words)
        for name in {phrase.noun.name for phrase in phrases}:
            scene.captions[name] += 1
        counts = Counter(phrase.noun.name for phrase in phrases)
        scene.several |= {name for name, count in counts.items() if count > 1}
        for phrase in phrases:
            _note(scene, phrase)
        starts = {phrase.start: phrase for phrase in phrases}
        for phrase in phrases:
            _relate(scene, phrase, words, starts)
    return scene


def _note(scene: Scene, phrase: Phrase) -> None:
    """Note what a phrase says by itself."""
    name = phrase.noun.name
    scene.nouns[name] = phrase.noun
    if not phrase.is_plural or not phrase.noun.has_singular:
        scene.words[name][phrase.word] = None
    if phrase.noun.kind == "group" or BROADEST.get(phrase.noun.kind) == name:
        scene.broadest.add(BROADEST[phrase.noun.kind])
    if phrase.noun.has_singular and (phrase.is_plural or phrase.is_another):
        scene.several.add(name)
    if phrase.number:
        scene.numbers[name].append(phrase.number)
    if phrase.colours:
        scene.colours[name].add(phrase.colours)


def _relate(scene: Scene, phrase: Phrase, words: Sequence[str], starts: dict[int, Phrase]) -> None:
    """Note what stands behind a phrase: what it wears, does, to what, and where."""
    if phrase.noun.kind not in ACTORS:
        return
    subject, place = phrase.noun, phrase.stop

    def word() -> str:
        return words[place] if place < len(words) else ""

    while word() in BE:
        place += 1
    while word() in WORN and (target := starts.get(place + 1)) and target.noun.kind == "clothing":
        _note_action(scene, subject, "wearing", target.noun)
        place = target.stop
    while word() in BE:
        place += 1
    if word() in ACTIVITY_OF:
        scene.doing[subject.name][ACTIVITY_OF[word()]] = None
    if word() in ACTION_OF and (target := starts.get(place + 1)):
        _note_action(scene, subject, ACTION_OF[word()], target.noun)
    if word() in ACTIVITY_OF or word() in ACTION_OF:
        place += 1
    while word() in PARTICLES:
        place += 1
    target = starts.get(place + 1)
    if target and target.noun.kind in SITES and (word() in PREPOSITIONS or word() in WAYS):
        scene.places[subject.name,][target.noun] = None
        if word() in PREPOSITIONS:
            scene.there[PREPOSITIONS[word()], target.noun.name][subject] = None


def _note_action(scene: Scene, subject: Noun, action: str, target: Noun) -> None:
    if action == "wearing" and target.kind != "clothing":
        return
    scene.done_to[subject.name, action][target] = None
    scene.done_by[action, target.name][subject] = None
