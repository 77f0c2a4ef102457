"""Parts of the page that draw themselves in the browser, from plain values."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption.web.look.theme import ICON, text

if TYPE_CHECKING:
    import gradio as gr

HEADER = """\
<header class="masthead">
  {icon}
  <div><h1>Glimpse</h1><p>{line}</p></div>
  <button type="button" class="quiet" id="theme"></button>
</header>
"""


def add_scripted(script: Path, *, elem_id: str, value: Any = None) -> "gr.HTML":
    """Add a part that a script draws, and draws again when its value changes.

    The value never becomes markup: templates stay empty, and the script writes it as text.

    Args:
        script: sees the part as `element`, its value as `props.value`, and what it may `trigger`.
        elem_id: of the part.
        value: plain values, as JSON has them.
    """
    import gradio as gr

    return gr.HTML(
        value,
        html_template='<div class="part"></div>',
        js_on_load=text(script),
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes="scripted",
    )


def add_header(line: str) -> None:
    """Add the icon, the name, what the page is for, and the switch between light and dark."""
    import gradio as gr

    markup = HEADER.format(icon=text(ICON), line=line)
    gr.HTML(
        html_template=markup,
        js_on_load="glimpse.themeSwitch(element.querySelector('#theme'))",
        apply_default_css=False,
    )
