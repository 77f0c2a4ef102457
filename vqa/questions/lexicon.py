"""Word tables for questions made from captions.

They are meant to be read and extended: a word that is missing makes fewer questions, never wrong
ones. The nouns are in `caption.text.nouns`, which scores of captions read too; questions leave out
what that table marks as too narrow or has in its second part.
"""

from caption.text.nouns import asked_words, plural_of


def _list(words: str) -> list[str]:
    return words.split()


BROADER = {
    "man": "person",
    "woman": "person",
    "boy": "child",
    "girl": "child",
    "baby": "child",
    "child": "person",
}
"""Who is called a man may be called a person: without the word, there may still be one."""
BROADEST = {"person": "person", "group": "person", "animal": "animal", "vehicle": "vehicle"}
"""The word of a kind that may stand for any of it."""

PRONOUNS = {"man": "he", "boy": "he", "woman": "she", "girl": "she", "bride": "she"}
"""Of one; the other persons are "they", and so are many, everything else is "it"."""

COLOURS = {
    colour: colour
    for colour in _list("black white brown red blue yellow green orange pink purple tan silver")
} | {"grey": "grey", "gray": "grey", "golden": "gold", "gold": "gold", "beige": "tan"}

NUMBERS = {
    word: number for number, word in enumerate(_list("one two three four five six seven eight"), 1)
}

ARTICLES = frozenset(_list("a an the his her its their this that one another each"))
OTHERS = frozenset(_list("another other second others"))
"""Words that say that a thing is not the only one."""

MODIFIERS = frozenset(
    _list("""
    little small large big young old older tall long short huge tiny giant wooden metal plastic
    brick stone wet dry muddy snowy grassy sandy rocky dirty dirt shallow deep bright dark light
    striped plaid colorful colourful furry fluffy shaggy stuffed beautiful happy elderly teenage
    asian african american bald bearded blond blonde curly soccer tennis baseball basketball
    football hockey rugby volleyball racing mountain bmx toy sports swimming snow ice park picnic
    dining kitchen bathroom city street concrete cement inflatable leather knit winter cowboy
    straw open empty crowded busy public outdoor indoor glass paper acoustic electric
    """)
)
"""Words that may stand between an article and its noun and are not asked for."""

VERBS = """
    run:running jump:jumping=leaping play:playing stand:standing sit:sitting walk:walking
    ride:riding climb:climbing smile:smiling swim:swimming swing:swinging race:racing
    lie:lying=laying dance:dancing slide:sliding fight:fighting=wrestling splash:splashing
    skateboard:skateboarding laugh:laughing ski:skiing surf:surfing fall:falling skate:skating
    hike:hiking drive:driving dive:diving sleep:sleeping snowboard:snowboarding fly:flying
    read:reading sing:singing fish:fishing paddle:paddling=rowing kneel:kneeling=crouching
    crawl:crawling talk:talking=chatting eat:eating drink:drinking cook:cooking wade:wading
    dig:digging bark:barking float:floating work:working pose:posing hang:hanging
    rest:resting=relaxing perform:performing
"""
"""What somebody is seen doing: the verb, its form with -ing, others that mean the same."""

OBJECT_VERBS = """
    wear:wearing hold:holding carry:carrying ride:riding throw:throwing=tossing catch:catching
    kick:kicking chase:chasing hit:hitting climb:climbing eat:eating push:pushing pull:pulling
    bite:biting=chewing fetch:fetching=retrieving read:reading drive:driving use:using
"""
"""What is done to something: with these, what it is done to is asked for."""

PREPOSITIONS = {word: word for word in _list("in on at near under behind beside")} | {
    "onto": "on",
    "inside": "in",
    "by": "near",
    "atop": "on",
    "beneath": "under",
}
"""How captions say where something is, and how the question says it."""
WAYS = frozenset(_list("through across over along into down"))
"""Words that say where something happens, but not "what is across the beach?"."""


def _read_verbs(table: str) -> dict[str, str]:
    """Return the -ing form that answers use, by form."""
    forms: dict[str, str] = {}
    for entry in table.split():
        base, _, rest = entry.partition(":")
        doing, *others = rest.split("=")
        forms |= dict.fromkeys((base, plural_of(base), doing, *others), doing)
    return forms


NOUN_OF = asked_words()
"""Every spelling of a noun that questions are made from."""
ACTIVITY_OF = _read_verbs(VERBS)
ACTION_OF = _read_verbs(OBJECT_VERBS)
