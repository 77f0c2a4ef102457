"""Captions to take along, as files that a browser downloads."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from caption.errors import DataError

if TYPE_CHECKING:
    from caption.library.library import Library


class Document(NamedTuple):
    """A file for the browser."""

    content: bytes
    media_type: str
    name: str = ""
    """By which it is kept; empty for what is only shown."""


TYPES = {"jsonl": "application/jsonl", "csv": "text/csv", "json": "application/json"}
"""By suffix; .json is COCO's form."""


def exported(library: "Library", suffix: str, *, edited: bool) -> Document:
    """Return the captions of a library in a form.

    Args:
        library: whose captions.
        suffix: of the form.
        edited: whether to take only those that people wrote.

    Raises:
        DataError: there are none, or no such form.
    """
    from caption.library.export import export_captions

    if suffix not in TYPES:
        raise DataError(f"no form {suffix!r}; expected {', '.join(TYPES)}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"captions.{suffix}"
        export_captions(library, file, edited=edited)
        return Document(file.read_bytes(), TYPES[suffix], file.name)
