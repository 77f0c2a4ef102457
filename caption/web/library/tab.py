"""The tab of the library; what it shows is drawn by scripts, which ask `routes` for it."""

from pathlib import Path
from typing import Any

from caption.errors import DataError
from caption.files.records import as_unicode
from caption.web.describe.writers import Writers
from caption.web.events import as_sentence
from caption.web.library.shelf import Shelf
from caption.web.look.parts import add_scripted

LOOK = Path(__file__).parents[1] / "look"
MOST = 100
"""Photos that a program is told of at once."""


def add_library(shelf: Shelf, writers: Writers) -> None:
    """Add the tab of a library to the page, and the endpoint `search` for other programs.

    Args:
        shelf: the library.
        writers: of the page, which are told of models that have learnt from edits.
    """
    import gradio as gr

    shelf.tell_writers = writers.prefer
    with gr.Tab("Library", elem_id="library"):
        for part in ("adding", "teaching", "shelf"):
            add_scripted(LOOK / f"{part}.js", elem_id=part)
        with gr.Column(visible=False):
            gr.Button().click(
                searching(shelf),
                [gr.Textbox(label="Text"), gr.Number(20, label="Limit", precision=0)],
                gr.JSON(),
                api_name="search",
            )


def searching(shelf: Shelf) -> Any:
    """Return the function that programs call; its docstring is what they read of it."""

    def search(text: str, limit: int = 20) -> list[dict[str, Any]]:
        """Find photos of the library by what their captions say, the best first.

        Args:
            text: words that must be there, "a phrase", sail* for a beginning, -word for none of it.
            limit: most photos to return.
        """
        try:
            library = shelf.library()
            photos = [] if library is None else library.search(text, limit=min(max(limit, 0), MOST))
        except DataError as error:
            raise as_sentence(shelf.told(error.message)) from None
        return [
            {
                "photo": photo.photo_id,
                "name": as_unicode(photo.name),
                "caption": photo.caption,
                "language": photo.language.code,
                "is_edited": photo.edited is not None,
                "confidence": photo.confidence,
                "tags": list(photo.tags),
                "thumbnail": f"/library/photos/{photo.photo_id}/thumbnail",
            }
            for photo in photos
        ]

    return search
