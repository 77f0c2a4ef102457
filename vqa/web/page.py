"""The page: one photo, and a tab for each thing to be had of it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from caption.web.compare.tab import add_compare
from caption.web.describe.tab import add_captions
from caption.web.describe.writers import Writers
from caption.web.examples import add_examples
from caption.web.eyes import Eyes
from caption.web.inside.tab import add_inside
from caption.web.library.tab import add_library
from caption.web.look.parts import add_header
from caption.web.photo import add_photo
from vqa.web.ask import add_dialog
from vqa.web.endpoints import add_endpoints

if TYPE_CHECKING:
    import gradio as gr

    from caption.predict import Captioner
    from caption.web.library.shelf import Shelf
    from vqa.predict import QuestionAnswerer

INTRODUCTION = "Says what it sees, and shows where it looked. Photos stay on this machine."
NO_ANSWERER = """\
This captioner sees with an encoder of its own, which the question answerer in the package does not
know. Train one for it with `glimpse train answers --captioner` and give it as `--ask-model`.
"""
LIMITS = """\
The models that come with Glimpse learnt from 6,000 photos of people and dogs, mostly outdoors, and
for answers also from 800 of rooms. They name what they have seen there and guess at the rest: they
read no text, count badly, and what they say of people is a habit of their training data, not
knowledge. Questions and answers are English. Example photos: public domain and CC0, see
`caption/examples/CREDITS.md`.
"""


def build_app(
    captioner: "Captioner",
    answerer: "QuestionAnswerer | None" = None,
    *,
    name: str = "base",
    others: "Mapping[str, Callable[[], Captioner]] | None" = None,
    shelf: "Shelf | None" = None,
    folders: bool = False,
) -> "gr.Blocks":
    """Return the page around a captioner and, if there is one, a question answerer.

    Args:
        captioner: describes photos.
        answerer: answers questions about them, seeing with the captioner's eyes.
        name: what the captioner is called.
        others: what loads other captioners, by the names that people choose them by.
        shelf: the library of the page; its routes are to be served beside it.
        folders: whether folders of this machine can be named, where no stranger can come in.
    """
    import gradio as gr

    look = Eyes(captioner.extract)
    writers = Writers(captioner, look, name=name, others=others)
    with gr.Blocks(title="Glimpse", delete_cache=(600, 3600)) as app:
        add_header(INTRODUCTION)
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=300, elem_classes="beside"):
                photo = add_photo()
                add_examples(app, photo, captioner, look)
            with gr.Column(scale=5, min_width=300), gr.Tabs():
                with gr.Tab("Describe"):
                    said = add_captions(photo, writers)
                with gr.Tab("Ask"):
                    if answerer is None:
                        gr.Markdown(NO_ANSWERER)
                    else:
                        add_dialog(photo, answerer, look, said)
                if shelf is not None:
                    add_library(shelf, writers)
                with gr.Tab("Compare") as tab:
                    add_compare(tab, photo, writers, folders=folders)
                with gr.Tab("Look inside") as tab:
                    add_inside(tab, photo, writers)
        gr.Markdown(LIMITS, elem_classes="limits")
        add_endpoints(photo, captioner, answerer, look)
    return app
