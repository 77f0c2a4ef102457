"""The tab that captions the photo and shows where the model looked for every word."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from caption.web.events import ONE_AT_A_TIME
from caption.web.eyes import Eyes
from caption.web.maps import add_gallery, word_maps
from caption.web.wording import alternatives, hint

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

    from caption.predict import Captioner

MAX_BEAMS = 8


def add_captions(photo: "gr.Image", captioner: "Captioner", look: Eyes) -> None:
    """Add the captions of the photo, and how to search for them, to the page."""
    import gradio as gr

    text = gr.Textbox(label="Caption", elem_id="caption", interactive=False, lines=2)
    others = gr.Textbox(label="Alternatives", elem_id="alternatives", interactive=False, lines=2)
    maps = add_gallery("Where it looked for each word", elem_id="maps")
    what_maps_say = gr.Markdown(elem_classes="hint")
    settings = _add_settings(captioner.model.decoder.config.styles)
    button = gr.Button("Caption", variant="primary")
    options: dict[str, Any] = {
        "fn": _caption_with(captioner, look),
        "inputs": [photo, *settings],
        "outputs": [text, others, maps, what_maps_say],
        **ONE_AT_A_TIME,
    }
    button.click(api_name="caption", **options)
    # Uploads and examples are captioned at once; the button is for other settings.
    photo.change(api_visibility="private", **options)


def _add_settings(styles: Sequence[str]) -> list["gr.Component"]:
    import gradio as gr

    with gr.Accordion("How to search", open=False):
        settings: list[gr.Component] = [
            gr.Slider(1, MAX_BEAMS, 3, step=1, label="Beams", info="1 is greedy and fastest"),
            gr.Slider(0, 4, 2, step=1, label="Alternatives"),
        ]
        if styles:
            choices = [("its own", ""), *((name, name) for name in styles)]
            settings.append(gr.Dropdown(choices, value="", label="Style"))
    return settings


def _caption_with(captioner: "Captioner", look: Eyes) -> Callable[..., tuple[Any, ...]]:
    """Return the function behind the button; its docstring is what other programs read of it."""

    def caption(
        image: "Image.Image | None", num_beams: int, num_alternatives: int, style: str = ""
    ) -> tuple[str, str, list[tuple["Image.Image", str]], str]:
        """Caption a photo; say how sure the model is and where it looked for every word."""
        if image is None:
            return "", "", [], ""
        search = replace(
            captioner.search,
            num_beams=max(int(num_beams), int(num_alternatives) + 1),
            num_captions=int(num_alternatives) + 1,
            style=style,
        )
        (best,) = captioner.describe(look(image), search=search)
        return best.text, alternatives(best), word_maps(image, best), hint(best)

    return caption
