"""A photo is lent the sentences that name what was recognised in it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.data import borrowing
from caption.data.borrowing import borrowed
from caption.data.sentences import Sentence
from caption.vision.concepts import ImageConcepts

WORDS = ("cat", "dog", "train", "red")
SENTENCES = [
    Sentence(text, {word: 1.0 for word in (*WORDS, "zebra") if word in text})
    for text in (
        "a cat",
        "a red cat",
        "a dog and a cat",
        "a train",
        "the train is red",
        "a zebra",
        "red",
    )
]


def photos(*rows: dict[str, float]) -> ImageConcepts:
    shares = [[row.get(word, 0.0) for word in WORDS] for row in rows]
    return ImageConcepts(WORDS, torch.tensor(shares))


def lend(concepts: ImageConcepts, count: int = 1, least: float = 0.1) -> list[tuple[str, ...]]:
    return borrowed(concepts, SENTENCES, count=count, least=least)


def test_a_photo_is_lent_the_sentence_that_names_what_it_shows() -> None:
    shown = [{"cat": 0.9}, {"train": 0.8, "red": 0.8}, {"dog": 0.7, "cat": 0.7}, {"red": 1.0}]
    found = lend(photos(*shown))
    assert found == [("a cat",), ("the train is red",), ("a dog and a cat",), ("red",)]


def test_the_best_comes_first_and_there_are_no_more_than_are_asked_for() -> None:
    concepts = photos({"train": 0.9, "red": 0.3})
    (all_of_them,) = lend(concepts, count=9)
    assert all_of_them[:2] == ("a train", "the train is red")
    assert set(all_of_them) == {"a train", "the train is red", "red", "a red cat"}
    for count in range(1, 4):
        assert lend(concepts, count=count) == [all_of_them[:count]]


def test_what_does_not_fit_is_not_lent() -> None:
    concepts = photos({"train": 0.9}, {}, {"dog": 0.4})
    assert lend(concepts, count=9, least=0.999) == [("a train",), (), ()]
    assert lend(concepts, count=9, least=0.7)[2] == ("a dog and a cat",)


def test_a_sentence_that_was_written_twice_is_lent_once() -> None:
    twice = [*SENTENCES, *SENTENCES]
    found = borrowed(photos({"dog": 1.0, "cat": 0.5}), twice, count=2, least=0.1)
    assert found == [("a dog and a cat",)]


def test_a_single_sentence_is_lent_to_a_photo_of_what_it_names() -> None:
    (cat, *_) = SENTENCES
    lent = borrowed(photos({"cat": 0.9}, {"dog": 0.9}), [cat], count=3, least=0.5)
    assert lent == [("a cat",), ()]


def test_nothing_fits_a_photo_that_shows_what_no_sentence_names() -> None:
    some = [sentence for sentence in SENTENCES if "dog" not in sentence.named]
    assert borrowed(photos({"dog": 1.0}), some, count=3, least=1e-6) == [()]


rows = st.lists(st.fixed_dictionaries({w: st.floats(0, 1, width=16) for w in WORDS}), max_size=4)


# The same examples every time: of two that fit alike, rounding decides.
@settings(deadline=None, max_examples=25, derandomize=True)
@given(rows, st.integers(1, 4), st.floats(0.05, 0.95), st.integers(1, 9))
def test_how_many_are_compared_at_once_and_how_many_photos_change_nothing(
    shown, count, least, chunk
) -> None:
    shown = [{"cat": 0.5}, *shown]
    together = lend(photos(*shown), count, least)
    assert together == [lend(photos(row), count, least)[0] for row in shown]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(borrowing, "CHUNK", chunk)
        pieces = lend(photos(*shown), count, least)
    for one, other in zip(together, pieces, strict=True):
        assert len(one) == len(other) <= count
