"""The tab that shows how the model came to its caption."""

from typing import TYPE_CHECKING

from caption.errors import GlimpseError
from caption.web.describe.choice import add_choice, offering
from caption.web.describe.manners import CAREFUL, MEDIUM, searching
from caption.web.describe.writers import Writers
from caption.web.events import QUIET, as_sentence
from caption.web.following import follow
from caption.web.inside.view import look_inside
from caption.web.look.drawn import add_drawn, drawn

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image


def add_inside(tab: "gr.Tab", photo: "gr.Image", writers: Writers) -> None:
    """Add what goes on inside a model that captions the photo to its tab."""
    inside = Inside(writers)
    model, language = add_choice(writers, label="Look inside the model", elem_id="inside-model")
    shown = add_drawn(elem_id="inside", value=inside.show(None, writers.name, ""))
    model.input(offering(writers), [model, language], [language], **QUIET)
    follow(tab, photo, [model, language], inside.show, shown)


class Inside:
    """What the page does to show the inside of a model."""

    def __init__(self, writers: Writers) -> None:
        self.writers = writers

    def show(self, image: "Image.Image | None", model: str, language: str) -> str:
        """Return as markup what goes on while a photo is captioned as the first tab does it.

        Args:
            image: the photo, if there is one.
            model: its name.
            language: code of one that it writes; any other stands for its own.
        """
        if image is None:
            return drawn("inside.html", view=None)
        try:
            _, captioner = self.writers.one(model, language)
            look = self.writers(model).look
            search = searching(captioner.search, CAREFUL, MEDIUM)
            return drawn("inside.html", view=look_inside(captioner, look(image), search))
        except GlimpseError as error:
            raise as_sentence(error.message) from None
