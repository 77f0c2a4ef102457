"""A library's captions for other programs: tables, COCO, sidecars, and pictures to learn from."""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption.archive.sidecars import existing_sidecar, packet, sidecar_of
from caption.errors import DataError, ImageError
from caption.files.paths import resolve_inside
from caption.files.records import is_unicode
from caption.files.writing import replaced_directory, write_json, write_text, write_whole
from caption.library.library import Library
from caption.library.photos import Photo


@dataclass(frozen=True)
class Exported:
    """What was written."""

    num_captions: int
    num_left_out: int
    """Photos whose names are no valid Unicode, which these formats cannot hold."""
    folder: Path
    """Where the names of the photos begin: `glimpse finetune captions` takes it as its data."""


def export_captions(library: Library, output: Path, *, edited: bool = False) -> Exported:
    """Write the captions of the photos that are there.

    All forms are data sets that `caption.data.forms.read_captions` reads.

    Args:
        library: whose captions.
        output: with the suffix .jsonl or .csv a table, with .json COCO captions; with none a folder
            of the pictures themselves, with their captions in metadata.jsonl.
        edited: whether to write only those that people wrote.

    Raises:
        DataError: there are none, or nothing can be written there.
    """
    photos = library.photos("edited" if edited else "captioned")
    if not photos:
        raise DataError(
            f"{library.path}: no {'edited ' * edited}captions to export; "
            + ("edit some first" if edited else "add a folder of photos first")
        )
    named = [photo for photo in photos if is_unicode(str(photo.path))]
    folder = Path(os.path.commonpath({photo.root for photo in photos}))
    rows = [_row(photo, folder) for photo in named]
    write = _WRITERS.get(output.suffix.lower())
    if write is not None:
        write(output, rows)
    elif output.suffix:
        raise DataError(
            f"{output}: expected a name that ends in {', '.join(_WRITERS)}, or a folder's without "
            "a suffix"
        )
    else:
        _write_pictures(output, named, rows)
        folder = output
    return Exported(len(rows), len(photos) - len(rows), folder)


def _row(photo: Photo, folder: Path) -> dict[str, Any]:
    return {
        "file_name": photo.path.relative_to(folder).as_posix(),
        "caption": photo.caption,
        "edited": photo.edited is not None,
        "generated": photo.generated,
        "model": photo.model,
        "confidence": photo.confidence,
        "tags": list(photo.tags),
    }


def _write_lines(output: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    write_text(output, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _write_csv(output: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    def write(partial: Path) -> None:
        with partial.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows({**row, "tags": " ".join(row["tags"])} for row in rows)

    write_whole(output, write)


def _write_coco(output: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    images = [{"id": n, "file_name": row["file_name"]} for n, row in enumerate(rows)]
    annotations = [
        {"id": n, "image_id": n, "caption": row["caption"]} for n, row in enumerate(rows)
    ]
    write_json(output, {"images": images, "annotations": annotations})


_WRITERS: Mapping[str, Callable[[Path, Sequence[Mapping[str, Any]]], None]] = {
    ".jsonl": _write_lines,
    ".csv": _write_csv,
    ".json": _write_coco,
}


def _write_pictures(
    output: Path, photos: Sequence[Photo], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Copy pictures into a folder of their own, which is there when it is complete."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise DataError(f"{output}: is there already; name a folder that is new or empty")
    try:
        with replaced_directory(output) as folder:
            for photo, row in zip(photos, rows, strict=True):
                copy = folder / row["file_name"]
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(resolve_inside(photo.root, photo.name), copy)
            _write_lines(folder / "metadata.jsonl", rows)
    except FileNotFoundError as error:
        raise ImageError(
            f"there is no file {error.filename!r} any more; look for new photos, then export"
        ) from None
    except OSError as error:
        raise DataError(f"{output}: cannot be written ({error.strerror})") from None


@dataclass(frozen=True)
class Sidecars:
    """What was left beside the photos."""

    num_written: int
    num_kept: int
    """Sidecars of others, or changed by others, which stay as they are."""


def write_sidecars(library: Library, *, edited: bool = False) -> Sidecars:
    """Leave `photo.jpg.xmp` beside the photos, with the caption and the tags as keywords.

    A sidecar may hold its owner's work: only what the library itself has written, and nobody has
    changed since, is written anew.

    Args:
        library: whose captions.
        edited: whether to write only those that people wrote.

    Raises:
        DataError: a folder cannot be written to.
    """
    written = kept = 0
    for photo in library.photos("edited" if edited else "captioned"):
        path = resolve_inside(photo.root, photo.name)
        if not path.is_file():
            continue
        data = packet([(photo.caption or "", photo.language)], photo.tags)
        digest, there = hashlib.sha256(data.encode()).digest(), existing_sidecar(path)
        if there is not None and hashlib.sha256(there.read_bytes()).digest() != _last(
            library, photo
        ):
            kept += 1
            continue
        write_text(sidecar_of(path), data)
        with library.database.writing() as connection:
            connection.execute(
                "UPDATE photos SET sidecar = ? WHERE id = ?", (digest, photo.photo_id)
            )
        written += 1
    return Sidecars(written, kept)


def _last(library: Library, photo: Photo) -> bytes | None:
    """Return the digest of the sidecar that the library wrote last for a photo."""
    with library.database.reading() as connection:
        row = connection.execute("SELECT sidecar FROM photos WHERE id = ?", (photo.photo_id,))
        return row.fetchone()[0]
