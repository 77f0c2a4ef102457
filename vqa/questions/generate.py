"""Questions and answers made from captions, so that captioned photos teach to answer too.

The manner is that of COCO-QA (Ren et al. 2015), with two differences that keep a model from winning
by guessing: a yes/no question is asked of as many images where it is true as where it is not, those
being as like the former as can be found, and of the questions with the same words no answer is more
frequent than all others together.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from caption.files.paths import ImageId
from caption.text.nouns import Noun
from vqa.data.annotations import ImageQuestion
from vqa.question import Turn
from vqa.questions.scene import Scene, read_scene

TEMPLATES: dict[str, tuple[str, ...]] = {
    # {subject} is "the dog" or, in a dialog, "it"
    "colour": (
        "what colour {be} {subject}?",
        "what color {be} {subject}?",
        "which colour {be} {subject}?",
    ),
    "activity": ("what {be} {subject} doing?",),
    "place": ("where {be} {subject}?",),
    "object": ("what {be} {subject} {action}?",),
    "is colour": ("{be} {subject} {value}?",),
    "is doing": ("{be} {subject} {value}?",),
    # the others are asked once for an image
    "number": (
        "how many {plural} are there?",
        "how many {plural} are in the picture?",
        "how many {plural} do you see?",
    ),
    "which": (
        "what {kind} is it?",
        "what {kind} is this?",
        "which {kind} is it?",
        "what kind of {kind} is it?",
        "what {kind} is in the picture?",
    ),
    "subject": ("{who} is {action} the {target}?",),
    "there": ("{who} is {preposition} the {place}?",),
    "presence": (
        "{be} there {a} {noun}?",
        "{be} there {a} {noun} in the picture?",
        "do you see {a} {noun}?",
        "can you see {a} {noun}?",
    ),
}
CLAIMED = {"colour": "is colour", "activity": "is doing"}
"""What is also asked for by yes or no."""
YES_NO = ("is colour", "is doing", "presence")
COUNTED = ("person", "animal", "vehicle", "thing", "furniture")
PRESENT = (*COUNTED, "place", "ground")
ACTIVE = ("person", "animal")
NAMED = ("animal", "vehicle")
COLOURED = ("animal", "vehicle", "clothing", "thing", "furniture")
VAGUE = frozenset(
    ("person", "child", "animal", "vehicle", "player", "air", "ground", "floor", "wall")
)
"""Too general to be denied: there may be one that nobody speaks of."""
MOST_OF_A_KIND = 2
"""Questions of one kind about an image."""
CANDIDATES = 24
"""Images that are compared to find a hard negative."""


class Fact(NamedTuple):
    """Something true of a thing in an image, with the question that it answers."""

    kind: str
    blanks: tuple[tuple[str, str], ...]
    """What fills the template besides the subject."""
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """A question before it is decided which are kept."""

    image_id: ImageId
    kind: str
    prior: tuple[str, ...]
    """What a guess could go by: questions with the same are balanced together."""
    text: str
    answers: tuple[str, ...]


Scenes = Mapping[ImageId, Scene]


def read_scenes(captions: Mapping[ImageId, Sequence[str]]) -> dict[ImageId, Scene]:
    """Return what the captions of each image say."""
    return {image_id: read_scene(texts) for image_id, texts in captions.items()}


def generate_questions(
    captions: Mapping[ImageId, Sequence[str]], *, per_image: int, seed: int
) -> list[ImageQuestion]:
    """Return balanced questions about captioned images; the same for the same seed.

    Args:
        captions: of each image; the more of them, the surer are the answers.
        per_image: most questions about an image.
        seed: decides which questions are kept and how they are worded.
    """
    scenes, rng = read_scenes(captions), random.Random(seed)
    drafts = [
        *_balanced(
            [draft for image_id in scenes for draft in _open(image_id, scenes[image_id], rng)], rng
        ),
        *_true_or_not(scenes, rng),
    ]
    kept = _at_most(per_image, drafts, rng)
    order = {image_id: place for place, image_id in enumerate(scenes)}
    kept.sort(key=lambda draft: order[draft.image_id])
    return [image_question(number, draft) for number, draft in enumerate(kept, start=1)]


def image_question(number: int, draft: Draft, history: tuple[Turn, ...] = ()) -> ImageQuestion:
    """Return a draft as a question with its id."""
    answer_type = {"number": "number"} | dict.fromkeys(YES_NO, "yes/no")
    return ImageQuestion(
        question_id=number,
        image_id=draft.image_id,
        text=draft.text,
        answers=draft.answers,
        question_type=draft.kind,
        answer_type=answer_type.get(draft.kind, "other"),
        history=history,
    )


# -- what is true of a thing ------------------------------------------------------------------


def facts_of(scene: Scene, name: str) -> Iterator[Fact]:
    """Yield what is known of the thing with a name, of which there is one."""
    noun = scene.nouns[name]
    if noun.kind in COLOURED and (colours := _colours(scene, name)):
        yield Fact("colour", (), colours)
    if noun.kind in ACTIVE and (doing := scene.doing.get(name)):
        yield Fact("activity", (), tuple(doing))
    if places := scene.places.get((name,)):
        yield Fact("place", (), names_of(places))
    for (who, action), things in scene.done_to.items():
        if who == name:
            yield Fact("object", (("action", action),), names_of(things))


def _colours(scene: Scene, name: str) -> tuple[str, ...]:
    """Return how the captions call a thing's colour, if they do not contradict each other."""
    called = sorted(scene.colours.get(name, ()), key=lambda colours: (len(colours), colours))
    if any(set(a).isdisjoint(b) for a in called for b in called):
        return ()
    return tuple(" and ".join(colours) for colours in called)


