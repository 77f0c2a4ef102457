"""How the page looks; its fonts are those of the reader's system, so that none is fetched."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

CSS = """
.gradio-container {max-width: 1100px !important; margin: auto}
.hint {opacity: 0.8}
/* As many columns as fit, or a phone would have to scroll sideways. */
.maps .grid-container {grid-template-columns: repeat(auto-fill, minmax(120px, 1fr))}
"""


def theme() -> "gr.themes.Default":
    """Return Gradio's own theme in the fonts of the system."""
    import gradio as gr

    return gr.themes.Default(
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
