from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.text import nouns
from caption.text.nouns import asked_words, base_forms, objects, objects_in
from caption.text.tokenize import tokenize

COCO = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire
hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear,
zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, tennis
ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine
glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, oranges, broccoli, carrot, hot
dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
vase, scissors, teddy bear, hair drier, toothbrush
"""


def test_the_objects_of_coco_are_different_objects() -> None:
    words = " ".join(COCO.split()).split(", ")
    assert len(words) == len({objects()[word] for word in words}) == 80


@pytest.mark.parametrize(
    ("caption", "named"),
    [
        ("A puppy and two kittens.", {"dog", "cat"}),
        ("Terriers, a German shepherd", {"dog"}),
        ("a man, a lady, three boys, people in a crowd", {"person"}),
        ("a hot dog", {"hotdog"}),
        ("teddy bears near a bear cub", {"teddy bear", "bear"}),
        ("a fire hydrant, a fire truck and a fire", {"fire hydrant", "truck", "fire"}),
        ("a stop sign at traffic lights", {"stop sign", "traffic light"}),
        ("a glass of wine, two wine glasses", {"wine glass"}),
        ("ice cream in the living room", {"ice cream", "living room"}),
        ("a baseball bat, a baseball glove", {"bat", "gloves"}),
        ("a potted plant on the dining table", {"plant", "table"}),
        ("a cell phone, tennis rackets, a parking meter", {"phone", "racket", "parking meter"}),
        ("a baby elephant behind a glass door", {"elephant", "door"}),
        ("an orange and white cat, three oranges", {"cat", "orange"}),
        ("a player swings at a ball", {"person", "ball"}),
        ("a child on the swings", {"person", "swing"}),
        ("men fish, a fish", {"person", "fish"}),
        ("a group of animals with food on their heads", set()),
        ("a couple of birds play tennis", {"bird"}),
        ("", set()),
    ],
)
def test_the_longest_nouns_of_a_caption_name_its_objects(caption, named) -> None:
    assert objects_in(tokenize(caption)) == named


@given(st.sampled_from(sorted(objects())))
def test_every_word_names_its_object_alone(word) -> None:
    assert objects_in(word.split()) == {objects()[word]}


@given(st.lists(st.sampled_from(sorted({*objects(), "a", "of", "red"})), max_size=6))
def test_only_objects_are_found(words) -> None:
    assert objects_in(" ".join(words).split()) <= set(objects().values())


def test_plurals_become_singulars_and_synonyms_stay() -> None:
    forms = base_forms()
    plurals = {"dogs": "dog", "men": "man", "people": "person", "children": "child"}
    plurals |= {"puppies": "puppy", "knives": "knife", "hot dogs": "hot dog", "jeans": "jeans"}
    assert {word: forms[word] for word in plurals} == plurals
    assert forms["puppy"] == "puppy"
    assert all(forms[base] == base for base in forms.values())


def test_no_word_means_two_things() -> None:
    meanings = defaultdict(set)
    for spelling in (*nouns._spellings(nouns.NOUNS), *nouns._spellings(nouns.FURTHER)):
        for word in (spelling.singular, spelling.plural):
            meanings[word].add(spelling.noun.name)
    # Glasses are worn, or drunk from; trunks are worn, or of elephants and trees.
    several = {word for word, names in meanings.items() if word and len(names) > 1}
    assert several == {"glasses", "trunks"}


def test_questions_are_made_of_none_of_the_further_words() -> None:
    asked = asked_words()
    assert {"dog", "puppies", "men", "jeans", "shoe", "hot-dog"} <= asked.keys()
    assert asked.keys().isdisjoint({"labrador", "hot dog", "broccoli", "hydrant", "hand", "top"})
    assert not any(" " in word for word in asked)
    assert asked.keys() <= base_forms().keys()
