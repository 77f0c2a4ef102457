"""The identity of the page: its colours, its type and its icon, none of them fetched."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

LOOK = Path(__file__).parent
ICON = LOOK / "icon.svg"
STYLES = (
    *("colours.css", "page.css", "caption.css", "dialog.css", "library.css", "inside.css"),
    *("compare.css", "sizes.css"),
)
"""Each may change what those before it say."""
SCRIPTS = ("make.js", "overlay.js", "page.js", "library.js", "viewer.js")
"""What the parts of every tab share, in the order in which they need each other."""


def theme() -> "gr.themes.Base":
    """Return Gradio's plainest theme in the fonts of the system; `colours.css` has the colours."""
    import gradio as gr

    return gr.themes.Base(
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


@cache
def style() -> str:
    """Return how the whole page looks."""
    return "\n".join(text(LOOK / name) for name in STYLES)


@cache
def shared_head() -> str:
    """Return what stands in the head of the page: the scripts that all parts share."""
    scripts = "".join(f"<script>\n{text(LOOK / name)}</script>" for name in SCRIPTS)
    return f'<meta name="color-scheme" content="light dark">{scripts}'


@cache
def text(path: Path) -> str:
    """Return what is in a file of the package."""
    return path.read_text(encoding="utf-8")
