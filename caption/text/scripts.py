"""What a word is, in any script, and how words are put together again.

English is tokenised officially, so that its scores can be compared with published ones. In other
languages a word is what stands between spaces and punctuation; in scripts without spaces every
character is one: a letter with its vowel signs and marks (a grapheme cluster, Unicode annex 29).
"""

import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache

from caption.text.language import Language
from caption.text.tokenize import detokenize, tokenize

SPACELESS_SCRIPTS = {
    "Han": "2e80-2fd5 3005 3007 3021-3029 3038-303b 3400-4dbf 4e00-9fff f900-faff 20000-323af",
    "Hiragana": "3041-3096 309d-309f 1b001-1b11f 1b150-1b152",
    "Katakana": "30a1-30fa 30fc-30ff 31f0-31ff ff66-ff9d 1b164-1b167",  # 30fc prolongs a sound
    "Thai": "0e01-0e3a 0e40-0e4e",
    "Lao": "0e81-0ece 0edc-0edf",
    "Khmer": "1780-17d3 17dc-17dd",
    "Myanmar": "1000-103f 1050-108f 109a-109d a9e0-a9ef a9fa-a9fe aa60-aa7f",
}
"""Code points of the letters and marks of each script, without digits and punctuation."""
_MARKS = "0e33 0eb3 200c-200d ff9e-ff9f"
"""What belongs to the character before it although Unicode calls it no mark: Thai and Lao "am",
joiners, and the voicing of narrow kana."""
_STACKED = "1039 17d2"
"""Signs that put the next consonant below the one before."""
_INSIDE = r"['\-׳״]"
"""What may stand inside a word."""
_ONE_SPELLING = str.maketrans(
    {**dict.fromkeys("’ʼ‘", "'"), **dict.fromkeys("‐‑", "-"), "\u00ad": None}
)
"""Keyboards differ in apostrophes and hyphens; a soft hyphen shows at the end of a line only."""


def words_of(text: str, language: Language) -> list[str]:
    """Return the words of a text, in lower case and without punctuation.

    Args:
        text: one or more sentences.
        language: English is tokenised officially.
    """
    if language.is_english:
        return tokenize(text)
    text = language.lower(uniform(text))
    words: list[str] = []
    place = 0
    for match in spaceless().finditer(text):
        start, end = match.span()
        words += [*_spaced().findall(text, place, start), match[0]]
        place = end
    return words + _spaced().findall(text, place)


def uniform(text: str) -> str:
    """Return a text with one spelling of what looks the same."""
    return unicodedata.normalize("NFC", text).translate(_ONE_SPELLING)


def joined(words: Iterable[str], language: Language) -> str:
    """Return words as people write them, without spaces in scripts that have none."""
    if language.is_english:
        return detokenize(words)
    text, before = "", ""
    for word in words:
        text += word if not before or _is_close(before, word, language) else f" {word}"
        before = word
    return text


def _is_close(word: str, following: str, language: Language) -> bool:
    """Return whether there is no space between two words."""
    both = [spaceless().match(each) is not None for each in (word, following)]
    # In "2个人" and "T恤" neither, but in "玩 frisbee".
    other = following if both[0] else word
    return all(both) or (any(both) and language.glues and (len(other) == 1 or other.isdecimal()))


@cache
def spaceless() -> re.Pattern[str]:
    """Return what matches a character of a script without spaces, with all that belongs to it."""
    letter = f"[{_ranges(' '.join(SPACELESS_SCRIPTS.values()))}]"
    return re.compile(f"{letter}(?:[{_ranges(_STACKED)}]{letter}|[{marks()}])*")


@cache
def _spaced() -> re.Pattern[str]:
    """Return what matches a word in any script with spaces."""
    inside = rf"(?:[^\W_]|[{marks()}])"
    return re.compile(rf"[^\W_]{inside}*(?:(?:{_INSIDE}(?=[^\W\d_])|(?<=\d)[.,](?=\d)){inside}+)*")


@cache
def marks() -> str:
    """Return what goes between [ and ] for all that belongs to the character before it."""
    codes = [code for code in range(0x300, 0x1F000) if unicodedata.category(chr(code))[0] == "M"]
    skin_tones, variations = range(0x1F3FB, 0x1F400), range(0xE0100, 0xE01F0)
    return _ranges(_MARKS) + re.escape("".join(map(chr, (*codes, *skin_tones, *variations))))


def _ranges(ranges: str) -> str:
    """Return what goes between [ and ] for ranges of hexadecimal code points."""
    ends = (part.partition("-") for part in ranges.split())
    return "".join(
        f"{chr(int(first, 16))}-{chr(int(last or first, 16))}"
        for first, _, last in ends
        if int(first, 16) <= sys.maxunicode
    )
