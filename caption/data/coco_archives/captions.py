"""Which photos there are, what they are for and what people said of them.

Either as COCO published it, or as divided by Karpathy and Fei-Fei ("Deep Visual-Semantic Alignments
for Generating Image Descriptions", 2015), whose 5,000 test images the field reports on. Their
`restval`, what is left of COCO's validation images, joins the training images.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from caption.data.coco_archives.release import Release
from caption.data.rows import Row, rows_of_coco, rows_of_karpathy
from caption.errors import DataError
from caption.files.records import MAX_JSON, parse_json, read_json
from caption.files.tables import Problem
from caption.files.zip import read_member


def read_official(archive: Path, release: Release) -> list[Row]:
    """Return a row for each photo, named as in its archive, with COCO's own splits.

    Args:
        archive: the zip archive of annotations.
        release: that it belongs to.

    Raises:
        DataError: it lacks a captions file, or a record is not as expected.
    """
    return _sound(_official_rows(archive, release))


def read_karpathy(path: Path, release: Release) -> list[Row]:
    """Return a row for each photo, named as in its archive, with Karpathy's splits.

    Args:
        path: of his `dataset_coco.json`.
        release: whose photos it divides.

    Raises:
        DataError: it is another file, or names a photo that lies in no archive.
    """
    content = read_json(path, expected="Karpathy's dataset_coco.json")
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list) or not images:
        raise DataError(
            f"{path}: expected an object with a list of 'images', as Karpathy's dataset_coco.json"
        )
    rows = _sound(rows_of_karpathy(content, path))
    folders = [photos.folder for photos in release.photos]
    strange = [row for row in rows if folder_of(row) not in folders]
    if strange:
        raise DataError(
            f"{strange[0].where}: {strange[0].name!r} lies in no archive of COCO {release.year} "
            f"({len(strange)} such); expected photos in {' or '.join(folders)}, give Karpathy's "
            "dataset_coco.json as it is"
        )
    return rows


def folder_of(row: Row) -> str:
    """Return the folder of a photo in its archive, such as "train2014"."""
    return row.name.rpartition("/")[0]


def as_karpathy(rows: Iterable[Row]) -> dict[str, Any]:
    """Return rows in the form of Karpathy's file, the only one with ids, splits and folders."""
    return {
        "dataset": "coco",
        "images": [
            {
                "filepath": folder_of(row),
                "filename": row.name.rpartition("/")[2],
                "split": row.split,
                "cocoid": row.image_id,
                "sentences": [{"raw": caption} for caption in row.captions],
            }
            for row in rows
        ],
    }


def _official_rows(archive: Path, release: Release) -> Iterator[Row | Problem]:
    for photos in release.photos:
        name = f"annotations/captions_{photos.folder}.json"
        source = archive / name
        data = read_member(archive, name, max_bytes=MAX_JSON)
        content = parse_json(data, source, expected="COCO captions")
        for row in rows_of_coco(content, source):
            if isinstance(row, Row):
                yield replace(row, name=f"{photos.folder}/{row.name}", split=photos.split)
            else:
                yield row


def _sound(found: Iterable[Row | Problem]) -> list[Row]:
    """Return rows among which nothing is wrong."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for row in found:
        if isinstance(row, Row):
            rows.append(row)
        else:
            problems.append(row)
    if problems:
        raise DataError(f"{problems[0]} ({len(problems)} such); get the file again")
    return rows
