"""The rows of a library: what is known of each photo, and how it is written down."""

import json
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption.library.query import searchable
from caption.text.language import Language
from caption.text.nouns import objects_in
from caption.text.tokenize import tokenize


@dataclass(frozen=True)
class Photo:
    """One photo of a library."""

    photo_id: int
    root: Path
    """The folder that was added."""
    name: str
    """Its place there, with / between folders."""
    generated: str | None
    """What a model wrote."""
    edited: str | None
    """What a person wrote instead; no model ever changes it."""
    model: str | None
    """The fingerprint of that model."""
    language: Language
    """Of what the model wrote."""
    confidence: float | None
    """How good that is expected to be, from 0 to 1; None of a model that was not calibrated."""
    tags: tuple[str, ...]
    """The objects that the caption names."""
    error: str | None
    """Why it cannot be read, if it cannot."""
    is_missing: bool
    """Whether its file was not there the last time."""

    @property
    def path(self) -> Path:
        """Where the photo was found."""
        return self.root / self.name

    @property
    def caption(self) -> str | None:
        """What is said of it: by a person, or else by a model."""
        return self.generated if self.edited is None else self.edited


_SELECT = """
    SELECT photos.id, path, name, generated, edited, model, language, confidence, tags, error,
           missing
    FROM photos JOIN roots ON roots.id = photos.root
"""


def select_photos(
    connection: sqlite3.Connection, condition: str = "", values: Iterable[Any] = ()
) -> list[Photo]:
    """Return the photos that a condition holds of, which is never made of what people typed."""
    return [_photo(*row) for row in connection.execute(_SELECT + condition, tuple(values))]


def photos_of_ids(connection: sqlite3.Connection, photo_ids: Iterable[int]) -> list[Photo]:
    """Return photos in the order of their ids; those that are not there are left out."""
    found = (
        photo
        for photo_id in photo_ids
        for photo in select_photos(connection, "WHERE photos.id = ?", (photo_id,))
    )
    return list(found)


def _photo(
    photo_id: int,
    root: bytes,
    name: bytes,
    generated: str | None,
    edited: str | None,
    model: str | None,
    language: str,
    confidence: float | None,
    tags: str,
    error: str | None,
    missing: int,
) -> Photo:
    return Photo(
        photo_id,
        Path(os.fsdecode(root)),
        os.fsdecode(name),
        generated,
        edited,
        model,
        Language(language),
        confidence,
        tuple(json.loads(tags)),
        error,
        bool(missing),
    )


def tags_of(caption: str, language: Language) -> list[str]:
    """Return the objects that a caption names; those of English captions are known."""
    return sorted(objects_in(tokenize(caption))) if language.is_english else []


def refresh(connection: sqlite3.Connection, photo_ids: Iterable[int]) -> None:
    """Make the tags of photos, and what finds them, follow from their captions."""
    for photo_id in photo_ids:
        connection.execute("DELETE FROM words WHERE rowid = ?", (photo_id,))
        for photo in photos_of_ids(connection, [photo_id]):
            tags = tags_of(photo.caption, photo.language) if photo.caption else []
            connection.execute(
                "UPDATE photos SET tags = ? WHERE id = ?", (json.dumps(tags), photo_id)
            )
            if photo.caption and not photo.is_missing and not photo.error:
                connection.execute(
                    "INSERT INTO words (rowid, caption, tags) VALUES (?, ?, ?)",
                    (photo_id, searchable(photo.caption), " ".join(tags)),
                )
