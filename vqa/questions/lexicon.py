"""Word tables for questions made from captions.

They are meant to be read and extended: a word that is missing makes fewer questions, never wrong
ones. In a table, "man+men" gives an irregular plural, "+jeans" a word that has only a plural, and
"=guy" another word for the same thing: it may stand in a question, but the answer is the first.
"""

from dataclasses import dataclass


def _list(words: str) -> list[str]:
    return words.split()


NOUNS = {
    "person": """
        man+men=guy=gentleman woman+women=lady boy girl child+children=kid=toddler baby
        person+people=adult player=athlete skateboarder=skater snowboarder skier surfer swimmer
        climber=hiker biker=cyclist=bicyclist=motorcyclist dancer musician singer artist
        worker=employee soldier policeman+policemen cowboy clown bride photographer driver
        chef=cook
        """,
    "group": "group crowd couple team family class band audience",
    "animal": """
        dog=puppy=poodle=greyhound=terrier=retriever=collie cat=kitten horse=pony
        bird=pigeon=seagull cow=bull sheep+sheep=lamb goat fish+fish duck monkey elephant giraffe
        zebra bear lion tiger rabbit animal=creature
        """,
    "vehicle": """
        bike=bicycle car=taxi truck bus motorcycle=motorbike train boat=canoe=kayak=raft=ship
        plane=airplane skateboard scooter wagon=cart stroller wheelchair sled tractor helicopter
        vehicle
        """,
    "clothing": """
        shirt=t-shirt=tshirt=sweatshirt=sweater jacket=coat hat=cap=beanie helmet dress=gown skirt
        suit vest uniform=jersey scarf tie costume=outfit bikini=swimsuit mask collar backpack
        +shorts +pants +jeans +trunks +shoes+shoe +boots +gloves +sunglasses +glasses +goggles
        """,
    "thing": """
        ball frisbee=disc stick=branch toy rope leash bat racket surfboard snowboard guitar drum
        microphone camera phone=cellphone=telephone laptop=computer book newspaper=magazine
        umbrella flag sign balloon kite bubble bag=purse=handbag suitcase bottle cup=mug glass
        bowl plate knife+knives fork spoon cake pizza sandwich apple banana orange carrot donut
        hotdog=hot-dog flower=rose vase clock lamp tent bucket basket box hose cigarette candle
        pillow blanket=towel television=tv keyboard mouse+mice sink toilet oven=stove
        refrigerator=fridge microwave mirror
        """,
    "furniture": """
        table bench chair=seat bed=mattress couch=sofa desk stool shelf+shelves counter cabinet
        trampoline swing slide ladder fence wall tree door window rock=boulder log ramp
        rail=railing pole hurdle fountain statue bridge staircase+stairs
        """,
    "place": """
        beach=shore street=road park field pool lake river=stream=creek ocean=sea mountain
        hill=slope forest=woods sidewalk=pavement yard=backyard lawn playground track=racetrack
        stage court desert=dune kitchen bathroom bedroom restaurant store=shop market office room
        city trail=path cliff puddle garden airport station stadium gym
        """,
    "ground": "snow water grass sand dirt mud ice air floor ground leaf+leaves",
}
"""What captions speak of, by kind. Nouns of the last kind need no article."""

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


@dataclass(frozen=True)
class Noun:
    """A thing that captions name."""

    name: str
    """The word that answers use."""
    kind: str
    plural: str
    has_singular: bool = True


@dataclass(frozen=True)
class Word:
    """One spelling of a noun."""

    noun: Noun
    is_plural: bool


def _read_nouns() -> dict[str, Word]:
    words: dict[str, Word] = {}
    for kind, table in NOUNS.items():
        for entry in table.split():
            first, *others = entry.split("=")
            singular, _, plural = first.partition("+")
            plural, _, single = plural.partition("+")
            noun = Noun(singular or plural, kind, plural or _plural(singular), bool(singular))
            if singular:
                words[singular] = Word(noun, is_plural=False)
            words[noun.plural] = Word(noun, is_plural=singular != noun.plural)
            if single:
                words[single] = Word(noun, is_plural=False)
            for other in others:
                words[other] = Word(noun, is_plural=False)
                words[_plural(other)] = Word(noun, is_plural=True)
    return words


def _plural(noun: str) -> str:
    """Return the regular plural of a noun, which is the third person of a verb too."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeou":
        return noun[:-1] + "ies"
    return noun + "s"


def _read_verbs(table: str) -> dict[str, str]:
    """Return the -ing form that answers use, by form."""
    forms: dict[str, str] = {}
    for entry in table.split():
        base, _, rest = entry.partition(":")
        doing, *others = rest.split("=")
        forms |= dict.fromkeys((base, _plural(base), doing, *others), doing)
    return forms


NOUN_OF = _read_nouns()
"""Every spelling of a noun."""
ACTIVITY_OF = _read_verbs(VERBS)
ACTION_OF = _read_verbs(OBJECT_VERBS)