def names_of(nouns: Iterable[Noun]) -> tuple[str, ...]:
    """Return each name once."""
    return tuple(dict.fromkeys(noun.name for noun in nouns))


# -- open questions ---------------------------------------------------------------------------


def _open(image_id: ImageId, scene: Scene, rng: random.Random) -> Iterator[Draft]:
    """Yield the questions about an image that are not answered by yes or no."""
    for name, noun in scene.nouns.items():
        if scene.is_one(name):
            for fact in facts_of(scene, name):
                yield ask(image_id, fact, the(scene, name, rng), be_of(noun), name, rng)
        if noun.kind in COUNTED and (number := _number(scene, name)):
            fact = Fact("number", (("plural", noun.plural),), (str(number),))
            yield ask(image_id, fact, "", "", name, rng)
    for name, fact in (*_kinds(scene), *relations(scene)):
        yield ask(image_id, fact, "", "", name, rng)


def _kinds(scene: Scene) -> Iterator[tuple[str, Fact]]:
    """Yield which animals there are, and which vehicles."""
    for kind in NAMED:
        nouns = [n for n in scene.nouns.values() if n.kind == kind and n.name not in VAGUE]
        if nouns:
            yield kind, Fact("which", (("kind", kind),), names_of(nouns))


def relations(scene: Scene) -> Iterator[tuple[str, Fact]]:
    """Yield who does something to a thing, and what is at a place, with the thing or place."""
    for (action, target), subjects in scene.done_by.items():
        if action != "wearing" and scene.is_one(target):
            blanks = (("who", _who(subjects)), ("action", action), ("target", target))
            yield target, Fact("subject", blanks, names_of(subjects))
    for (preposition, place), subjects in scene.there.items():
        blanks = (("who", _who(subjects)), ("preposition", preposition), ("place", place))
        yield place, Fact("there", blanks, names_of(subjects))


def ask(
    image_id: ImageId,
    fact: Fact,
    subject: str,
    be: str,
    name: str,
    rng: random.Random,
    *,
    wording: Sequence[str] = (),
) -> Draft:
    """Word the question that a fact answers.

    Args:
        image_id: of the image.
        fact: what is true.
        subject: "the dog" or "it", where the template has one.
        be: "is" or "are".
        name: the noun that is asked about.
        rng: chooses the wording.
        wording: other templates than those of the fact's kind.
    """
    blanks = dict(fact.blanks)
    text = rng.choice(wording or TEMPLATES[fact.kind]).format(subject=subject, be=be, **blanks)
    return Draft(image_id, fact.kind, (fact.kind, name, *blanks.values()), text, fact.answers)


def _number(scene: Scene, name: str) -> int | None:
    """Return how many there are, if at least two captions say so and none says otherwise."""
    numbers = scene.numbers.get(name, [])
    if len(numbers) < 2 or len(set(numbers)) > 1 or (numbers[0] == 1) != scene.is_one(name):
        return None
    return numbers[0]


def be_of(noun: Noun) -> str:
    """Return the verb that fits one of it."""
    return "is" if noun.has_singular else "are"


def _who(subjects: Iterable[Noun]) -> str:
    return "who" if all(noun.kind == "person" for noun in subjects) else "what"


def spelling(scene: Scene, name: str, rng: random.Random) -> str:
    """Return a word that the captions have for a noun, so that a question may say "puppy"."""
    return rng.choice(list(scene.words.get(name, ())) or [name])


def the(scene: Scene, name: str, rng: random.Random) -> str:
    """Return a noun as the subject of a question."""
    return f"the {spelling(scene, name, rng)}"


