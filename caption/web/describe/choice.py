"""The choice of who writes, in several tabs: a model, and a language that it has learnt."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from caption.web.describe.writers import ALL, Writers

if TYPE_CHECKING:
    import gradio as gr


def add_choice(
    writers: Writers,
    *,
    label: str = "Model",
    elem_id: str,
    name: str | None = None,
    language: str = "",
    with_all: bool = False,
) -> "tuple[gr.Radio, gr.Radio]":
    """Add a choice of a model and of a language to the page; one without a choice is not shown.

    Args:
        writers: to choose from.
        label: of the models.
        elem_id: of what chooses the model.
        name: of the model that is chosen at first; by default the page's own.
        language: code of the one that is chosen at first; by default the model's own.
        with_all: whether all languages can be chosen together.
    """
    import gradio as gr

    choices, name = writers.choices, name or writers.name
    # The languages of a model that is not loaded yet are offered when somebody comes for them.
    is_known = name in writers.loaded
    languages = _languages(writers, name, with_all=with_all) if is_known else []
    model = gr.Radio(choices, value=name, label=label, elem_id=elem_id, visible=len(choices) > 1)
    chosen = _languages_radio()(
        languages,
        value=language or next((code for _, code in languages), ""),
        label="Language",
        elem_id="language" if elem_id == "model" else f"{elem_id}-language",
        visible=len(languages) > 1,
    )
    return model, chosen


def offering(writers: Writers, *, with_all: bool = False) -> Callable[[str, str], dict[str, Any]]:
    """Return what offers the languages of a model that has been chosen, given the one before."""

    def offer(name: str, language: str) -> dict[str, Any]:
        import gradio as gr

        choices = _languages(writers, name, with_all=with_all)
        codes = [code for _, code in choices]
        value = language if language in codes else codes[0]
        return gr.update(choices=choices, value=value, visible=len(codes) > 1)

    return offer


@cache
def _languages_radio() -> "type[gr.Radio]":
    """Return Gradio's radio, except that it takes what is no choice any more.

    When another model is chosen, what it is to write is asked for with the language of the one
    before; a model that does not write it writes its own.
    """
    import gradio as gr

    class Languages(gr.Radio):
        is_template = True  # it looks like the ordinary one

        def preprocess(self, payload: Any) -> str:
            return payload if isinstance(payload, str) else ""

    return Languages


def _languages(writers: Writers, name: str, *, with_all: bool) -> list[tuple[str, str]]:
    """Return a label and a code for each language of a model."""
    return [choice for choice in writers.languages(name) if with_all or choice[1] != ALL]
