"""Captions tell which language they are in, and a language says how it is written."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from languages import TOYS, captions_in

from caption.text.identify import (
    ONLY,
    SAMPLE,
    TELLING,
    count_languages,
    find_language,
    language_of,
    most_frequent,
)
from caption.text.language import ENGLISH, NAMES, NOT_TOLD, Language


@pytest.mark.parametrize(
    ("code", "caption"),
    [
        ("en", "A dog runs on the grass."),
        ("de", "Ein Hund läuft im Gras"),
        ("fr", "Un chien court dans l'herbe avec une balle"),
        ("es", "Un perro corre por la hierba con el niño"),
        ("nl", "Een hond rent door het gras"),
        ("it", "Un cane corre sul prato con una palla e il bambino"),
        ("pt", "Um cachorro corre na grama com uma bola"),
        ("pl", "Pies biegnie po trawie, a chłopiec siedzi obok"),
        ("tr", "Çimlerin üzerinde koşan bir köpek"),
        ("vi", "một con chó đang chạy trên cỏ"),
        ("ru", "Собака бежит по траве и мужчина"),
        ("uk", "Собака біжить по траві, чоловік стоїть біля"),
        ("ar", "كلب يركض على العشب"),
        ("fa", "یک سگ در حال دویدن است"),
        ("hi", "घास पर एक कुत्ता दौड़ रहा है"),
        ("hi", "कुत्ता पानी में तैरता है"),
        ("mr", "कुत्रा गवतावर धावत आहे"),
        ("en", "white wooden door"),
        ("en", "it's a red van"),
        ("und", "no parking sign"),
        ("zh", "一只狗在玩 frisbee，a dog"),
        ("ja", "犬がフリスビーで遊んでいる"),
        ("th", "สุนัขวิ่งบนหญ้า"),
        ("ko", "개가 잔디에서 뛰고 있다"),
        ("my", "ခွေး ပြေးနေသည်"),
        ("he", "כלב רץ על הדשא"),
        ("el", "ένας σκύλος τρέχει"),
        ("und", "zxcv qwer 123"),
        ("und", "…🐶"),
        ("und", ""),
        ("und-Cyrl", "Тест"),
    ],
)
def test_a_caption_tells_its_language(code, caption) -> None:
    assert language_of(caption) == code


@pytest.mark.parametrize("code", TOYS)
def test_the_language_of_a_small_set_is_found(code) -> None:
    assert find_language(captions_in(code).values()) == Language(code)


def test_most_captions_decide_and_a_few_told_ones_do_not() -> None:
    assert find_language(["ein Hund und die Katze"] * 3 + ["the dog and a cat"]).code == "de"
    assert find_language(["zxcv"] * 9 + ["ein Hund"]) == NOT_TOLD
    assert find_language([]) == NOT_TOLD
    assert find_language(["Тест"] * 3) == Language("und-Cyrl")
    assert most_frequent(Counter(zh=3, en=1)).code == "zh"


@pytest.mark.parametrize(
    ("code", "words"), [pair for languages in TELLING.values() for pair in languages.items()]
)
def test_all_telling_words_together_tell_their_language(code, words) -> None:
    assert language_of(words) == code


def test_english_labels_with_a_few_foreign_names_stay_english() -> None:
    labels = ["Le Mans", "Las Vegas", "El Camino", *map("car {}".format, range(9))]
    assert find_language(labels).is_english


@pytest.mark.parametrize("columns", range(3, 7))
def test_columns_in_several_languages_are_counted_whole(columns) -> None:
    captions = ["ein Hund und die Katze", *["the dog and a cat"] * (columns - 1)] * 600
    assert find_language(captions[: columns * (SAMPLE - 1)]) == ENGLISH


def test_japanese_without_kana_and_russian_without_telling_words_are_what_the_rest_is() -> None:
    assert count_languages(["犬がいる", "猫がいる", "東京"]) == {"ja": 3}
    assert count_languages(["Собака и кот у реки", "Тест"]) == {"ru": 2}
    assert count_languages(["狗", "犬がいる", "猫"]) == {"zh": 2, "ja": 1}


@given(st.lists(st.text(max_size=20), max_size=8))
def test_every_caption_is_counted(captions) -> None:
    counts = count_languages(captions)
    assert counts.total() == len(captions)
    assert str(find_language(captions))


def test_only_the_beginning_of_a_text_without_end_is_read() -> None:
    assert language_of("ein Hund und die Katze " * 500_000) == "de"


def test_every_language_that_can_be_told_has_a_name() -> None:
    told = {*ONLY.values(), *(code for languages in TELLING.values() for code in languages)}
    assert told <= NAMES.keys()


@pytest.mark.parametrize(
    ("code", "name", "manner", "right_to_left"),
    [
        ("en", "English", "English: learnt and scored by word", False),
        (
            "zh",
            "Chinese",
            "Chinese, written without spaces: learnt and scored by character",
            False,
        ),
        ("ar", "Arabic", "Arabic: learnt and scored by word", True),
        ("zh-Hant", "Chinese", None, False),
        ("eo", "eo", None, False),
        ("und", "a language not told", "a language not told: learnt and scored by word", False),
        ("und-Arab", "a language in Arab letters", None, True),
    ],
)
def test_a_language_says_how_it_is_written(code, name, manner, right_to_left) -> None:
    language = Language(code)
    assert str(language) == name
    assert manner in (None, language.manner)
    assert language.is_right_to_left == right_to_left
    assert "character" in Language("th").tokens
    assert "PTB" in ENGLISH.tokens
    assert "PTB" not in Language("de").tokens


@pytest.mark.parametrize("code", ["", "German", "e", "de_DE", "de-", "../x", 'e" x="'])
def test_what_is_no_code_is_refused(code) -> None:
    with pytest.raises(ValueError, match="expected the code of a language such as 'de'"):
        Language(code)


@pytest.mark.parametrize(
    ("data", "model", "another"),
    [
        ("en", "en", False),
        ("und", "en", False),
        ("en", "und", False),
        ("de", "en", True),
        ("en", "de", True),
        ("zh", "en", True),
        ("und-Cyrl", "en", True),
        ("und", "de", False),
        ("und", "zh", True),
    ],
)
def test_what_cannot_be_told_is_not_another_language(data, model, another) -> None:
    assert Language(data).is_another_than(Language(model)) == another
