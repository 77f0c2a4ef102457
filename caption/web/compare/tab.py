"""The tab that sets two models side by side."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption.errors import DataError, GlimpseError
from caption.web.compare.outcome import Outcome, compared
from caption.web.compare.pair import Pair
from caption.web.compare.sets import MOST_PHOTOS, Dropped, choose, laid_out, named
from caption.web.describe.choice import add_choice, offering
from caption.web.describe.writers import Writers
from caption.web.events import QUIET
from caption.web.following import follow
from caption.web.look.drawn import add_drawn, drawn

if TYPE_CHECKING:
    import gradio as gr

ALONE = "There is nothing to compare with: this page knows one model of one language only."
SETS = f"""\
Choose or drop photos with a list of what people said of them, or an archive (.zip) of both: a table
with the columns `image` and `caption`, a text file beside each photo, COCO, and more. Of more than
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

    names = [name for _, name in writers.choices]
    codes = writers.first.captioner.languages
    if len(names) < 2 and len(codes) < 2:
        gr.Markdown(ALONE)
        return
    with gr.Group(elem_classes="settings", visible=len(names) > 2 or len(codes) > 1):
        first = add_choice(writers, label="First model", elem_id="first")
        second = add_choice(
            writers,
            label="Second model",
            elem_id="second",
            name=names[1] if len(names) > 1 else names[0],
            language="" if len(names) > 1 else codes[1],
        )
    both = [*first, *second]
    pair = Pair(writers)
    shown = add_drawn(elem_id="pair", value=pair.show(None))
    for model, language in (first, second):
        for event in (model.input, tab.select):
            event(offering(writers), [model, language], [language], **QUIET)
    follow(tab, photo, both, pair.show, shown)
    with gr.Accordion("On many photos with captions", open=False, elem_id="many"):
        _add_sets(writers, both, folders=folders)


def _add_sets(writers: Writers, both: "Sequence[gr.Radio]", *, folders: bool) -> None:
    import gradio as gr

    compare = Compare(writers)
    gr.Markdown(SETS)
    files = named_files()(
        "Choose photos and captions",
        file_count="multiple",
        variant="primary",
        elem_id="choose",
    )
    starts: list[Any] = [(files.upload, compare.of_files, files)]
    if folders:
        folder = gr.Textbox(
            label="Or a folder of this machine",
            info="Then press Enter.",
            placeholder="photos/holiday",
            elem_id="folder",
            max_length=4096,
        )
        starts.append((folder.submit, compare.of_folder, folder))
    stop = gr.Button("Stop", elem_id="stop", elem_classes="quiet")
    shown = add_drawn(elem_id="outcome", value="")
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    # Beside the other tabs, which need not wait until all photos are captioned.
    alone: dict[str, Any] = {"concurrency_id": "compare", "concurrency_limit": 1}
    running = [
        start(run, [given, *both], [shown], **private, **alone) for start, run, given in starts
    ]
    stopped = _sentence("Stopped; nothing of it was kept.")
    stop.click(lambda: stopped, None, [shown], cancels=running, **private)


class Compare:
    """What the page does with many photos for two models."""

    def __init__(self, writers: Writers) -> None:
        self.writers = writers

    def of_files(self, files: list[Dropped] | None, *chosen: str) -> Iterator[str]:
        """Yield as markup how far a comparison on dropped files is, and then what came of it.

        Args:
            files: photos and captions.
            chosen: the name of a model and the code of a language that it writes, and another two.
        """
        yield from self._run(laid_out(files or []), chosen)

    def of_folder(self, folder: str, *chosen: str) -> Iterator[str]:
        """Yield the same of a folder of this machine."""
        try:
            yield from self._run(nullcontext(named(folder)), chosen)
        except DataError as error:
            yield _refusal(error)

    def _run(self, opened: "AbstractContextManager[Path]", chosen: Sequence[str]) -> Iterator[str]:
        """Yield how far a comparison is, on what has to be opened first."""
        try:
            models = [self.writers.one(*one) for one in (chosen[:2], chosen[2:])]
            if models[0][1] is models[1][1]:
                yield _sentence("Choose two different models, or languages.")
                return
            with opened as folder:
                yield _sentence("Reading the captions …")
                photos = choose(folder)
                with closing(compared(photos.images, models, photos.notes)) as steps:
                    for step in steps:
                        kind = "outcome" if isinstance(step, Outcome) else "progress"
                        yield drawn("set.html", kind=kind, step=step)
        except GlimpseError as error:
            yield _refusal(error)
        except OSError as error:
            yield _sentence(f"These files cannot be read: {error.strerror}.")


def _refusal(error: GlimpseError) -> str:
    return _sentence(f"{error.message[:1].upper()}{error.message[1:]}.")


def _sentence(text: str) -> str:
    return drawn("set.html", kind="sentence", step=text)


@cache
def named_files() -> "type[gr.UploadButton]":
    """Return Gradio's button for files, except that each comes with the name that it had."""
    import gradio as gr

    class NamedFiles(gr.UploadButton):
        is_template = True  # it looks like the ordinary one

        def preprocess(self, payload: Any) -> Any:
            if payload is None:
                return None
            given = [payload] if hasattr(payload, "path") else list(payload)
            return [
                Dropped(file.orig_name or Path(file.path).name, Path(file.path)) for file in given
            ]

    return NamedFiles
