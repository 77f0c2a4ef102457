"""Dialogs made from captions: a thing is brought up, then called "it", "he" or "they".

Nobody can answer "what colour is it?" or "and the shirt?" without what was said before, so a model
that reads the history must be better than one that does not.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from caption.files.paths import ImageId
from caption.text.nouns import Noun
from vqa.data.annotations import ImageQuestion
from vqa.question import Turn
from vqa.questions.generate import (
    CANDIDATES,
    CLAIMED,
    VAGUE,
    Draft,
    Fact,
    Scenes,
    article_of,
    ask,
    be_of,
    facts_of,
    image_question,
    names_of,
    overlap,
    read_scenes,
    relations,
    spelling,
    the,
)
from vqa.questions.lexicon import PRONOUNS
from vqa.questions.scene import Scene

AND = ("and {subject}?", "what about {subject}?")
"""The same question about another thing."""
FOLLOW_UPS = 7
"""Most questions in a dialog besides those that bring things up."""
GO_ON = 0.6
"""How often the same is asked of the other thing, where it can be."""


def generate_dialogs(
    captions: Mapping[ImageId, Sequence[str]], *, per_image: int, seed: int
) -> list[ImageQuestion]:
    """Return chained questions: a thing is brought up, then asked about as "it" or "he".

    Args:
        captions: of each image.
        per_image: most dialogs about an image, each about two things if there are so many.
        seed: decides what is talked about.
    """
    scenes, rng = read_scenes(captions), random.Random(seed)
    values = {kind: _values(scenes, kind) for kind in CLAIMED}
    nouns = [noun for scene in scenes.values() for noun in scene.nouns.values()]
    questions: list[ImageQuestion] = []
    for image_id, scene in scenes.items():
        things = [
            name
            for name in filter(scene.is_one, scene.nouns)
            if any(fact.kind in (*CLAIMED, "place") for fact in facts_of(scene, name))
        ]
        rng.shuffle(things)
        for first in range(0, min(len(things), 2 * per_image), 2):
            history: tuple[Turn, ...] = ()
            for draft in _dialog(image_id, scene, things[first : first + 2], values, nouns, rng):
                questions.append(image_question(len(questions) + 1, draft, history))
                history = (*history, Turn(draft.text, draft.answers[0]))
    return questions


def _values(scenes: Scenes, kind: str) -> dict[str, list[str]]:
    """Return the answers to a kind of question in all images, by noun."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for scene in scenes.values():
        for name in filter(scene.is_one, scene.nouns):
            values[name] += [f.answers[0] for f in facts_of(scene, name) if f.kind == kind]
    return values


def _dialog(
    image_id: ImageId,
    scene: Scene,
    names: Sequence[str],
    values: Mapping[str, Mapping[str, list[str]]],
    nouns: Sequence[Noun],
    rng: random.Random,
) -> Iterator[Draft]:
    """Yield questions that bring a thing up, call it "it", and go on to another with "and the"."""
    facts = {name: list(facts_of(scene, name)) for name in names}
    for some in facts.values():
        rng.shuffle(some)
    new = list(names)
    topic, kind = "", ""
    for _ in range(FOLLOW_UPS):
        same = [(n, fact) for n in names if n != topic for fact in facts[n] if fact.kind == kind]
        if same and rng.random() < GO_ON:
            topic, fact = rng.choice(same)
            facts[topic].remove(fact)
            new = [name for name in new if name != topic]
            yield ask(image_id, fact, the(scene, topic, rng), "", topic, rng, wording=AND)
        else:
            if not facts.get(topic):
                if not new:
                    return
                topic = new.pop(0)
                yield from _bring_up(image_id, scene, scene.nouns[topic], nouns, rng)
            if facts[topic]:
                fact = facts[topic].pop()
                claim = _claim(fact, values.get(fact.kind, {}).get(topic, []), rng)
                kind = fact.kind if claim is None and fact.kind != "object" else ""
                pronoun, be = _pronoun(scene.nouns[topic])
                yield ask(image_id, claim or fact, pronoun, be, topic, rng)


def _claim(fact: Fact, others: Sequence[str], rng: random.Random) -> Fact | None:
    """Turn one fact in three into a question for yes or no, if something else could be true."""
    wrong = [v for v in others if not any(overlap(v, answer) for answer in fact.answers)]
    if not wrong or rng.random() > 1 / 3:
        return None
    value, answer = rng.choice(((fact.answers[0], "yes"), (rng.choice(wrong), "no")))
    return Fact(CLAIMED[fact.kind], (("value", value),), (answer,))


def _pronoun(noun: Noun) -> tuple[str, str]:
    if noun.has_singular and (noun.kind != "person" or noun.name in PRONOUNS):
        return PRONOUNS.get(noun.name, "it"), "is"
    return "they", "are"


def _bring_up(
    image_id: ImageId, scene: Scene, noun: Noun, nouns: Sequence[Noun], rng: random.Random
) -> Iterator[Draft]:
    """Yield a question that a thing is the answer to, or else whether it is there."""
    if introductions := list(_introductions(image_id, scene, noun, rng)):
        yield rng.choice(introductions)
    else:
        yield from _present_and_absent(image_id, scene, noun, nouns, rng)


def _introductions(
    image_id: ImageId, scene: Scene, noun: Noun, rng: random.Random
) -> Iterator[Draft]:
    name = noun.name
    for (who, action), things in scene.done_to.items():
        if names_of(things) == (name,) and scene.is_one(who):
            fact = Fact("object", (("action", action),), (name,))
            yield ask(image_id, fact, the(scene, who, rng), be_of(scene.nouns[who]), who, rng)
    for about, fact in relations(scene):
        if fact.answers == (name,):
            yield ask(image_id, fact, "", "", about, rng)


def _present_and_absent(
    image_id: ImageId, scene: Scene, noun: Noun, nouns: Sequence[Noun], rng: random.Random
) -> Iterator[Draft]:
    """Yield whether a thing is there and, so that yes is no better a guess, one that is not."""
    others = [rng.choice(nouns) for _ in range(CANDIDATES)]
    absent = [
        other
        for other in others
        if other.kind == noun.kind and other.name not in VAGUE and not scene.may_show(other)
    ]
    claims = [(noun, "yes"), *((other, "no") for other in absent[:1])]
    for claimed, answer in reversed(claims):  # what was asked for last is what "it" means
        word = spelling(scene, claimed.name, rng)
        blanks = (("a", article_of(claimed, word)), ("noun", word))
        fact = Fact("presence", blanks, (answer,))
        yield ask(image_id, fact, "", be_of(claimed), claimed.name, rng)
