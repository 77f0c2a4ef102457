"""The tab that captions the photo and shows where the model looked for every word.

What a model recognises, if it does, stands below the caption, and whoever knows better says so.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from caption.errors import GlimpseError
from caption.web.events import ONE_AT_A_TIME, as_sentence
from caption.web.eyes import Eyes
from caption.web.maps import add_gallery, word_maps
from caption.web.recognised import add_words, all_checked, corrections
from caption.web.wording import alternatives, hint, title

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

    from caption.predict import Captioner
    from caption.vision.features import ImageFeatures

MAX_BEAMS = 8
Described = tuple[str, str, list[tuple["Image.Image", str]], str]
"""The caption, its alternatives, a map for each word with its label, and what they say."""
Shown = tuple[str, str, list[tuple["Image.Image", str]], str, str]
"""These and whether it is a guess."""
NOTHING: Shown = ("", "", [], "", "")
"""What is shown without a photo."""


def add_captions(photo: "gr.Image", captioner: "Captioner", look: Eyes) -> None:
    """Add the captions of the photo, what they are written from and how, to the page."""
    import gradio as gr

    shown: dict[str, Any] = {"interactive": False, "lines": 2}
    shown["rtl"] = captioner.language.is_right_to_left
    text = gr.Textbox(label=title(captioner.language), elem_id="caption", **shown)
    doubt = gr.Markdown(elem_id="doubt", elem_classes="hint")
    words = add_words() if captioner.reads_concepts else None
    others = gr.Textbox(label="Alternatives", elem_id="alternatives", **shown)
    maps = add_gallery("Where it looked for each word", elem_id="maps")
    what_maps_say = gr.Markdown(elem_classes="hint")
    settings = _add_settings(captioner.model.decoder.config.styles)
    button = gr.Button("Caption", variant="primary")
    told: list[gr.Component] = [text, others, maps, what_maps_say]
    describe = Describe(captioner, look)
    asked = [photo, *settings]
    # What is more on the page is not for other programs, which call this as they always have.
    gr.Button(visible=False).click(
        describe.caption, asked, told, api_name="caption", **ONE_AT_A_TIME
    )
    told = [*told, doubt]
    private: dict[str, Any] = {"api_visibility": "private", **ONE_AT_A_TIME}
    # Uploads and examples are captioned at once; the button is for other settings.
    if words is None:
        for event in (button.click, photo.change):
            event(describe.plain, asked, told, **private)
        return
    recognised, also = words
    for event in (button.click, recognised.input, also.submit):
        event(describe.corrected, [photo, recognised, also, *settings], told, **private)
    photo.change(describe.anew, asked, [recognised, also, *told], **private)


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


class Describe:
    """What the page does with a photo, which is looked at once for all captions."""

    def __init__(self, captioner: "Captioner", look: Eyes) -> None:
        self.captioner, self.look = captioner, look

    def caption(
        self,
        image: "Image.Image | None",
        num_beams: int,
        num_alternatives: int,
        style: str = "",
    ) -> Described:
        """Caption a photo; say how sure the model is and where it looked for every word."""
        text, others, maps, hints, _ = self.plain(image, num_beams, num_alternatives, style)
        return text, others, maps, hints

    def plain(self, image: "Image.Image | None", *settings: Any) -> Shown:
        """Caption a photo that nobody has corrected."""
        return NOTHING if image is None else self._described(image, self.look(image), {}, *settings)

    def anew(self, image: "Image.Image | None", *settings: Any) -> tuple[Any, ...]:
        """Say what is recognised in a photo that nobody has corrected yet, and caption it."""
        if image is None:
            return all_checked({}), "", *NOTHING
        seen = self.look(image)
        words = all_checked(self.captioner.recognise(seen)[0])
        return words, "", *self._described(image, seen, {}, *settings)

    def corrected(
        self, image: "Image.Image | None", checked: list[str], also: str, *settings: Any
    ) -> Shown:
        """Caption a photo of which a person has said what it shows."""
        if image is None:
            return NOTHING
        seen = self.look(image)
        concepts = corrections(self.captioner.recognise(seen)[0], checked, also)
        try:
            return self._described(image, seen, concepts, *settings)
        except GlimpseError as error:
            raise as_sentence(error.message) from None

    def _described(
        self,
        image: "Image.Image",
        seen: "ImageFeatures",
        concepts: dict[str, float],
        num_beams: int,
        num_alternatives: int,
        style: str = "",
    ) -> Shown:
        search = replace(
            self.captioner.search,
            num_beams=max(int(num_beams), int(num_alternatives) + 1),
            num_captions=int(num_alternatives) + 1,
            style=style,
        )
        (best,) = self.captioner.describe(seen, search=search, concepts=concepts)
        maps = word_maps(image, best)
        return best.text, alternatives(best), maps, hint(best), best.doubt or ""
