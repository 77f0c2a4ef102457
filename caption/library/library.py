"""A library: photos with captions in one file, to be searched and corrected."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from caption.errors import Argument, DataError, ImageError
from caption.files.paths import resolve_inside
from caption.files.records import is_unicode, short
from caption.library.database import Database
from caption.library.examples import (
    Examples,
    Vector,
    count_changes,
    features_of,
    mark_changed,
    read_examples,
)
from caption.library.photos import Photo, photos_of_ids, refresh, select_photos
from caption.library.query import find_photos

LONGEST = 2000
"""Characters of a caption that a person writes."""
Kind = Literal["all", "captioned", "edited", "broken", "missing"]
_CONDITIONS: dict[Kind, str] = {
    "all": "missing = 0",
    "captioned": "missing = 0 AND error IS NULL AND coalesce(edited, generated) IS NOT NULL",
    "edited": "missing = 0 AND error IS NULL AND edited IS NOT NULL",
    "broken": "missing = 0 AND error IS NOT NULL",
    "missing": "missing = 1",
}


@dataclass(frozen=True)
class Status:
    """What a library holds."""

    folders: tuple[Path, ...]
    num_photos: int
    """Whose files were there the last time."""
    num_captioned: int
    num_edited: int
    num_broken: int
    num_missing: int
    """Whose files are gone, and of which all is kept in case that they come back."""
    num_models: int
    """How many models have written the captions."""


class Library:
    """Photos with captions, in one file; `indexing.index` looks at them.

    Threads may share it, and processes may have the same file open.

    >>> from caption.library.library import Library
    >>> with Library(Path("photos.db")) as library:  # doctest: +SKIP
    ...     print(library.search("dog -beach"))
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Open a library.

        Args:
            path: of its file, which ends in .db.
            create: whether to begin one where there is none.

        Raises:
            DataError: as `Database` says.
        """
        self.database = Database(path, create=create)
        self._examples: Examples | None = None

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    @property
    def path(self) -> Path:
        """Of its file."""
        return self.database.path

    def alone(self) -> AbstractContextManager[None]:
        """Be the only process that looks for photos; see `Database.alone`."""
        return self.database.alone()

    def folders(self) -> dict[int, Path]:
        """Return the folders that were added, by their number."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT id, path FROM roots ORDER BY path").fetchall()
        return {number: Path(os.fsdecode(path)) for number, path in rows}

    def add_folder(self, folder: Path) -> Path:
        """Let a folder belong to the library, and return its real path.

        Folders inside it that belonged already become part of it, with all that is known.

        Raises:
            DataError: there is no such folder.
        """
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; give the folder of the photos")
        real = folder.resolve()
        with self.alone(), self.database.writing() as connection:
            folders = self.folders()
            if any(real.is_relative_to(path) for path in folders.values()):
                return real
            root = connection.execute(
                "INSERT INTO roots (path) VALUES (?)", (os.fsencode(real),)
            ).lastrowid
            for number, path in folders.items():
                if path.is_relative_to(real):
                    before = os.fsencode(path.relative_to(real)) + b"/"
                    connection.execute(
                        "UPDATE photos SET root = ?, name = CAST(? || name AS BLOB) WHERE root = ?",
                        (root, before, number),
                    )
                    connection.execute("DELETE FROM roots WHERE id = ?", (number,))
        return real

    def remove_folder(self, folder: Path, *, with_edits: bool = False) -> int:
        """Forget a folder and its photos, whose files stay; return how many they were.

        Raises:
            DataError: it does not belong to the library, or people have edited captions in it.
        """
        real = folder.resolve()
        with self.alone(), self.database.writing() as connection:
            number = next((n for n, path in self.folders().items() if path == real), None)
            if number is None:
                known = ", ".join(map(str, self.folders().values())) or "none"
                raise DataError(f"{folder}: no folder of this library; it has {known}")
            _refuse_edited(connection, "root = ?", (number,), with_edits=with_edits)
            count = _forget(connection, "root = ?", (number,))
            connection.execute("DELETE FROM roots WHERE id = ?", (number,))
        return count

    def forget_missing(self, *, with_edits: bool = False) -> int:
        """Forget the photos whose files are gone; return how many they were.

        Raises:
            DataError: people have edited captions of some.
        """
        with self.alone(), self.database.writing() as connection:
            _refuse_edited(connection, "missing = 1", (), with_edits=with_edits)
            return _forget(connection, "missing = 1", ())

    def search(
        self, text: str, *, limit: int = 50, offset: int = 0, as_typed: bool = False
    ) -> list[Photo]:
        """Return the photos whose captions a person is looking for, best first.

        Args:
            text: what was typed, see `query.parse_query`; nothing finds all.
            limit: most photos to return.
            offset: how many of the best to pass over.
            as_typed: whether it is still being typed.

        Raises:
            DataError: it is too long.
        """
        found, values = find_photos(text, as_typed=as_typed, ranked=True)
        with self.database.reading() as connection:
            sql = f"{found} LIMIT ? OFFSET ?"
            rows = connection.execute(sql, (*values, limit, offset)).fetchall()
            return photos_of_ids(connection, [row[0] for row in rows])

    def count(self, text: str, *, as_typed: bool = False) -> int:
        """Return how many photos `search` finds in all.

        Raises:
            DataError: as it does.
        """
        found, values = find_photos(text, as_typed=as_typed, ranked=False)
        with self.database.reading() as connection:
            # Nothing of the statement was typed.
            sql = f"SELECT count(*) FROM ({found})"  # noqa: S608
            return int(connection.execute(sql, values).fetchone()[0])

    def similar(self, photo_id: int, *, limit: int = 20) -> list[tuple[Photo, float]]:
        """Return the photos that look most like one of the library, and the cosine of each.

        Raises:
            DataError: nobody has looked at it yet.
        """
        with self.database.reading() as connection:
            found = features_of(connection, photo_id)
        if found is None:
            raise DataError("this photo cannot be read, so there is nothing to compare")
        encoder, vector = found
        nearest = self.similar_to(vector, encoder=encoder, limit=limit + 1)
        return [(photo, cosine) for photo, cosine in nearest if photo.photo_id != photo_id][:limit]

    def similar_to(
        self, vector: Vector, *, encoder: str, limit: int = 20
    ) -> list[tuple[Photo, float]]:
        """Return the photos that look most like any picture, and the cosine of each.

        Args:
            vector: its pooled features.
            encoder: the fingerprint of the encoder that saw it.
            limit: most photos to return.

        Raises:
            DataError: the photos were seen by other encoders.
        """
        with self.database.reading() as connection:
            examples = self._examples
            changes = count_changes(connection)
            if examples is None or (examples.encoder, examples.changes) != (encoder, changes):
                examples = self._examples = read_examples(connection, encoder)
            if not len(examples.photo_ids) and self.status().num_captioned:
                raise DataError(
                    "these photos were seen by another model, and cannot be compared by this one; "
                    "give that model, or look at all of them again"
                )
            nearest = examples.nearest(vector, limit)
            photos = photos_of_ids(connection, [photo_id for photo_id, _ in nearest])
        cosines = dict(nearest)
        return [(photo, cosines[photo.photo_id]) for photo in photos]

    def photos(self, kind: Kind = "all") -> list[Photo]:
        """Return photos by folder and name."""
        with self.database.reading() as connection:
            return select_photos(connection, f"WHERE {_CONDITIONS[kind]} ORDER BY path, name")

    def duplicates(self) -> list[tuple[Photo, ...]]:
        """Return the groups of photos with the same pixels."""
        repeated = (
            "SELECT pixels FROM photos WHERE missing = 0 AND pixels IS NOT NULL "
            "GROUP BY pixels HAVING count(*) > 1"
        )
        with self.database.reading() as connection:
            return [
                tuple(
                    select_photos(
                        connection, "WHERE pixels = ? AND missing = 0 ORDER BY path, name", row
                    )
                )
                for row in connection.execute(repeated).fetchall()
            ]

    def photo(self, photo_id: int) -> Photo:
        """Return one photo.

        Raises:
            DataError: there is none with this number.
        """
        with self.database.reading() as connection:
            for photo in photos_of_ids(connection, [photo_id]):
                return photo
        raise DataError(f"no photo {photo_id} in this library; it may have been removed")

    def find(self, path: Path) -> Photo:
        """Return the photo that a person names by its file.

        Raises:
            DataError: it is not in the library.
        """
        real = path.parent.resolve() / path.name
        for root, folder in self.folders().items():
            if real.is_relative_to(folder):
                name = os.fsencode(real.relative_to(folder))
                with self.database.reading() as connection:
                    # One that is there before those that are gone.
                    condition = "WHERE root = ? AND name = ? ORDER BY missing LIMIT 1"
                    for photo in select_photos(connection, condition, (root, name)):
                        return photo
        raise DataError(f"{path}: not in this library; add its folder with `glimpse library add`")

    def thumbnail(self, photo_id: int) -> bytes | None:
        """Return a small JPEG of a photo, or None where it cannot be read."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT jpeg FROM thumbnails WHERE photo = ?", (photo_id,)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def original(self, photo_id: int) -> Path:
        """Return the file of a photo, which lies in a folder that was added.

        Raises:
            DataError: there is no such photo, or a link leads out of the folder by now.
            ImageError: the file is not there.
        """
        photo = self.photo(photo_id)
        path = resolve_inside(photo.root, photo.name)
        if not path.is_file():
            raise ImageError(f"there is no file {photo.name!r} any more; look for new photos")
        return path

    def edit(self, photo_id: int, caption: str) -> Photo:
        """Write a caption in place of the model's, which is kept beside it; return the photo.

        Raises:
            DataError: it is empty, too long or no text, or there is no such photo.
        """
        if not is_unicode(caption):
            raise DataError(f"expected a caption of valid Unicode, got {short(caption)}")
        text = "".join(c if c.isprintable() else " " for c in caption)
        text = " ".join(text.split())
        if not text:
            raise DataError("an empty caption; write one, or undo the edit")
        if len(text) > LONGEST:
            raise DataError(f"a caption of {len(text)} characters; expected at most {LONGEST}")
        return self._set_edited(photo_id, text)

    def undo_edit(self, photo_id: int) -> Photo:
        """Take the model's caption again; return the photo.

        Raises:
            DataError: there is no such photo.
        """
        return self._set_edited(photo_id, None)

    def _set_edited(self, photo_id: int, text: str | None) -> Photo:
        with self.database.writing() as connection:
            connection.execute("UPDATE photos SET edited = ? WHERE id = ?", (text, photo_id))
            refresh(connection, [photo_id])
            return self.photo(photo_id)

    def languages(self) -> dict[str, int]:
        """Return how many captions models have written in each language, by code; most first."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT language, count(*) AS times FROM photos "
                "WHERE missing = 0 AND generated IS NOT NULL "
                "GROUP BY language ORDER BY times DESC, language"
            ).fetchall()
        return dict(rows)

    def status(self) -> Status:
        """Return what the library holds."""
        with self.database.reading() as connection:
            columns = ", ".join(f"count(*) FILTER (WHERE {sql})" for sql in _CONDITIONS.values())
            *counts, models = connection.execute(
                f"SELECT {columns}, count(DISTINCT model) FROM photos"  # noqa: S608
            ).fetchone()
        number = dict(zip(_CONDITIONS, counts, strict=True))
        return Status(
            folders=tuple(self.folders().values()),
            num_photos=number["all"],
            num_captioned=number["captioned"],
            num_edited=number["edited"],
            num_broken=number["broken"],
            num_missing=number["missing"],
            num_models=models,
        )


