"""The tab in which the photo is asked about, in a dialog."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption.web.events import ONE_AT_A_TIME
from caption.web.eyes import Eyes
from caption.web.look.parts import add_scripted
from vqa.web.exchange import Exchange, asked, exchange
from vqa.web.suggestions import USUAL, suggestions

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

    from vqa.predict import QuestionAnswerer

LOOK = Path(__file__).parent / "look"
LONGEST = 1000
"""Letters of a question."""
Answered = tuple[str, list[Exchange], list[Exchange]]
"""The emptied question, and the dialog twice: to remember and to show."""


def add_dialog(
    photo: "gr.Image", answerer: "QuestionAnswerer", look: Eyes, said: "gr.State"
) -> None:
    """Add the dialog about the photo to the page.

    Args:
        photo: that is asked about.
        answerer: answers.
        look: sees the photo, once for all questions.
        said: holds the captions of the photo, from which questions to ask are made.
    """
    import gradio as gr

    dialog = Dialog(answerer, look)
    exchanges = gr.State([])
    shown = add_scripted(LOOK / "chat.js", elem_id="chat", value=[])
    chips = add_scripted(LOOK / "chips.js", elem_id="chips", value=list(USUAL))
    with gr.Row(elem_classes="asking"):
        question = gr.Textbox(
            label="Your question",
            elem_id="question",
            placeholder="what colour is it?",
            max_length=LONGEST,
            scale=4,
        )
        button = gr.Button("Ask", variant="primary", scale=0, min_width=96)
    over = gr.Button("Start over", elem_id="over", elem_classes="quiet")

    # Gradio reads these types to know what it is to pass, so all of them must be there to read.
    def choose(image: Any, exchanges: list[Exchange], event: gr.EventData) -> Answered:
        return dialog.reply(image, str(event._data.get("text", ""))[:LONGEST], exchanges)

    private: dict[str, Any] = {"api_visibility": "private"}
    told = [question, exchanges, shown]
    for event in (button.click, question.submit):
        event(dialog.reply, [photo, question, exchanges], told, **private, **ONE_AT_A_TIME)
    chips.select(choose, [photo, exchanges], told, **private, **ONE_AT_A_TIME)
    # Of another photo nothing has been said.
    for event in (photo.change, over.click):
        event(lambda: ("", [], []), None, told, **private)
    said.change(dialog.suggest, [said], [chips], **private)


class Dialog:
    """What the page does with questions about a photo."""

    def __init__(self, answerer: "QuestionAnswerer", look: Eyes) -> None:
        self.answerer, self.look = answerer, look

    def reply(
        self, image: "Image.Image | None", question: str, exchanges: list[Exchange]
    ) -> Answered:
        """Answer a question with what was said before in mind."""
        from vqa.question import Turn

        turns = [Turn(one["question"], one["answer"]) for one in exchanges]
        answer = asked(self.answerer, self.look, image, question, turns)
        exchanges = [*exchanges, exchange(question, answer)]
        return "", exchanges, exchanges

    def suggest(self, captions: list[str]) -> list[str]:
        """Return questions for the photo with these captions."""
        return suggestions(captions, self.answerer.understands)