def article_of(noun: Noun, word: str) -> str:
    """Return "a", "an" or, for what is not counted, "any"."""
    if not noun.has_singular or noun.kind == "ground":
        return "any"
    return "an" if word[0] in "aeiou" else "a"


def _balanced(drafts: Sequence[Draft], rng: random.Random) -> list[Draft]:
    """Drop questions until no answer is the likelier one, by the words of the question alone."""
    groups: defaultdict[tuple[str, ...], list[Draft]] = defaultdict(list)
    for draft in drafts:
        groups[draft.prior].append(draft)
    kept = []
    for group in groups.values():
        rng.shuffle(group)
        counts = Counter(draft.answers[0] for draft in group)
        (top, count), *_ = counts.most_common(1)
        too_many = count - max(1, counts.total() - count)
        for draft in group:
            if draft.answers[0] == top and too_many > 0:
                too_many -= 1
            else:
                kept.append(draft)
    return kept


# -- questions answered by yes or no ----------------------------------------------------------


def _true_or_not(scenes: Scenes, rng: random.Random) -> list[Draft]:
    """Return yes/no questions, each asked as often where it is true as where it is not."""
    drafts = []
    for kind, name, value, true, false in _claims(scenes):
        noun = next(scenes[image_id].nouns[name] for image_id in true)
        rng.shuffle(true)
        for image_id, other in _pairs(true, false, scenes, rng):
            word = spelling(scenes[image_id], name, rng)
            blanks = {
                "subject": f"the {word}",
                "be": be_of(noun),
                "value": value,
                "a": article_of(noun, word),
                "noun": word,
            }
            text = rng.choice(TEMPLATES[kind]).format(**blanks)
            for asked, answer in ((image_id, "yes"), (other, "no")):
                drafts.append(Draft(asked, kind, (kind, name, value), text, (answer,)))
    return drafts


Claim = tuple[str, str, str, list[ImageId], list[ImageId]]


def _claims(scenes: Scenes) -> Iterator[Claim]:
    """Yield kind, noun and value of what can be claimed, with the images where it is and is not."""
    values: defaultdict[tuple[str, str], dict[ImageId, tuple[str, ...]]] = defaultdict(dict)
    present: defaultdict[str, list[ImageId]] = defaultdict(list)
    nouns: dict[str, Noun] = {}
    for image_id, scene in scenes.items():
        for name, noun in scene.nouns.items():
            nouns[name] = noun
            if scene.captions[name] > 1 and noun.kind in PRESENT:
                present[name].append(image_id)
            if scene.is_one(name):
                for fact in facts_of(scene, name):
                    if fact.kind in CLAIMED:
                        values[fact.kind, name][image_id] = fact.answers
    for name, true in present.items():
        if name not in VAGUE:
            false = [i for i, scene in scenes.items() if not scene.may_show(nouns[name])]
            yield "presence", name, "", true, false
    for (kind, name), by_image in values.items():
        for value in sorted({value for answers in by_image.values() for value in answers}):
            true = [image_id for image_id, answers in by_image.items() if value in answers]
            false = [
                image_id
                for image_id, answers in by_image.items()
                if not any(overlap(value, answer) for answer in answers)
            ]
            yield CLAIMED[kind], name, value, true, false


def overlap(value: str, answer: str) -> bool:
    """Return whether both may be true, as "black" and "black and white" are."""
    return not set(value.split(" and ")).isdisjoint(answer.split(" and "))


def _pairs(
    true: Sequence[ImageId], false: Sequence[ImageId], scenes: Scenes, rng: random.Random
) -> Iterator[tuple[ImageId, ImageId]]:
    """Yield images where a claim is true, each with a similar one where it is not."""
    free = list(false)
    rng.shuffle(free)
    for image_id in true:
        if not free:
            return
        candidates = range(max(0, len(free) - CANDIDATES), len(free))
        mine = scenes[image_id].nouns.keys()
        best = max(candidates, key=lambda n: len(mine & scenes[free[n]].nouns.keys()))
        yield image_id, free.pop(best)


def _at_most(per_image: int, drafts: Sequence[Draft], rng: random.Random) -> list[Draft]:
    """Keep some questions of each image, first those of kinds that it has few of."""
    by_image: defaultdict[ImageId, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_image[draft.image_id].append(draft)
    kept = []
    for some in by_image.values():
        rng.shuffle(some)
        seen: Counter[str] = Counter()
        ranked: list[tuple[int, int]] = []
        for draft in some:
            ranked.append((seen[draft.kind], len(ranked)))
            seen[draft.kind] += 1
        ranked = sorted(rank for rank in ranked if rank[0] < MOST_OF_A_KIND)
        kept += [some[place] for _, place in ranked[:per_image]]
    return kept
