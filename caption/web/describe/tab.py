"""The tab that captions the photo.

What a model recognises, if it does, stands below the caption, and whoever knows better says so.
"""

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption.errors import GlimpseError
from caption.web.describe.card import Card, card
from caption.web.describe.choice import add_choice, offering
from caption.web.describe.manners import (
    CAREFUL,
    LENGTHS,
    MANNERS,
    MEDIUM,
    is_by_chance,
    searching,
)
from caption.web.describe.programs import add_endpoint, style_choices
from caption.web.describe.recognised import add_words, all_checked, corrections
from caption.web.describe.writers import Writers
from caption.web.events import ONE_AT_A_TIME, as_sentence
from caption.web.look.parts import add_scripted

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

    from caption.predict import Captioner

SCRIPT = Path(__file__).parents[1] / "look" / "card.js"
ALMOST_CERTAIN = 0.99
"""Of what a person says is there, where captions are drawn by chance, which promises no word."""
Told = tuple[Card, list[str]]
"""The caption for the page, and the sentences for other tabs."""


def add_captions(photo: "gr.Image", writers: Writers) -> "gr.State":
    """Add the captions of the photo, what they are written from and how, to the page.

    Returns:
        What holds the sentences, best first.
    """
    import gradio as gr

    shown = add_scripted(SCRIPT, elem_id="caption", value=card([], model=writers.name))
    said = gr.State([])
    words = add_words() if writers.first.captioner.reads_concepts else None
    manner, length, model, language, *style = settings = _add_settings(writers)
    again = gr.Button("Describe again", elem_id="again", elem_classes="quiet")
    describe = Describe(writers)
    # A model may have been taught since the page was built.
    gr.on(None, describe.models, None, [model, language], api_visibility="private")
    # What is said while a caption is being written counts too, and what is said last wins.
    private: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}
    private |= ONE_AT_A_TIME
    asked, told = [photo, *settings], [shown, said]
    changed = (again.click, *(part.input for part in (manner, length, *style)))
    model.input(describe.languages, [model, language], [language], **private)
    if words is None:
        for event in (*changed, model.input, language.input, photo.change):
            event(describe.plain, asked, told, **private)
    else:
        recognised, also = words
        for event in (*changed, recognised.input, also.submit):
            event(describe.corrected, [photo, recognised, also, *settings], told, **private)
        for event in (model.input, language.input, photo.change):
            event(describe.anew, asked, [recognised, also, *told], **private)
    add_endpoint(photo, writers.first)
    return said


def _add_settings(writers: Writers) -> list[Any]:
    """Add how to write: manner, length, model, language, and the style if there are several."""
    import gradio as gr

    styles = writers.first.captioner.model.decoder.config.styles
    with gr.Group(elem_classes="settings"):
        settings: list[Any] = [
            gr.Radio(_titled(MANNERS), value=CAREFUL, label="Manner", elem_id="manner"),
            gr.Radio(_titled(LENGTHS), value=MEDIUM, label="Length", elem_id="length"),
            *add_choice(writers, elem_id="model", with_all=True),
        ]
        if styles:
            settings.append(gr.Dropdown(style_choices(styles), value="", label="Style"))
    return settings


def _titled(names: Any) -> list[tuple[str, str]]:
    return [(name.capitalize(), name) for name in names]


class Describe:
    """What the page does with a photo, which is looked at once for all captions."""

    def __init__(self, writers: Writers) -> None:
        self.writers = writers
        self.languages = offering(writers, with_all=True)

    def plain(self, image: "Image.Image | None", *settings: str) -> Told:
        """Caption a photo that nobody has corrected."""
        return self._described(image, {}, *settings)

    def models(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Let people choose from the models that there are by now, and the languages of one."""
        import gradio as gr

        choices, name = self.writers.choices, self.writers.name
        models = gr.update(choices=choices, value=name, visible=len(choices) > 1)
        return models, self.languages(name, "")

    def anew(self, image: "Image.Image | None", *settings: str) -> tuple[Any, ...]:
        """Say what is recognised in a photo that nobody has corrected yet, and caption it."""
        import gradio as gr

        _, _, model, language, *_ = settings
        is_read = self._reader(model, language) is not None
        recognised = self._recognised(image, model, language)
        words = all_checked(recognised, is_read=is_read)
        also = gr.update(value="", visible=is_read)
        return words, also, *self._described(image, {}, *settings)

    def corrected(
        self, image: "Image.Image | None", checked: list[str], also: str, *settings: str
    ) -> Told:
        """Caption a photo of which a person has said what it shows."""
        manner, _, model, language, *_ = settings
        concepts = corrections(self._recognised(image, model, language), checked, also)
        if is_by_chance(manner):
            concepts = {word: min(share, ALMOST_CERTAIN) for word, share in concepts.items()}
        return self._described(image, concepts, *settings)

    def _reader(self, model: str, language: str) -> "Captioner | None":
        """Return what writes from recognised words, if it alone is to write."""
        first, *others = self._writers(model, language)
        return first if first.reads_concepts and not others else None

    def _writers(self, model: str, language: str) -> "list[Captioner]":
        try:
            return self.writers.speaking(model, language)
        except GlimpseError as error:
            raise as_sentence(error.message) from None

    def _recognised(
        self, image: "Image.Image | None", model: str, language: str
    ) -> dict[str, float]:
        reader = self._reader(model, language)
        if image is None or reader is None:
            return {}
        return reader.recognise(self.writers(model).look(image))[0]

    def _described(
        self,
        image: "Image.Image | None",
        concepts: dict[str, float],
        manner: str,
        length: str,
        model: str,
        language: str,
        style: str = "",
    ) -> Told:
        captioners = self._writers(model, language)
        if image is None:
            return card([], model=model), []
        features = self.writers(model).look(image)
        search = searching(captioners[0].search, manner, length, style)
        seed = random.randrange(2**31) if is_by_chance(manner) else 0
        try:
            found = [
                captioner.describe(features, search=search, seed=seed, concepts=concepts)[0]
                for captioner in captioners
            ]
        except GlimpseError as error:
            raise as_sentence(error.message) from None
        # Questions are English, and so is what suggests them.
        english = [best for best in found if best.language.is_english]
        sentences = [one.text for best in english for one in (best, *best.alternatives)]
        return card(found, model=model), sentences
