"""Heat maps: the photo, bright where the model looked."""

import math
from typing import TYPE_CHECKING

from caption.web.wording import percent

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

    from caption.predict import Caption


def add_gallery(label: str, *, elem_id: str) -> "gr.Gallery":
    """Add a place for maps to the page."""
    import gradio as gr

    return gr.Gallery(
        label=label,
        columns=4,
        height="auto",
        object_fit="contain",
        elem_id=elem_id,
        elem_classes="maps",
    )


def word_maps(image: "Image.Image", caption: "Caption") -> list[tuple["Image.Image", str]]:
    """Return a map for every word, with how sure the model was of it, or none without attention."""
    from caption.vision.overlay import heat_map

    if not caption.has_attention:
        return []
    return [
        (heat_map(image, weights), f"{word}  {percent(math.exp(log_prob))}")
        for word, log_prob, weights in zip(
            caption.words, caption.log_probs, caption.attention, strict=True
        )
    ]
