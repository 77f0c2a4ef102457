"""Words are drawn in a font that has their letters, or not at all."""

import numpy as np
import pytest
from PIL import Image, ImageFont

from caption.files import fonts
from caption.files.figures import drawable, undrawable
from caption.files.fonts import font_for, missing_font
from caption.vision.overlay import word_sheet

NOWHERE = "\U00012000"  # cuneiform, which hardly a machine has


@pytest.fixture
def _no_fonts(monkeypatch) -> None:
    """A machine without any fonts but the one that Pillow brings."""
    monkeypatch.setattr(fonts, "_font", lambda name, size: None)


def test_english_is_drawn_as_ever() -> None:
    assert font_for("dog's", 16).getname() == ImageFont.load_default(16).getname()
    assert missing_font(["a", "dog", "<unk>", "t-shirt"]) is None


def test_a_font_is_opened_once_however_many_words_are_drawn() -> None:
    assert font_for("café", 16) is font_for("über", 16)


@pytest.mark.usefixtures("_no_fonts")
@pytest.mark.parametrize(
    ("word", "font"),
    [
        ("狗", "Noto Sans CJK"),
        ("か", "Noto Sans CJK"),
        ("ไม่", "Noto Sans Thai"),
        ("Straße", "Noto Sans"),
        ("कुत्ता", "Noto Sans Devanagari"),
    ],
)
def test_a_missing_font_is_named_in_one_line(word, font) -> None:
    assert font_for(word, 16) is None
    line = missing_font(["dog", word])
    assert f"install {font}" in line
    assert line.startswith("pictures number 1 of the words instead of showing them")
    assert "\n" not in line


@pytest.mark.usefixtures("_no_fonts")
def test_a_word_without_a_font_is_drawn_as_its_number() -> None:
    photo, looked = Image.new("RGB", (60, 30), "grey"), np.ones((2, 2, 3), np.float32)
    drawn = word_sheet(photo, ["a", "狗"], looked, side=60)
    assert np.array_equal(drawn, word_sheet(photo, ["a", "2"], looked, side=60))


def test_letters_that_join_need_the_library_that_joins_them(monkeypatch) -> None:
    monkeypatch.setattr(fonts.features, "check", lambda name: False)
    assert font_for("كلب", 16) is None
    assert "install Noto Sans Arabic, libraqm" in missing_font(["كلب"])
    assert "libraqm" not in str(missing_font([NOWHERE]))


def test_figures_number_what_they_cannot_draw() -> None:
    assert drawable(["a", "狗", "über"]) == ["a", "2", "über"]
    assert undrawable(["a", "über"]) is None
    assert "number 1 of the words" in undrawable(["a", "狗"])
