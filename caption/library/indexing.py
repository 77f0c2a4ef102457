"""A library is brought up to date with its folders: what is new is captioned, what moved is found.

Every batch is written whole and at once, so a run that is stopped or killed anywhere goes on where
it was, and what a person wrote is never touched.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from caption.errors import DataError
from caption.files.locate import is_inside
from caption.files.paths import ImageFile, list_images
from caption.files.writing import sha256
from caption.library.examples import mark_changed, write_features
from caption.library.library import Library, forget_photos
from caption.library.matching import Known, Match, Spot, Stamp, match
from caption.library.photos import refresh
from caption.vision.image import pixel_digest
from caption.vision.thumbnail import small_jpeg

if TYPE_CHECKING:
    from PIL import Image

    from caption.predict import Captioner, DescribedFile


@dataclass(frozen=True)
class Progress:
    """How far it is."""

    done: int
    total: int
    """Photos to be captioned, however many there are in all."""
    seconds: float
    """Since the first of them."""

    @property
    def seconds_left(self) -> float | None:
        """How long it will take about; None as long as nobody can know."""
        return self.seconds / self.done * (self.total - self.done) if self.done else None


@dataclass(frozen=True)
class Tally:
    """What became of the photos."""

    num_captioned: int = 0
    num_broken: int = 0
    """Of those that were looked at now."""
    num_moved: int = 0
    """Known photos that are the same as ever, but touched, at another place, or back again."""
    num_gone: int = 0
    """Whose files are nowhere any more."""
    num_unchanged: int = 0
    num_left: int = 0
    """To be captioned the next time: it was stopped, or they were gone before they were read."""
    unavailable: tuple[Path, ...] = ()
    """Folders that are not there now; what is known of their photos stays."""


def index(
    library: Library,
    captioner: "Captioner",
    *,
    batch_images: int = 64,
    again: bool = False,
    progress: Callable[[Progress], object] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Tally:
    """Bring a library up to date with its folders.

    Args:
        library: whose folders are looked through.
        captioner: writes the captions.
        batch_images: photos that are captioned, and written down, at once.
        again: whether to look also at photos that another model has captioned, or that could not be
            read. Captions that people wrote stay.
        progress: is told after every batch.
        stop: is asked before every photo whether to stop; what is done stays done.

    Raises:
        DataError: another process does the same, the disk is full, or a folder vanishes.
    """
    with library.alone():
        folders = library.folders()
        found = {number: _look_through(folder) for number, folder in folders.items()}
        there = {
            Spot(number, name): stamp
            for number, stamps in found.items()
            for name, stamp in (stamps or {}).items()
        }
        known = [photo for photo in _known(library) if found.get(photo.spot.root) is not None]
        matched = match(known, there, lambda spot: _content(folders[spot.root], spot.name))
        _settle(library, matched, there)
        to_do: dict[Spot, int | None] = {**dict.fromkeys(matched.new), **matched.replaced}
        if again:
            to_do |= _outdated(library, captioner.model.fingerprint(), there)
        work = _Work(library, captioner, folders, there, dict(sorted(to_do.items())))
        captioned, broken = work.run(batch_images, progress, stop)
        return Tally(
            captioned,
            broken,
            len(matched.settled),
            len(matched.gone),
            matched.num_unchanged,
            len(to_do) - captioned - broken,
            tuple(folder for number, folder in folders.items() if found[number] is None),
        )


def _look_through(folder: Path) -> dict[str, Stamp] | None:
    """Return the pictures of a folder; None if it is not there, or not any more."""
    found = {}
    if not folder.is_dir():
        return None
    for path in list_images(folder):
        try:
            status = path.stat()
        except OSError:
            continue
        name = path.relative_to(folder).as_posix()
        found[name] = Stamp(status.st_size, status.st_mtime_ns)
    return found if folder.is_dir() else None


def _content(folder: Path, name: str) -> bytes | None:
    """Return a digest of a file that lies in the folder; None if it cannot be read."""
    path = folder / name
    try:
        return bytes.fromhex(sha256(path)) if is_inside(path, folder) else None
    except OSError:
        return None


def _known(library: Library) -> list[Known]:
    with library.database.reading() as connection:
        rows = connection.execute(
            "SELECT id, root, name, size, modified, content, missing FROM photos"
        ).fetchall()
    return [
        Known(
            photo_id, Spot(root, os.fsdecode(name)), Stamp(size, modified), content, bool(missing)
        )
        for photo_id, root, name, size, modified, content, missing in rows
    ]


def _settle(library: Library, matched: Match, there: Mapping[Spot, Stamp]) -> None:
    """Write down where known photos are now, and which are gone."""
    if not matched.settled and not matched.gone:
        return
    with library.database.writing() as connection:
        # All leave their places before any takes one: two may have changed theirs.
        for photo_id in (*matched.settled, *matched.gone):
            connection.execute("UPDATE photos SET missing = 1 WHERE id = ?", (photo_id,))
        for photo_id, spot in matched.settled.items():
            connection.execute(
                "UPDATE photos SET root = ?, name = ?, size = ?, modified = ?, missing = 0 "
                "WHERE id = ?",
                (spot.root, os.fsencode(spot.name), *there[spot], photo_id),
            )
        worthless = connection.execute(
            "SELECT id FROM photos WHERE missing = 1 AND error IS NOT NULL AND edited IS NULL"
        ).fetchall()
        forget_photos(connection, [row[0] for row in worthless])
        refresh(connection, (*matched.settled, *matched.gone))


def _outdated(library: Library, model: str, there: Mapping[Spot, Stamp]) -> dict[Spot, int]:
    """Return the photos that another model has captioned, and those that could not be read."""
    with library.database.reading() as connection:
        rows = connection.execute(
            "SELECT id, root, name FROM photos WHERE missing = 0 AND model IS NOT ?", (model,)
        ).fetchall()
    spots = {Spot(root, os.fsdecode(name)): photo_id for photo_id, root, name in rows}
    return {spot: photo_id for spot, photo_id in spots.items() if spot in there}


@dataclass(frozen=True)
class _Glimpse:
    """What is kept of a photo besides what the model makes of it."""

    content: bytes | None
    pixels: bytes
    jpeg: bytes


class _Work:
    """Photos to be captioned."""

    def __init__(
        self,
        library: Library,
        captioner: "Captioner",
        folders: Mapping[int, Path],
        there: Mapping[Spot, Stamp],
        to_do: Mapping[Spot, int | None],
    ) -> None:
        """Prepare to work.

        Args:
            library: that is written to.
            captioner: writes the captions.
            folders: of the library, by number.
            there: all files.
            to_do: those to look at, with the rows that they have already.
        """
        self._library, self._captioner, self._folders = library, captioner, folders
        self._there, self._to_do = there, to_do
        self._spots = {folders[spot.root] / spot.name: spot for spot in to_do}
        self._model = captioner.model.fingerprint()
        self._glimpses: dict[ImageFile, _Glimpse] = {}

    def run(
        self,
        batch_images: int,
        progress: Callable[[Progress], object],
        stop: Callable[[], bool],
    ) -> tuple[int, int]:
        """Caption batch by batch; return how many could be captioned and how many were broken."""
        done, captioned, broken, begun = 0, 0, 0, time.perf_counter()
        stream = self._captioner.describe_files(
            self._files(stop), batch_images=batch_images, glance=self._glance
        )
        progress(Progress(0, len(self._to_do), 0.0))
        while batch := list(islice(stream, batch_images)):
            self._check_folders(batch)
            read = [file for file in batch if file.caption or self._path(file).exists()]
            with self._library.database.writing() as connection:
                refresh(connection, [self._write(connection, file) for file in read])
                mark_changed(connection)
            captioned += sum(file.caption is not None for file in read)
            broken += sum(file.caption is None for file in read)
            done += len(batch)
            progress(Progress(done, len(self._to_do), time.perf_counter() - begun))
            if stop():
                break
        return captioned, broken

    def _files(self, stop: Callable[[], bool]) -> Iterator[Path]:
        for path, spot in self._spots.items():
            if stop():
                return
            # It was when the folder was looked through, which may be hours ago.
            if not path.exists() or is_inside(path, self._folders[spot.root]):
                yield path

    def _glance(self, file: ImageFile, image: "Image.Image") -> None:
        spot = self._spots[self._path_of(file)]
        content = _content(self._folders[spot.root], spot.name)
        self._glimpses[file] = _Glimpse(content, pixel_digest(image), small_jpeg(image))

    def _check_folders(self, batch: list["DescribedFile"]) -> None:
        """Refuse to take the photos of a folder that has vanished for broken ones."""
        for file in batch:
            folder = self._folders[self._spots[self._path(file)].root]
            if file.caption is None and not folder.is_dir():
                raise DataError(
                    f"{folder}: vanished while it was read; what was captioned is kept. Do it "
                    "again when it is back"
                )

    def _path(self, file: "DescribedFile") -> Path:
        return self._path_of(file.source)

    @staticmethod
    def _path_of(source: ImageFile) -> Path:
        assert isinstance(source, Path)  # noqa: S101  # as `_files` gave it
        return source

    def _write(self, connection: sqlite3.Connection, file: "DescribedFile") -> int:
        """Write down what became of a photo, and return its row."""
        spot = self._spots[self._path(file)]
        photo_id = self._to_do[spot]
        if photo_id is None:
            photo_id = connection.execute(
                "INSERT INTO photos (root, name, size, modified) VALUES (?, ?, 0, 0)",
                (spot.root, os.fsencode(spot.name)),
            ).lastrowid
            assert photo_id is not None  # noqa: S101
        seen, said = self._glimpses.pop(file.source, None), file.caption
        connection.execute(
            "UPDATE photos SET size = ?, modified = ?, content = ?, pixels = ?, generated = ?, "
            "model = ?, language = ?, confidence = ?, error = ? WHERE id = ?",
            (
                *self._there[spot],
                None if seen is None else seen.content,
                None if seen is None else seen.pixels,
                None if said is None else said.text,
                None if said is None else self._model,
                self._captioner.language.code,
                None if said is None else said.confidence,
                file.error,
                photo_id,
            ),
        )
        if seen is None or file.pooled is None:
            for table in ("thumbnails", "features"):
                connection.execute(f"DELETE FROM {table} WHERE photo = ?", (photo_id,))  # noqa: S608
        else:
            connection.execute(
                "INSERT OR REPLACE INTO thumbnails (photo, jpeg) VALUES (?, ?)",
                (photo_id, seen.jpeg),
            )
            write_features(connection, photo_id, self._captioner.encoder_id, file.pooled)
        return photo_id
