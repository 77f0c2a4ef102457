"""Named endpoints of the page for other programs: `describe` and `ask`, photo in, values out.

They have no place on the page. What their docstrings say is what programs, and models that are
offered them as tools, read of them: of each argument the first line.
"""

import math
from typing import TYPE_CHECKING, Any

from caption.errors import DataError, ModelError
from caption.web.events import ONE_AT_A_TIME, as_sentence
from caption.web.eyes import Eyes

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

    from caption.predict import Captioner
    from vqa.predict import QuestionAnswerer


def add_endpoints(
    photo: "gr.Image",
    captioner: "Captioner",
    answerer: "QuestionAnswerer | None",
    look: Eyes,
) -> None:
    """Add what other programs may call to the page."""
    import gradio as gr

    endpoints = Endpoints(captioner, answerer, look)
    said = gr.JSON(visible=False)
    language = gr.Textbox("", visible=False, label="Language")
    _add(endpoints.describe, [photo, language], said)
    if answerer is not None:
        _add(endpoints.ask, [photo, gr.Textbox(visible=False, label="Question")], said)


def _add(call: Any, inputs: "list[gr.Component]", said: "gr.JSON") -> None:
    import gradio as gr

    gr.Button(visible=False).click(call, inputs, said, api_name=call.__name__, **ONE_AT_A_TIME)


class Endpoints:
    """What other programs may call."""

    def __init__(
        self, captioner: "Captioner", answerer: "QuestionAnswerer | None", look: Eyes
    ) -> None:
        self.captioner, self.answerer, self.look = captioner, answerer, look

    def describe(self, image: "Image.Image | None", language: str = "") -> dict[str, Any]:
        """Describe a photo in one sentence; say how sure the model is of it and of every word.

        Args:
            image: the photo, for tools as data:image/jpeg;base64,...
            language: code of the one to describe it in, such as "de"; by default the model's own.
        """
        own = self.captioner.language.code
        try:
            writer = self.captioner.in_language(language or own)
        except ModelError as error:
            raise as_sentence(error.message) from None
        (caption,) = writer.describe(self.look(_given(image)))
        return {
            "caption": caption.text,
            "language": caption.language.code,
            "confidence": caption.confidence,
            "doubt": caption.doubt,
            "words": [
                {"word": word, "probability": math.exp(log_prob)}
                for word, log_prob in zip(caption.shown, caption.log_probs, strict=True)
            ],
            "keywords": list(caption.keywords),
        }

    def ask(self, image: "Image.Image | None", question: str) -> dict[str, Any]:
        """Answer a question about what a photo shows; say how sure the model is.

        Args:
            image: the photo, for tools as data:image/jpeg;base64,...
            question: in English, such as "what colour is the dog?".
        """
        features = self.look(_given(image))
        assert self.answerer is not None  # noqa: S101  # or the page would not offer it
        try:
            (answer,) = self.answerer.ask(features, [question])
        except DataError as error:
            raise as_sentence(error.message) from None
        return {
            "answer": answer.text,
            "confidence": answer.sureness,
            "doubt": answer.doubt,
            "top": [{"answer": text, "probability": p} for text, p in answer.top],
        }


def _given(image: "Image.Image | None") -> "Image.Image":
    if image is None:
        raise as_sentence("Send a photo too.")
    return image
