import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.evaluation.compare import compare_objects
from caption.metrics.objects import OFTEN, ObjectCounts, named_by, score_objects, total

REFERENCES = {
    1: ("a dog on grass", "two dogs and a ball", "the puppy chases a ball", "a dog", "a ball"),
    2: ("a man rides a horse", "a cowboy on a horse", "a woman on a pony", "someone outside"),
    3: ("a red bus", "a bus and a car"),
}
CAPTIONS = {
    1: "a dog and a cat on the grass",
    2: "a person with a frisbee and a kite",
    3: "a bus on the street",
}


def test_recall_and_chair_are_those_counted_by_hand() -> None:
    scores = score_objects(CAPTIONS, REFERENCES)
    first, second, third = scores.per_image.values()
    assert (first.expected, first.missed) == ({"dog", "ball"}, {"ball"})
    assert (first.right, first.wrong) == ({"dog", "grass"}, {"cat"})
    assert (second.expected, second.right) == ({"person", "horse"}, {"person"})
    assert (second.wrong, second.missed) == ({"frisbee", "kite"}, {"horse"})
    # Of two references both have to agree: on the bus and not on the car.
    assert (third.expected, third.right, third.wrong) == ({"bus"}, {"bus"}, {"street"})
    assert total(scores.per_object.values()) == ObjectCounts(expected=5, found=3, right=4, wrong=4)
    assert scores.metrics() == {"object_recall": 3 / 5, "chair_i": 4 / 8, "chair_s": 1}
    assert scores.bands() == {}


def test_the_people_who_have_to_agree_can_be_fewer() -> None:
    expected = score_objects(CAPTIONS, REFERENCES, agreed=1).per_image[1].expected
    assert expected == {"dog", "grass", "ball"}


def test_bands_go_by_the_captions_learnt_from() -> None:
    learnt = ["a puppy, a dog, dogs"] * OFTEN + ["a frisbee"] * (OFTEN - 1) + ["two horses"]
    scores = score_objects(CAPTIONS, REFERENCES, learnt=learnt)
    bands = scores.bands()
    assert bands["often"] == {"dog": ObjectCounts(expected=1, found=1, right=1, wrong=0)}
    assert bands["seldom"] == {
        "frisbee": ObjectCounts(expected=0, found=0, right=0, wrong=1),
        "horse": ObjectCounts(expected=1, found=0, right=0, wrong=0),
    }
    assert bands["never"].keys() == {"ball", "bus", "cat", "grass", "kite", "person", "street"}
    never = total(bands["never"].values())
    assert (never.recall, never.precision) == (2 / 3, 3 / 6)
    nothing = ObjectCounts(expected=0, found=0, right=0, wrong=0)
    assert (nothing.recall, nothing.precision) == (None, None)
    assert total(()) == nothing


def test_of_another_language_nothing_is_known() -> None:
    assert score_objects({1: "ein Hund"}, {1: ("ein Hund rennt",)}).metrics() == {}


def test_a_caption_that_names_nothing_hallucinates_nothing() -> None:
    metrics = score_objects({1: ""}, {1: ("a dog",)}).metrics()
    assert metrics == {"object_recall": 0, "chair_i": 0, "chair_s": 0}


WORDS = ("a dog", "puppies", "a hot dog", "one child", "the kitchen", "two people", "wine glasses")
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" and ".join)
IMAGES = st.lists(st.lists(TEXTS, min_size=1, max_size=5), min_size=1, max_size=4)


@given(IMAGES)
def test_who_names_all_that_people_name_misses_and_invents_nothing(images) -> None:
    references = dict(enumerate(images))
    captions = {image: " and ".join(texts) for image, texts in references.items()}
    metrics = score_objects(captions, references).metrics()
    assert metrics.pop("object_recall", 1) == 1
    assert metrics == {"chair_i": 0, "chair_s": 0}


@given(IMAGES, st.lists(TEXTS, min_size=4, max_size=4), st.randoms())
def test_the_order_of_images_and_references_does_not_matter(
    images, captions, chance: random.Random
) -> None:
    references = dict(enumerate(images))
    ours = score_objects(dict(zip(references, captions, strict=False)), references, learnt=captions)
    order = list(references)
    chance.shuffle(order)
    shuffled = {image: chance.sample(references[image], len(references[image])) for image in order}
    again = {image: captions[image] for image in order}
    other = score_objects(again, shuffled, learnt=reversed(captions))
    assert other == ours
    assert other.metrics() == ours.metrics()


@given(IMAGES, TEXTS)
def test_fractions_are_fractions_and_mentions_are_right_or_wrong(images, caption) -> None:
    references = dict(enumerate(images))
    scores = score_objects(dict.fromkeys(references, caption), references)
    assert all(0 <= value <= 1 for value in scores.metrics().values())
    assert total(scores.per_object.values()).named == len(images) * len(named_by(caption))


def test_a_difference_is_that_of_the_metrics() -> None:
    ours = score_objects(CAPTIONS, REFERENCES)
    other = score_objects(dict.fromkeys(REFERENCES, "a horse"), REFERENCES)
    found = compare_objects(ours, other, resamples=100)
    for name, difference in found.items():
        expected = ours.metrics()[name] - other.metrics()[name]
        assert difference.difference == pytest.approx(expected)
    assert all(same.difference == 0 for same in compare_objects(ours, ours, resamples=9).values())
