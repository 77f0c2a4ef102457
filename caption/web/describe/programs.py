"""What other programs call: the caption of a photo, as they have always been given it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from caption.web.describe.writers import Writer
from caption.web.events import ONE_AT_A_TIME
from caption.web.maps import word_maps
from caption.web.wording import alternatives, hint

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

MAX_BEAMS = 8
Described = tuple[str, str, list[tuple["Image.Image", str]], str]
"""The caption, its alternatives, a map for each word with its label, and what they say."""


def add_endpoint(photo: "gr.Image", writer: Writer) -> None:
    """Add what programs call to the page, without anything to be seen there."""
    import gradio as gr

    with gr.Column(visible=False):
        asked: list[gr.Component] = [
            photo,
            gr.Slider(1, MAX_BEAMS, 3, step=1, label="Beams"),
            gr.Slider(0, 4, 2, step=1, label="Alternatives"),
        ]
        if styles := writer.captioner.model.decoder.config.styles:
            asked.append(gr.Dropdown(style_choices(styles), value="", label="Style"))
        told = [
            gr.Textbox(label="Caption"),
            gr.Textbox(label="Alternatives"),
            # Gradio's WebP takes longer than all that the models do.
            gr.Gallery(label="Where it looked for each word", format="jpeg"),
            gr.Markdown(),
        ]
        gr.Button().click(captioning(writer), asked, told, api_name="caption", **ONE_AT_A_TIME)


def style_choices(styles: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the ways of captioning of a model to choose from; the empty name is its own."""
    return [("its own", ""), *((name, name) for name in styles)]


def captioning(writer: Writer) -> Any:
    """Return the function that is called; its docstring is what other programs read of it."""

    def caption(
        image: "Image.Image | None", num_beams: int, num_alternatives: int, style: str = ""
    ) -> Described:
        """Caption a photo; say how sure the model is and where it looked for every word."""
        if image is None:
            return "", "", [], ""
        search = replace(
            writer.captioner.search,
            num_beams=max(int(num_beams), int(num_alternatives) + 1),
            num_captions=int(num_alternatives) + 1,
            style=style,
        )
        (best,) = writer.captioner.describe(writer.look(image), search=search)
        return best.text, alternatives(best), word_maps(image, best), hint(best)

    return caption
