"""The page: one photo, and a tab for each thing to be had of it."""

from typing import TYPE_CHECKING

from caption.web.describe import add_captions
from caption.web.eyes import Eyes
from caption.web.photo import add_photo
from vqa.web.ask import add_dialog
from vqa.web.endpoints import add_endpoints

if TYPE_CHECKING:
    import gradio as gr

    from caption.predict import Captioner
    from vqa.predict import QuestionAnswerer

INTRODUCTION = """\
# Glimpse
A small captioner that shows where it looked for every word, and answers questions. Photos stay on
this machine.
"""
NO_ANSWERER = """\
This captioner sees with an encoder of its own, which the question answerer in the package does not
know. Train one for it with `glimpse train answers --captioner` and give it as `--ask-model`.
"""
LIMITS = """\
The models that come with Glimpse learnt from 6,000 photos of people and dogs, mostly outdoors, and
for answers also from 800 of rooms. They name what they have seen there and guess at the rest: they
read no text, count badly, and what they say of people is a habit of their training data, not
knowledge. Example photos: public domain and CC0, see `caption/examples/CREDITS.md`.
"""


def build_app(captioner: "Captioner", answerer: "QuestionAnswerer | None" = None) -> "gr.Blocks":
    """Return the page around a captioner and, if there is one, a question answerer."""
    import gradio as gr

    look = Eyes(captioner.extract)
    with gr.Blocks(title="Glimpse", delete_cache=(600, 3600)) as app:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                photo = add_photo()
            with gr.Column(scale=3, min_width=300):
                with gr.Tab("Caption"):
                    add_captions(photo, captioner, look)
                with gr.Tab("Ask"):
                    if answerer is None:
                        gr.Markdown(NO_ANSWERER)
                    else:
                        add_dialog(photo, answerer, look)
        gr.Markdown(LIMITS)
        add_endpoints(photo, captioner, answerer, look)
    app.queue(max_size=32)
    return app
