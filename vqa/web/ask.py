"""The tab in which the photo is asked about, in a dialog."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from caption.errors import DataError
from caption.web.events import ONE_AT_A_TIME, as_sentence
from caption.web.eyes import Eyes
from caption.web.maps import add_gallery
from caption.web.wording import percent

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

    from vqa.predict import Answer, QuestionAnswerer
    from vqa.question import Turn

QUESTIONS = ("is there a dog?", "what is the man doing?", "what colour is the shirt?")


def add_dialog(photo: "gr.Image", answerer: "QuestionAnswerer", look: Eyes) -> None:
    """Add the dialog about the photo to the page."""
    import gradio as gr

    turns = gr.State([])
    chat = gr.Chatbot(
        label="Questions and answers",
        elem_id="chat",
        height=300,
        render_markdown=False,
        buttons=["copy_all"],  # without the one that would share it
    )
    question = gr.Textbox(
        label="Question",
        elem_id="question",
        placeholder="is there a dog?  then: what colour is it?",
        max_length=1000,
    )
    button = gr.Button("Ask", variant="primary")
    gr.Examples([[text] for text in QUESTIONS], [question], label="Such as")
    top = gr.Label(label="Best five answers", elem_id="top", num_top_classes=5)
    maps = add_gallery("Where it looked", elem_id="glimpses")
    options: dict[str, Any] = {
        "fn": _talk_with(answerer, look),
        "inputs": [photo, question, turns, chat],
        "outputs": [question, turns, chat, top, maps],
        **ONE_AT_A_TIME,
    }
    # For other programs there is `ask`; this one keeps what was said on the page.
    button.click(api_name="talk", api_visibility="undocumented", **options)
    question.submit(api_visibility="private", **options)
    chat.clear(list, None, [turns], api_visibility="private")
    # Of another photo nothing has been said.
    photo.change(
        lambda: ([], [], None, []), None, [turns, chat, top, maps], api_visibility="private"
    )


def _talk_with(answerer: "QuestionAnswerer", look: Eyes) -> Callable[..., tuple[Any, ...]]:
    """Return the function behind the button; its docstring is what other programs read of it."""
    from vqa.question import Turn

    def talk(
        image: "Image.Image | None", question: str, turns: "list[Turn]", chat: list[Any]
    ) -> tuple[Any, ...]:
        """Answer a question about a photo; say how sure the model is and where it looked."""
        if image is None:
            raise as_sentence("Upload a photo first, or click an example.")
        try:
            (answer,) = answerer.ask(look(image), [question], history=turns)
        except DataError as error:
            raise as_sentence(error.message) from None
        said = [*chat, _message("user", question), _message("assistant", _reply(answer))]
        turns = [*turns, Turn(question, answer.text)]
        return "", turns, said, dict(answer.top), _glimpses(image, answer)

    return talk


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _reply(answer: "Answer") -> str:
    shown = f"{answer.text} ({percent(answer.sureness)} sure)"
    return f"{shown}\n{answer.doubt}" if answer.doubt else shown


def _glimpses(image: "Image.Image", answer: "Answer") -> list[tuple["Image.Image", str]]:
    from caption.vision.overlay import heat_maps

    return [
        (drawn, f"glimpse {number}")
        for number, drawn in enumerate(heat_maps(image, answer.attention), start=1)
    ]
