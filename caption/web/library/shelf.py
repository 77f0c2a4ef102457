"""The library as the page has it: opened when it is needed, and brought up to date beside it."""

import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from caption.errors import DataError
from caption.web.library.job import Job
from caption.web.library.quota import Amount, Quota
from caption.web.places import names_only

if TYPE_CHECKING:
    from caption.library.indexing import Progress, Tally
    from caption.library.library import Library
    from caption.predict import Captioner

BATCH = 16
"""Photos that are captioned before the next word about how far it is."""


class Shelf:
    """A library, what captions it, and what is done with it now."""

    def __init__(
        self,
        path: Path,
        captioner: "Captioner",
        *,
        source: str = "base",
        is_own: bool = True,
        teach: Sequence[str] = (),
        most_dropped: Amount | None = None,
    ) -> None:
        """Prepare; nothing is opened or written yet.

        Args:
            path: of the library's file.
            captioner: writes the captions.
            source: where it is read from: a model directory, hub id or name.
            is_own: whether only people of this machine can come, who may name its folders.
            teach: the command that teaches a captioner, to which options are added; none where
                nothing is to be taught.
            most_dropped: how much may be dropped on the page in all; by default as much as the disk
                takes.
        """
        self.path, self.captioner, self.source = path, captioner, source
        self.is_own, self.teach = is_own, tuple(teach)
        self.quota = Quota(self.dropped, most_dropped or Amount(sys.maxsize, sys.maxsize))
        self.job = Job()
        self.tell_writers: Callable[[str, Captioner], object] = lambda name, captioner: None
        """Is told of a model that the page is to write with."""
        self._library: Library | None = None
        self._turn = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where the library keeps what is its own: photos that were dropped, and models."""
        return self.path.with_name(f"{self.path.stem}-files")

    @property
    def dropped(self) -> Path:
        """Where photos are that were dropped on the page."""
        return self.folder / "photos"

    @property
    def models(self) -> Path:
        """Where the models are that were taught by edits."""
        return self.folder / "models"

    def learnt(self) -> "dict[str, Callable[[], Captioner]]":
        """Return what loads the models that were taught, by name, in the order of their numbers."""
        found = {file.parent.name: file.parent for file in self.models.glob("learnt-*/config.json")}
        names = sorted(found, key=lambda name: (len(name), name))
        return {name: partial(_loaded, found[name]) for name in names}

    def library(self, *, create: bool = False) -> "Library | None":
        """Return the library; None where there is none yet.

        Args:
            create: whether to begin one.

        Raises:
            DataError: it cannot be opened.
        """
        from caption.library.library import Library

        with self._turn:
            if self._library is not None and not self._library.database.is_open:
                self._library = None  # it was damaged, and has another name now
            if self._library is None and (create or self.path.exists()):
                self._library = Library(self.path)
            return self._library

    def there(self) -> "Library":
        """Return the library.

        Raises:
            DataError: there is none yet, or it cannot be opened.
        """
        library = self.library()
        if library is None:
            raise DataError("there are no photos yet; add some first")
        return library

    def told(self, message: str) -> str:
        """Return a message as whoever reaches the page may read it.

        Where files lie is nobody's business but that of people of this machine.
        """
        if self.is_own:
            return message
        try:
            library = self.library()
            folders = [] if library is None else library.folders().values()
        except DataError:
            folders = []
        return names_only(message, [self.path.parent, self.folder, *folders])

    def close(self) -> None:
        """Stop what is running, and let go of the file."""
        self.job.stop()
        self.job.wait()
        if self._library is not None:
            self._library.close()

    def look(
        self, *, folder: Path | None = None, again: bool = False, language: str | None = None
    ) -> None:
        """Begin to look for new photos.

        Args:
            folder: that is to belong to the library.
            again: whether to look at all photos again that another model has captioned.
            language: code of the one to write; by default the one that the library is kept in.

        Raises:
            DataError: something is running, or there is no such folder.
            ModelError: the captioner has not learnt the language.
        """
        if language is not None:
            self.captioner.in_language(language)
        if folder is not None and not folder.is_dir():
            raise DataError(f"{str(folder)!r}: no such folder; give the folder of the photos")
        look = partial(self._look, folder=folder, again=again, language=language)
        self.job.start("looking for photos", look)

    def _look(self, job: Job, *, folder: Path | None, again: bool, language: str | None) -> str:
        from caption.library.indexing import index
        from caption.library.languages import writer_for
        from caption.library.library import Library

        def tell(progress: "Progress") -> None:
            job.tell("captioning", progress.done, progress.total, progress.seconds_left)

        # Its own connection, so that nobody else waits while it writes.
        with Library(self.path) as library:
            if folder is not None:
                library.add_folder(folder)
            if self.dropped.is_dir():
                library.add_folder(self.dropped)
            tally = index(
                library,
                writer_for(library, self.captioner, language),
                batch_images=BATCH,
                again=again,
                progress=tell,
                stop=lambda: job.is_stopping,
            )
        return told(tally, is_stopped=job.is_stopping)


def _loaded(model: Path) -> "Captioner":
    from caption.predict import Captioner

    return Captioner.from_pretrained(model)


def told(tally: "Tally", *, is_stopped: bool) -> str:
    """Return what became of the photos, in a sentence."""
    counts = {
        "captioned": tally.num_captioned,
        "cannot be read": tally.num_broken,
        "moved": tally.num_moved,
        "gone": tally.num_gone,
        "as before": tally.num_unchanged,
        "left": tally.num_left,
    }
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    away = "".join(f"; {folder.name} is not there now" for folder in tally.unavailable)
    begin = "Stopped, and it can go on later" if is_stopped else "Done"
    return f"{begin}: {said or 'nothing to do'}{away}"
