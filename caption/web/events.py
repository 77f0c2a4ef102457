"""What the events of every tab share: they wait for one another, and errors are sentences."""

from typing import TYPE_CHECKING, Any

from caption.web.places import names_only

if TYPE_CHECKING:
    import gradio as gr

ONE_AT_A_TIME: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
"""Options of every event that asks a model."""

QUIET: dict[str, Any] = ONE_AT_A_TIME | {"api_visibility": "private", "show_progress": "hidden"}
"""Options of events that only prepare a choice, for which a model may have to be loaded."""


def as_sentence(message: str) -> "gr.Error":
    """Return what to raise so that the page shows the message, and the log no traceback.

    Whoever reaches the page reads it, so it says of files how they are called alone.
    """
    import gradio as gr

    return gr.Error(names_only(message), print_exception=False)
