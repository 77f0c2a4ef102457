"""The photo that every tab is about: the one door for pixels, and examples to begin with."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption.errors import ImageError
from caption.web.events import as_sentence

if TYPE_CHECKING:
    import gradio as gr

ENOUGH = (640, 640)
"""Width and height of which maps and encoders can make use; a phone's photo has far more."""
EXAMPLE_FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = {
    "a photographer": "camera.jpg",
    "an astronaut": "astronaut.jpg",
    "a cat": "chelsea.jpg",
    "a cup of coffee": "coffee.jpg",
}


def add_photo() -> "gr.Image":
    """Add the photo, and below it the examples to click, to the page."""
    import gradio as gr

    photo = safe_image()(label="Photo", sources=["upload", "clipboard"], elem_id="photo")
    gr.Examples(
        [[str(EXAMPLE_FOLDER / name)] for name in EXAMPLES.values()],
        [photo],
        example_labels=list(EXAMPLES),
        label="Examples",
    )
    return photo


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
