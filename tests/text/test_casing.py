"""What people are shown is written as people write it, and what is scored stays as it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.errors import ModelError
from caption.text.casing import LOWER, Casing
from caption.text.language import ENGLISH, Language
from caption.text.scripts import words_of
from caption.text.vocabulary import Vocabulary

GERMAN = [
    "Ein Hund läuft über die Straße.",
    "Der Mann hält einen Hund an der Leine.",
    "ein mann und ein hund auf der strasse",
    "EIN HUND AUF DER STRASSE",
]


def vocabulary(captions, code: str) -> Vocabulary:
    built = Vocabulary.build(captions, minimum_count=1, language=Language(code))
    return built.cased(captions)


@pytest.mark.parametrize(
    ("code", "captions", "plain", "shown"),
    [
        ("de", GERMAN, "der hund an der leine", "Der Hund an der Leine"),
        ("en", ["the dog and I see Rome", "a cat"], "rome and i see a dog", "Rome and I see a dog"),
        ("tr", ["İki Işık ve bir IŞIK ile Işık var."], "iki ışık var", "İki Işık var"),
        ("de", ["Ein Ma\u0308dchen und ein Ma\u0308dchen"], "ein mädchen", "Ein Mädchen"),
        ("zh", ["一个穿T恤的人。", "穿着T恤。"], "穿t恤的人", "穿T恤的人"),
        ("zh", ["NBA球员。", "iPhone 旁边"], "nba球员 iphone", "NBA 球员 iPhone"),
        ("fr", ["Un homme regarde l'iPod de Rome"], "rome l'ipod", "Rome l'iPod"),
    ],
)
def test_words_are_shown_as_most_people_write_them(code, captions, plain, shown) -> None:
    words = vocabulary(captions, code)
    assert words.decode(words.encode(plain)) == shown


def test_the_first_word_of_a_sentence_tells_nothing_of_a_word() -> None:
    captions = ["Gras wächst. Gras wächst", 'Er ruft: "Komm her"']
    assert Casing.learn(captions, {"gras", "komm", "er"}, Language("de")) == Casing({}, True)


def test_words_that_are_never_written_are_not_kept() -> None:
    assert Casing.learn(["ein Hund"], {"ein"}, Language("de")) == LOWER


@given(st.lists(st.text(st.characters(max_codepoint=0x17F), max_size=30), min_size=1, max_size=4))
def test_casing_changes_no_token(captions) -> None:
    plain = Vocabulary(list({w: 0 for text in captions for w in words_of(text, ENGLISH)}))
    cased = plain.cased(captions)
    for text in captions:
        ids = plain.encode(text)
        assert words_of(cased.decode(ids), ENGLISH) == words_of(plain.decode(ids), ENGLISH)
        assert cased.words(ids) == plain.words(ids)


def test_a_model_of_before_has_no_casing_and_is_english() -> None:
    old = {"unit": "word", "tokens": ["a", "dog", "i"]}
    read = Vocabulary.from_json(old)
    assert (read.language, read.casing) == (ENGLISH, LOWER)
    assert read.to_json() == old
    assert read.decode([4, 5, 6]) == "a dog i"


def test_language_and_casing_come_back() -> None:
    words = vocabulary(GERMAN, "de")
    values = json.loads(json.dumps(words.to_json()))
    assert values["language"] == "de"
    assert values["casing"]["words"]["hund"] == "Hund"
    assert Vocabulary.from_json(values) == words
    more = words.grown(["eine Katze"], minimum_count=1).cased(["Eine Katze", "eine Katze"])
    assert (more.language.code, more.casing.words["hund"]) == ("de", "Hund")
    assert more.decode(more.encode("die katze")) == "die Katze"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"language": 5}, "is of the language 5, expected a code"),
        ({"language": "Deutsch"}, "is of the language 'Deutsch', expected a code"),
        ({"casing": []}, "should have 'words' and say if 'capital'"),
        ({"casing": {"words": {}, "capital": 1}}, "should have 'words' and say if 'capital'"),
        ({"casing": {"words": {"a": 1}, "capital": True}}, "writes 'a' as 1, expected a word"),
    ],
)
def test_a_vocabulary_of_another_kind_is_refused(more, message) -> None:
    with pytest.raises(ModelError, match=message):
        Vocabulary.from_json({"unit": "word", "tokens": ["a"], **more})


def test_a_word_of_several_characters_cannot_be_asked_for() -> None:
    words = vocabulary(["狗在跑"], "zh")
    assert words.ids_of(["狗"]) == [words.id_of("狗")]
    with pytest.raises(ModelError, match="'飞盘' is several characters of Chinese"):
        words.ids_of(["飞盘"])
    assert words.units_per_word == 2
