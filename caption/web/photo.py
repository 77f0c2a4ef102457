"""The photo that every tab is about: the one door for pixels."""

from functools import cache
from typing import TYPE_CHECKING, Any

from caption.errors import ImageError
from caption.web.events import as_sentence

if TYPE_CHECKING:
    import gradio as gr

ENOUGH = (640, 640)
"""Width and height of which maps and encoders can make use; a phone's photo has far more."""


def add_photo() -> "gr.Image":
    """Add the photo to the page: dropped, pasted, chosen or taken."""
    return safe_image()(
        label="Photo",
        show_label=False,
        sources=["upload", "clipboard", "webcam"],
        buttons=[],
        container=False,
        elem_id="photo",
        placeholder="Drop or paste a photo\nor click to choose one",
        alt_text="The photo that is described and asked about",
    )


@cache
def safe_image() -> "type[gr.Image]":
    """Return Gradio's image, except that photos come in through the project's one door."""
    import gradio as gr
    from gradio import component_meta

    from caption.vision.image import load_image

    # For every new component Gradio writes a stub file beside the source; none is wanted here.
    component_meta.create_or_modify_pyi = lambda *_: None

    class SafeImage(gr.Image):
        is_template = True  # it looks like the ordinary one

        def preprocess(self, payload: Any) -> Any:
            try:
                return None if payload is None else load_image(payload.path, at_least=ENOUGH)
            except ImageError as error:
                raise as_sentence(error.message) from None

    return SafeImage
