"""The tab that sets two models side by side."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption.errors import GlimpseError
from caption.web.compare.outcome import Outcome, compared
from caption.web.compare.pair import Pair
from caption.web.compare.sets import MOST_PHOTOS, Dropped, choose, laid_out, named
from caption.web.describe.writers import Writers
from caption.web.following import follow
from caption.web.look.drawn import add_drawn, drawn

if TYPE_CHECKING:
    import gradio as gr

ALONE = "There is nothing to compare with: this page knows one model only."
SETS = f"""\
Drop photos with a list of what people said of them, or an archive (.zip) of both: a table with the
columns `image` and `caption`, a text file beside each photo, COCO, and more. Of more than
{MOST_PHOTOS} photos as many are drawn by lot.
"""


def add_compare(
    tab: "gr.Tab", photo: "gr.Image", writers: Writers, *, folders: bool = False
) -> None:
    """Add two models side by side to their tab: on the photo, and on many with captions.

    Args:
        tab: to add to.
        photo: that both describe.
        writers: the models.
        folders: whether folders of this machine can be named, where no stranger can come in.
    """
    import gradio as gr

    choices = writers.choices
    if len(choices) < 2:
        gr.Markdown(ALONE)
        return
    with gr.Group(elem_classes="settings", visible=len(choices) > 2):
        both = [
            gr.Radio(choices, value=choices[place][1], label=label)
            for place, label in enumerate(("First model", "Second model"))
        ]
    pair = Pair(writers)
    shown = add_drawn(elem_id="pair", value=pair.show(None, *(name for _, name in choices[:2])))
    follow(tab, photo, both, pair.show, shown)
    with gr.Accordion("On many photos with captions", open=False, elem_id="many"):
        _add_sets(writers, both, folders=folders)


def _add_sets(writers: Writers, both: "Sequence[gr.Radio]", *, folders: bool) -> None:
    import gradio as gr

    gr.Markdown(SETS)
    files = named_files()(
        file_count="multiple", label="Photos and captions", elem_id="dropped", height=140
    )
    folder = gr.Textbox(
        label="Or a folder of this machine",
        placeholder="photos/holiday",
        elem_id="folder",
        max_length=4096,
        visible=folders,
    )
    with gr.Row():
        start = gr.Button("Compare", variant="primary", elem_id="compare", min_width=96)
        stop = gr.Button("Stop", elem_id="stop", elem_classes="quiet", min_width=96)
    shown = add_drawn(elem_id="outcome", value="")
    compare = Compare(writers, folders=folders)
    # Beside the other tabs, which need not wait until all photos are captioned.
    running = start.click(
        compare.run,
        [files, folder, *both],
        [shown],
        api_visibility="private",
        concurrency_id="compare",
        concurrency_limit=1,
        show_progress="hidden",
    )
    stop.click(
        lambda: _sentence("Stopped; nothing of it was kept."),
        None,
        [shown],
        cancels=[running],
        api_visibility="private",
        show_progress="hidden",
    )


class Compare:
    """What the page does with many photos for two models."""

    def __init__(self, writers: Writers, *, folders: bool = False) -> None:
        self.writers, self.folders = writers, folders

    def run(
        self, files: list[Dropped] | None, folder: str, first: str, second: str
    ) -> Iterator[str]:
        """Yield as markup how far the comparison is, and then what came of it.

        Args:
            files: that were dropped.
            folder: of this machine, in place of files.
            first: name of a model.
            second: name of another one.
        """
        if first == second:
            yield _sentence("Choose two different models.")
            return
        try:
            with self._opened(files or [], folder if self.folders else "") as place:
                if place is None:
                    yield _sentence("Drop photos and their captions first.")
                    return
                yield _sentence("Reading the captions …")
                chosen = choose(place)
                models = [
                    (self.writers.label(n), self.writers(n).captioner) for n in (first, second)
                ]
                with closing(compared(chosen.images, models, chosen.notes)) as steps:
                    for step in steps:
                        kind = "outcome" if isinstance(step, Outcome) else "progress"
                        yield drawn("set.html", kind=kind, step=step)
        except GlimpseError as error:
            yield _sentence(f"{error.message[:1].upper()}{error.message[1:]}.")
        except OSError as error:
            yield _sentence(f"These files cannot be read: {error.strerror}.")

    def _opened(self, files: list[Dropped], folder: str) -> "AbstractContextManager[Path | None]":
        """Return what makes the folder of the photos, and removes it if it was made for them."""
        if files:
            return laid_out(files)
        return nullcontext(named(folder) if folder.strip() else None)


def _sentence(text: str) -> str:
    return drawn("set.html", kind="sentence", step=text)


@cache
def named_files() -> "type[gr.File]":
    """Return Gradio's files, except that each comes with the name that it had."""
    import gradio as gr

    class NamedFiles(gr.File):
        is_template = True  # it looks like the ordinary one

        def preprocess(self, payload: Any) -> Any:
            if payload is None:
                return None
            given = [payload] if hasattr(payload, "path") else list(payload)
            return [
                Dropped(file.orig_name or Path(file.path).name, Path(file.path)) for file in given
            ]

    return NamedFiles
