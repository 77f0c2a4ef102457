"""What questions and their answers tell of a photo: things that are surely there.

"What color is the bench?" takes a bench for granted, "is there a dog?" does not until it is
answered yes, and "what animal is this?" names one in its answer. What is told is meant to be right
rather than complete: a question that may only suppose its things tells nothing. English only.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from caption.text.nouns import base_forms
from caption.text.tokenize import tokenize

ENOUGH = 3
"""People who have to give an answer, out of ten as in VQA."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


TO_BE = _set("is are was were 's 're")
TO_DO = _set("do does did")
TO_HAVE = _set("has have had")
ASKING = TO_BE | TO_DO | TO_HAVE
OPEN = _set("what which who whose where why how")
NAMING = _set("what which who where")
SUPPOSING = _set("could would should might may must will 'll wo shall if can ca real fake toy")
"""A question with one of these may be about what is not there."""
POINTING = _set("this that these those")
DEFINITE = POINTING | _set("the his her their its our your both")
LEADING = DEFINITE | _set("a an any some my")
PLACING = _set(
    """
    on in at of to by with from near under over above behind between beside inside through into
    around off onto along a an that who which and
    """
)
"""A subject ends before any of these."""
ENDING = _set(
    """
    or without not n't no than like as instead besides except other ready about waiting supposed
    used need needs want wants trying going made for similar resemble resembles allowed afraid
    before after because enough too missing likely probably
    """
)
"""What comes behind one of these is not told."""
SHOWING = _set("have wear wearing contain carry hold show include carrying holding")
"""Of these verbs a "yes" tells the object: who likes soda need not have any."""
VERBS_TOO = _set(
    """
    swing slide fish skate stand wave paddle drink ride dance walk play watch fly cook brush board
    park light face hand back cross surf ski turn work use smile set store plant show cut
    leaves feed train rest drive fall jump run sign look wear rock bat shop swings slides rides
    plays stands flies drinks
    """
)
"""Verbs where they come behind somebody who can do it, or behind "to"."""
SOMEBODY = _set("i you he she it we they to who someone everyone people person anyone not")
FACING = _set("at toward towards for to from facing")
NO_HEADS = _set("stop shaped print themed colored flavored breed brand colour color")
"""A thing right before one of these only describes: "bus stop"."""
NOT_THINGS = _set(
    """
    picture photo photograph image shot scene view background foreground backdrop display color
    colour shape size kind type style pattern design name word letter number top side front middle
    center corner edge end bottom rear inside outside half part piece line row day night time
    morning evening afternoon weather winter summer season way direction turn use work power speed
    country world sun air wind area space place spot location setting distance object item thing
    material product light sunlight shade sound music fun life traffic public business construction
    position pose action motion activity game match race event competition sport trick stunt one
    pair lot set bunch variety level layer someone somebody individual human owner smile expression
    back stand model video movie film wood metal plastic leather concrete cement steel marble
    """
)
"""Words that questions use without pointing at anything, or that answers use for what is done."""
GENERAL = _set(
    """
    animal animals food foods fruit fruits vegetable vegetables flower flowers vehicle vehicles
    building room meat drink beverage furniture dessert meal dish snack topping toppings
    transportation establishment place instrument appliance container footwear clothing object
    objects item items thing things structure utensil utensils produce bird birds
    """
)
"""After "what", words whose answer is a thing, as it is not after "what brand" ("apple")."""
NOT_NAMING = ENDING | _set(
    """
    color colors colour brand say says said written title sport game shape season holiday occasion
    name mean means look looking looks staring watching thinking think feel feeling waiting go
    heading headed come coming from time country city state weather shadow shirt sign screen poster
    jersey logo tattoo label advertised profession job relationship symbol painting number word
    letter letters material hoping reflected called advertising wallpaper do happening happened
    """
)
"""A question with one of these asks for more than a thing that is there."""
DENYING = _set("no none nothing nobody 0 00 zero not n't nowhere unknown unsure")


@dataclass(frozen=True)
class Mention:
    """A noun of a question, with the nouns before it that describe it."""

    noun: str
    """In its base form."""
    start: int
    end: int
    """Behind its last word."""


def told(question: str, answers: Sequence[str]) -> set[str]:
    """Return the things that are in a photo, as `base_forms` has them.

    Args:
        question: about the photo.
        answers: what people answered; of ten answers, three have to agree.
    """
    words = tokenize(question.lower().replace("hot dog", "hotdog"))
    replies = [tokenize(answer.lower().replace("hot dog", "hotdog")) for answer in answers]
    sees = ("see" in words and "you" in words) or ("be", "seen") in pairwise(words)
    if not words or not replies or (SUPPOSING - {"can"} if sees else SUPPOSING) & {*words}:
        return set()
    if words[0] in ASKING | {"can"}:
        found = [*_closed(words, replies, sees=sees)]
    elif (
        OPEN.isdisjoint(words)
        or _count(replies, _denies) >= _enough(replies)
        or ("you" in words and not sees)
    ):
        return set()
    elif words[:2] == ["how", "many"]:
        found = [*_counted(words, sees=sees)]
    else:
        found = [*_taken_for_granted(words), *_named(words, replies)]
    return {noun for noun in found if noun not in NOT_THINGS}


