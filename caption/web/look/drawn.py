"""Parts of the page that the server draws, from templates in which all that is shown is escaped."""

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from caption.web.look.theme import LOOK
from caption.web.wording import percent

if TYPE_CHECKING:
    import gradio as gr


def add_drawn(*, elem_id: str, value: str) -> "gr.HTML":
    """Add a part that shows what `drawn` returns."""
    import gradio as gr

    return gr.HTML(value, apply_default_css=False, elem_id=elem_id, js_on_load=None)


def drawn(template: str, **values: Any) -> str:
    """Return markup.

    Args:
        template: a file of this folder.
        values: that it shows.
    """
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(LOOK),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    return environment
