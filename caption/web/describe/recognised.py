"""The recognised words of the photo, for a person to see and to correct."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from caption.web.wording import percent

if TYPE_CHECKING:
    import gradio as gr


def add_words() -> tuple["gr.CheckboxGroup", "gr.Textbox"]:
    """Add the recognised words, and a place for others, to the page."""
    import gradio as gr

    recognised = gr.CheckboxGroup(
        label="Recognised words",
        info="Uncheck what the photo does not show, and the caption follows.",
        elem_id="recognised",
        interactive=True,
    )
    also = gr.Textbox(
        label="It also shows",
        info="Words that the caption must name, with commas between; then press Enter.",
        placeholder="cat, window",
        elem_id="also",
        max_length=200,
    )
    return recognised, also


def all_checked(probabilities: Mapping[str, float], *, is_read: bool = True) -> dict[str, Any]:
    """Return what makes the page show words, with how probable each is, all of them checked.

    Where captions are not written from them, nothing is shown.
    """
    import gradio as gr

    choices = [(f"{word} {percent(share)}", word) for word, share in probabilities.items()]
    return gr.update(choices=choices, value=list(probabilities), visible=is_read)


def corrections(recognised: Iterable[str], checked: Iterable[str], also: str) -> dict[str, float]:
    """Return what a person has told: unchecked words are not there, and others certainly are."""
    absent = set(recognised).difference(checked)
    typed = filter(None, map(str.strip, also.lower().split(",")))
    return dict.fromkeys(absent, 0.0) | dict.fromkeys(typed, 1.0)
