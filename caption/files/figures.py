"""Figures of matplotlib, which only those who draw need; no window and no global state."""

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


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a figure as PNG, whole or not at all.

    Raises:
        DataError: the file cannot be written there.
    """
    write_whole(path, lambda partial: figure.savefig(partial, format="png"))
