import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.errors import DataError, ModelError
from caption.text.vocabulary import SPECIALS, Vocabulary

CAPTIONS = ["A dog runs.", "a dog sleeps", "the man's dog", "a cat"]


def build(**options) -> Vocabulary:
    return Vocabulary.build(CAPTIONS, **{"minimum_count": 1, **options})


def test_special_ids_are_four_different_ones() -> None:
    v = build()
    assert [v.pad_id, v.start_id, v.end_id, v.unknown_id] == [0, 1, 2, 3]


def test_units_are_ordered_by_count_and_then_by_name() -> None:
    assert build().tokens[4:] == ("a", "dog", "'s", "cat", "man", "runs", "sleeps", "the")
    assert build(minimum_count=2).tokens[4:] == ("a", "dog")


def test_a_caption_becomes_ids_with_an_end_and_words_again() -> None:
    v = build()
    ids = v.encode("The man's dog runs!")
    assert ids[-1] == v.end_id
    assert v.words(ids) == ("the", "man", "'s", "dog", "runs")
    assert v.decode(ids) == "the man's dog runs"


def test_a_cut_caption_has_no_end() -> None:
    v = build()
    assert len(v.encode("a dog runs", max_length=3)) == 4
    assert v.encode("a dog runs", max_length=2) == v.encode("a dog runs")[:2]


def test_what_is_not_in_the_vocabulary_is_unknown() -> None:
    v = build()
    assert v.encode("a zebra") == [v.id_of("a"), v.unknown_id, v.end_id]
    assert v.words(v.encode("a zebra")) == ("a", "<unk>")


def test_words_that_must_be_known_are_found_in_any_case() -> None:
    v = build()
    assert v.ids_of([" Dog", "'s", "CAT\n"]) == [v.id_of("dog"), v.id_of("'s"), v.id_of("cat")]


@pytest.mark.parametrize("word", ["dogg", "<end>", "", "a dog"])
def test_a_word_that_is_not_known_is_answered_with_the_three_nearest(word) -> None:
    message = f"'{word}' is not a word that this model knows; the nearest are "
    with pytest.raises(ModelError, match=message) as refused:
        build().ids_of(["cat", word])
    nearest = str(refused.value).removeprefix(message).split(", ")
    assert len(nearest) == 3
    assert word != "dogg" or nearest[0] == "dog"


@pytest.mark.parametrize("unit", ["word", "char"])
@pytest.mark.parametrize("special", SPECIALS)
def test_text_cannot_pretend_to_be_special(special, unit) -> None:
    v = Vocabulary.build([f"a {special} dog"] * 9, minimum_count=1, unit=unit)
    ids = v.encode(f"a {special} dog")
    assert not {v.pad_id, v.start_id, v.end_id} & set(ids[:-1])


def test_decoding_stops_at_the_first_end_and_skips_padding() -> None:
    v = build()
    dog = v.id_of("dog")
    assert v.words([v.start_id, dog, v.pad_id, v.end_id, dog]) == ("dog",)


@given(st.text(max_size=40))
def test_characters_come_back_as_normalised_text(text) -> None:
    v = Vocabulary.build([text, "abc"], minimum_count=1, unit="char")
    assert v.decode(v.encode(text)) == " ".join(text.lower().split())


@pytest.mark.parametrize("unit", ["word", "char"])
def test_json_gives_the_same_vocabulary(unit) -> None:
    v = build(unit=unit)
    again = Vocabulary.from_json(json.loads(json.dumps(v.to_json())))
    assert again == v
    assert hash(again) == hash(v)
    assert len(again) == len(v)
    assert again[4] == v[4]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "should say its 'unit'"),
        ({"unit": "syllable", "tokens": []}, "should say its 'unit'"),
        ({"unit": "word"}, "list its 'tokens'"),
        ({"unit": "word", "tokens": ["a", 5]}, "lists 5, expected a word"),
        ({"unit": "word", "tokens": ["a", ""]}, "lists ''"),
        ({"unit": "word", "tokens": ["a", "b", "a"]}, "has 'a' more than once"),
        ({"unit": "word", "tokens": ["<end>"]}, "has '<end>' more than once"),
    ],
)
def test_wrong_values_are_named(values, message) -> None:
    with pytest.raises(ModelError, match=message):
        Vocabulary.from_json(values)


def test_a_vocabulary_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="none of the 8 different words .* 9 times"):
        build(minimum_count=9)
    with pytest.raises(DataError, match="none of the 0"):
        Vocabulary.build([])