def _refuse_edited(
    connection: sqlite3.Connection, condition: str, values: tuple[int, ...], *, with_edits: bool
) -> None:
    edited = _ids(connection, f"edited IS NOT NULL AND {condition}", values)
    if edited and not with_edits:
        raise DataError(
            f"{len(edited)} captions there were written by people, and would be lost; export them "
            "first",
            Argument("with_edits", why="to lose them"),
        )


def _forget(connection: sqlite3.Connection, condition: str, values: tuple[int, ...]) -> int:
    photo_ids = _ids(connection, condition, values)
    forget_photos(connection, photo_ids)
    return len(photo_ids)


def forget_photos(connection: sqlite3.Connection, photo_ids: Iterable[int]) -> None:
    """Delete the rows of photos, with all that belongs to them."""
    for photo_id in photo_ids:
        connection.execute("DELETE FROM words WHERE rowid = ?", (photo_id,))
        connection.execute("DELETE FROM photos WHERE id = ?", (photo_id,))
    mark_changed(connection)


def _ids(connection: sqlite3.Connection, condition: str, values: tuple[int, ...] = ()) -> list[int]:
    rows = connection.execute(f"SELECT id FROM photos WHERE {condition}", values)  # noqa: S608
    return [row[0] for row in rows.fetchall()]
