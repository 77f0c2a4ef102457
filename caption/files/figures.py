"""Figures of matplotlib, which only those who draw need; no window and no global state."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from caption.errors import GlimpseError
from caption.files.writing import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 100


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of a size in inches.

    Raises:
        GlimpseError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise GlimpseError(
            "matplotlib, which draws the pictures, is not installed; "
            "python -m pip install matplotlib brings it"
        ) from None
    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")


def drawable(words: Sequence[str]) -> list[str]:
    """Return words as they can be drawn: as their number where matplotlib's fonts lack a letter."""
    return [word if _has_all(word) else str(n) for n, word in enumerate(words, start=1)]


def undrawable(words: Sequence[str]) -> str | None:
    """Return a line on the words that `drawable` numbers, if there are such words."""
    missing = [word for word in words if not _has_all(word)]
    if not missing:
        return None
    return (
        f"pictures number {len(missing)} of the words instead of showing them: matplotlib's own "
        f"fonts lack letters such as {missing[0]!r}"
    )


def _has_all(word: str) -> bool:
    codes = {ord(char) for char in word if not char.isspace()}
    return word.isascii() or all(codes <= letters for letters in _letters())


@cache
def _letters() -> tuple[frozenset[int], ...]:
    """Return the letters of the fonts that figures are written in."""
    new_figure(1.0, 1.0)  # says so if matplotlib is not installed
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    paths = map(findfont, ("DejaVu Sans", "DejaVu Sans Mono"))
    return tuple(frozenset(FT2Font(path).get_charmap()) for path in paths)


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a figure as PNG, whole or not at all.

    Raises:
        DataError: the file cannot be written there.
    """
    write_whole(path, lambda partial: figure.savefig(partial, format="png"))