def _closed(words: Sequence[str], replies: Sequence[Sequence[str]], *, sees: bool) -> Iterator[str]:
    """Yield what a question tells that is to be answered with yes or no."""
    mentions = _mentions(words)
    subject = [] if "you" in words else _subject(words, mentions)
    yield from (mention.noun for mention in subject)
    says_yes = 2 * _count(replies, lambda reply: reply[:1] == ["yes"]) > len(replies)
    tells_all = words[0] in TO_BE or sees or (words[0] in TO_DO and not SHOWING.isdisjoint(words))
    if says_yes and tells_all and ("you" not in words or sees):
        yield from (mention.noun for mention in mentions if mention.start < _end(words))


def _subject(words: Sequence[str], mentions: Sequence[Mention]) -> list[Mention]:
    """Return whom or what a closed question is about, if it takes that for granted."""
    if len(words) < 2 or words[1] not in DEFINITE or not mentions:
        return []
    subject = [mentions[0]]
    for mention in mentions[1:]:
        if words[subject[-1].end : mention.start] == ["'s"]:
            subject.append(mention)
    first, end = subject[0], subject[-1].end
    between = words[2 : first.start]
    if len(between) > 2 or any(word in PLACING or word.endswith("ing") for word in between):
        return []
    # "Is this pizza?" asks whether it is; "is this pizza hot?" does not.
    if words[1] in POINTING and (end == len(words) or words[end] in ("or", "and")):
        return []
    return subject


def _counted(words: Sequence[str], *, sees: bool) -> Iterator[str]:
    """Yield what a question takes for granted that asks how many, if there are any."""
    does = next((place for place, word in enumerate(words) if word in TO_DO), 0)
    for mention in _mentions(words):
        if mention.start < _end(words) and (sees or mention.start >= does):
            yield mention.noun


def _taken_for_granted(words: Sequence[str]) -> Iterator[str]:
    """Yield what an open question is about."""
    asked = _asked(words)
    for mention in _mentions(words):
        before = words[mention.start - 1] if mention.start else ""
        is_any = before in TO_DO | TO_HAVE  # "what do cars drive on" is about cars as such
        if mention.start < _end(words) and mention.start not in asked and not is_any:
            yield mention.noun


def _named(words: Sequence[str], replies: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the things that enough people name in answer to an open question."""
    asked = [words[place] for place in _asked(words)]
    names_things = (
        not NAMING.isdisjoint(words[:2])
        and words[0] not in ("why", "how")
        and (not asked or not GENERAL.isdisjoint(asked))
        and (TO_DO.isdisjoint(words) or not SHOWING.isdisjoint(words))
        and NOT_NAMING.isdisjoint(words)
    )
    if names_things:
        given = Counter(noun for reply in replies for noun in _nouns(reply))
        yield from (noun for noun, count in given.items() if count >= _enough(replies))


def _nouns(reply: Sequence[str]) -> set[str]:
    """Return the things that an answer names."""
    if _denies(reply):
        return set()
    ends = {len(reply)} | {place for place, word in enumerate(reply) if word in PLACING}
    return {mention.noun for mention in _mentions(reply) if mention.end in ends}


def _asked(words: Sequence[str]) -> range:
    """Return the places of what is between "what" and the verb: "what kind of animal is this"."""
    for start, word in enumerate(words):
        if word in ("what", "which", "whose"):
            verbs = (place for place in range(start, len(words)) if words[place] in ASKING)
            return range(start + 1, next(verbs, len(words)))
    return range(0)


def _mentions(words: Sequence[str]) -> list[Mention]:
    """Return the nouns of a text in their base forms; of several in a row the last."""
    mentions, place = [], 0
    while place < len(words):
        start = place
        while place < len(words) and _is_noun(words, place, start):
            place += 1
        if place == start:
            place += 1
        elif words[place : place + 1] and words[place] in NO_HEADS:
            continue
        elif not _only_describes(words, place - 1):
            mentions.append(Mention(base_forms()[words[place - 1]], start, place))
    return mentions


def _is_noun(words: Sequence[str], place: int, start: int) -> bool:
    word, before = words[place], words[place - 1] if place else ""
    if word not in base_forms():
        return False
    return word not in VERBS_TOO or not (place > start or before in SOMEBODY)


def _only_describes(words: Sequence[str], place: int) -> bool:
    """Return whether a word is a colour, or no thing that is in the photo."""
    word, before = words[place], words[place - 1] if place else ""
    if word == "orange":
        behind = words[place + 1 : place + 2]
        return len(words) > 1 and (before not in LEADING or behind in (["and"], ["or"], ["in"]))
    # They look at the camera that took the photo.
    return word == "camera" and not FACING.isdisjoint(words[max(0, place - 2) : place])


def _end(words: Sequence[str]) -> int:
    """Return the place from which on a question only compares, supposes or denies."""
    for place, word in enumerate(words):
        is_plan = word == "to" and not LEADING & {*words[place + 1 : place + 2]}
        if word in ENDING or (is_plan and place + 1 < len(words)):
            return place
    return len(words)


def _denies(reply: Sequence[str]) -> bool:
    return not DENYING.isdisjoint(reply)


def _count(replies: Sequence[Sequence[str]], is_such: Callable[[Sequence[str]], bool]) -> int:
    return sum(map(is_such, replies))


def _enough(replies: Sequence[Sequence[str]]) -> int:
    return min(ENOUGH, len(replies))
