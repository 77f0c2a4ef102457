"""What a word is in any script, and how words are put together again."""

import unicodedata
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.text.language import ENGLISH, NOT_TOLD, Language
from caption.text.scripts import SPACELESS_SCRIPTS, joined, spaceless, words_of
from caption.text.tokenize import detokenize, tokenize

ZH, JA, TH, TR, DE = map(Language, ("zh", "ja", "th", "tr", "de"))


@cache
def letters_of(script: str) -> list[str]:
    ends = [part.partition("-") for part in SPACELESS_SCRIPTS[script].split()]
    codes = [c for a, _, b in ends for c in range(int(a, 16), min(int(b or a, 16), 0xFFFF) + 1)]
    letters = [chr(code) for code in codes if unicodedata.category(chr(code)).startswith("L")]
    return letters[:: 1 + len(letters) // 500]


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_english_is_tokenised_officially(text) -> None:
    assert words_of(text, ENGLISH) == words_of(text, NOT_TOLD) == tokenize(text)
    assert joined(tokenize(text), ENGLISH) == detokenize(tokenize(text))


@pytest.mark.parametrize("script", SPACELESS_SCRIPTS)
@given(data=st.data())
def test_text_without_spaces_comes_back(script, data) -> None:
    text = data.draw(st.text(st.sampled_from(letters_of(script)), max_size=30))
    words = words_of(text, JA)
    assert joined(words, JA) == "".join(words) == unicodedata.normalize("NFC", text)
    assert all(len(word) == len(spaceless().match(word)[0]) for word in words)
    assert words_of("。".join(text) + "\n", JA) == [w for c in text for w in words_of(c, JA)]


PIECES = [*"一只狗のナーไ 3,x-'’。，d!ßıİIي🐶", "ม่", "og", "é", "\u200d"]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_words_once_joined_are_the_same_words(text) -> None:
    words = words_of(text, ZH)
    assert words_of(joined(words, ZH), ZH) == words


@given(st.text(max_size=30))
def test_composed_and_decomposed_text_have_the_same_words(text) -> None:
    composed = unicodedata.normalize("NFC", text)
    decomposed = unicodedata.normalize("NFD", composed)
    assert words_of(decomposed, TH) == words_of(composed, TH)
    assert all(word and unicodedata.is_normalized("NFC", word) for word in words_of(text, TH))


@pytest.mark.parametrize(
    ("code", "text", "words", "shown"),
    [
        ("zh", "一只狗在玩 frisbee。", "一 只 狗 在 玩 frisbee", "一只狗在玩 frisbee"),
        ("zh", "2个人穿T恤,𠀀!", "2 个 人 穿 t 恤 𠀀", "2个人穿t恤𠀀"),
        ("zh", "狗狗🐶很可爱👍🏽", "狗 狗 很 可 爱", "狗狗很可爱"),
        ("ja", "犬がフリスビーで遊ぶ", "犬 が フ リ ス ビ ー で 遊 ぶ", "犬がフリスビーで遊ぶ"),
        ("ja", "か\u3099くせい", "が く せ い", "がくせい"),
        ("th", "น้ำ ที่นี่", "น้ำ ที่ นี่", "น้ำที่นี่"),
        ("my", "ခွေး သတ္တဝါ။", "ခွေး သ တ္တ ဝါ", "ခွေးသတ္တဝါ"),
        ("km", "ឆ្កែរត់។", "ឆ្កែ រ ត់", "ឆ្កែរត់"),
        ("lo", "ໝາແລ່ນ", "ໝ າ ແ ລ່ ນ", "ໝາແລ່ນ"),
        ("ar", "كلبٌ يركض، على العشب؟", "كلبٌ يركض على العشب", "كلبٌ يركض على العشب"),
        ("fa", "سگ می‌رود.", "سگ می‌رود", "سگ می‌رود"),
        ("hi", "कुत्ता दौड़ रहा है।", "कुत्ता दौड़ रहा है", "कुत्ता दौड़ रहा है"),
        ("tr", "İstanbul'da IŞIK!", "istanbul'da ışık", "istanbul'da ışık"),
        ("de", "„Straße“ (Fußgänger)…", "straße fußgänger", "straße fußgänger"),
        (
            "fr",
            "L'homme porte un T-shirt.",
            "l'homme porte un t-shirt",
            "l'homme porte un t-shirt",
        ),
        ("fr", "L’autre s’ébroue", "l'autre s'ébroue", "l'autre s'ébroue"),
        ("de", "Schwarz/weißer T‑Shirt :-)", "schwarz weißer t-shirt", "schwarz weißer t-shirt"),
        ("de", "Stra\u00adße [1,5 m]", "straße 1,5 m", "straße 1,5 m"),
        ("es", "¿Cafe\u0301?", "café", "café"),
        ("ru", "3,5 км — собака", "3,5 км собака", "3,5 км собака"),
        ("he", "צה״ל כלב", "צה״ל כלב", "צה״ל כלב"),
    ],
)
def test_known_words_of_known_scripts(code, text, words, shown) -> None:
    language = Language(code)
    found = words_of(text, language)
    assert found == words.split(" ")
    assert joined(found, language) == shown


@pytest.mark.parametrize("text", ["", " \n", "。", "🐶", "🧑\u200d🚒\ufe0f", "\u0301", "(…)!"])
def test_signs_alone_are_no_words(text) -> None:
    assert words_of(text, ZH) == words_of(text, DE) == []


def test_dotless_letters_survive() -> None:
    assert TR.lower("İIiı") == "iıiı"
    assert (TR.capital("ilk"), TR.capital("ışık"), DE.capital("ilk")) == ("İlk", "Işık", "Ilk")
    assert DE.lower("İ") == "i"
    assert DE.capital("ß") == "ß"
    assert ENGLISH.lower("İ") == "İ".lower()
