"""Fonts that have the letters of a word: those of this machine, for none has the world's."""

import unicodedata
from collections.abc import Iterable
from functools import cache

from PIL import ImageFont, features

USUAL = (
    # On Linux, macOS and Windows; those of many scripts first.
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "FreeSans.ttf"),
    *("Arial Unicode.ttf", "arial.ttf", "segoeui.ttf"),
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "wqy-zenhei.ttc", "wqy-microhei.ttc"),
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Light.ttc", "AppleSDGothicNeo.ttc"),
    *("msyh.ttc", "simsun.ttc", "YuGothM.ttc", "msgothic.ttc", "malgun.ttf"),
    *("Thonburi.ttc", "leelawui.ttf", "tahoma.ttf", "Lao Sangam MN.ttf", "Khmer Sangam MN.ttf"),
    *("Myanmar Sangam MN.ttc", "mmrtext.ttf", "Kohinoor.ttc", "Nirmala.ttf", "Nirmala.ttc"),
)
"""File names, wherever a system keeps its fonts; beside them those of Noto for each script."""
NOTO = {
    **dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"), "CJK"),
    "HANGUL": "CJK",
    **dict.fromkeys(("LATIN", "CYRILLIC", "GREEK"), ""),
}
"""What a font of Noto is called after; most are called after their script."""
NOT_A_LETTER = "\U0010fffe"
"""What no font has: it is drawn as every missing letter is."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font_for(word: str, size: int) -> Font | None:
    """Return the first font that has all letters of a word, in pixels of height; None if none has.

    Letters that join, and run from right to left, need a library that sets them so.
    """
    if not _can_set(word):
        return None
    plain = _plain(size)
    if word.isascii() or _has_all(plain, word):
        return plain
    names = (*USUAL, *(f"{name.replace(' ', '')}-Regular.ttf" for name in _noto(word)))
    fonts = (font for name in names if (font := _font(name, size)))
    return next((font for font in fonts if _has_all(font, word)), None)


def missing_font(words: Iterable[str]) -> str | None:
    """Return a line on the words that no font here has the letters of, if there are such words."""
    missing = [word for word in words if font_for(word, 16) is None]
    if not missing:
        return None
    letters = "".join(dict.fromkeys("".join(missing)))
    needed = sorted(_noto(letters)) + ["libraqm"] * (not all(map(_can_set, missing)))
    return (
        f"pictures number {len(missing)} of the words instead of showing them: no font here has "
        f"{' '.join(letters[:5])}{' …' if len(letters) > 5 else ''}; install {', '.join(needed)}"
    )


def _can_set(word: str) -> bool:
    """Return whether letters that join are set right here, if a word has any."""
    joins = any(unicodedata.bidirectional(char) in ("R", "AL") for char in word)
    return not joins or bool(features.check("raqm"))


@cache
def _plain(size: int) -> Font:
    return ImageFont.load_default(size)


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


def _noto(text: str) -> set[str]:
    """Return the names of the fonts of Noto that have the letters of a text."""
    scripts = {unicodedata.name(char, "").split(" ")[0] for char in text if char.isalpha()}
    return {f"Noto Sans {NOTO.get(name, name.title())}".rstrip() for name in scripts if name}


def _has_all(font: Font, word: str) -> bool:
    return all(_has(font, char) for char in set(word) if not char.isspace())


@cache
def _has(font: Font, letter: str) -> bool:
    """Return whether a font draws a letter as something else than a missing one."""
    if unicodedata.category(letter) in ("Cf", "Mn"):
        return True  # it is not drawn, or not alone
    drawn, missing = font.getmask(letter), font.getmask(NOT_A_LETTER)
    return (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))
