"""What lists of words say of captions; the figures stand under the words that they are of."""

import pytest

from caption.inspection.properties import (
    distance_to_end,
    in_noun_phrase,
    is_plural,
    last_noun_plural,
    position,
    properties_of,
)


def marks(property_of, caption: str) -> str:
    return "".join(map(str, property_of(caption.split())))


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a dog runs", "010"),
        ("a black and white dog and a cat", "01111001"),
        ("two young men in red shirts", "011001"),
        ("people and dogs", "000"),
        ("", ""),
    ],
)
def test_a_phrase_is_open_up_to_its_noun(caption, expected) -> None:
    assert marks(in_noun_phrase, caption) == expected


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("two dogs are running in the snow", "0011111"),
        ("two dogs and a man are running", "0011100"),
        ("people sit", "01"),
    ],
)
def test_the_number_of_the_last_noun_is_kept_up_to_the_next(caption, expected) -> None:
    assert marks(last_noun_plural, caption) == expected


@pytest.mark.parametrize("word", ["dogs", "people", "children", "girls", "glasses"])
def test_plurals(word) -> None:
    assert is_plural(word)


@pytest.mark.parametrize("word", ["dog", "runs", "is", "grass", "bus", "his", "harness", "s", ""])
def test_what_only_ends_like_a_plural(word) -> None:
    assert not is_plural(word)


def test_places_are_counted_from_both_ends() -> None:
    assert marks(position, "a red dog") == "012"
    assert marks(distance_to_end, "a red dog") == "210"


def test_letters_have_places_and_no_number() -> None:
    assert set(properties_of("char")) == {"position", "distance to end"}
    assert set(properties_of("word")) > set(properties_of("char"))
