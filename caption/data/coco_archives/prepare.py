"""From COCO's archives to a folder that the readers of captioned pictures know.

The folder receives the photos, `captions.json` in Karpathy's form, a `README.md` for people and
`coco.json`, which says what it is made of and, from the end on, that it is complete.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from caption.data.coco_archives.captions import as_karpathy
from caption.data.coco_archives.survey import Sources, Survey, refuse_full_disks, survey
from caption.data.review import by_split
from caption.data.rows import Row
from caption.errors import Argument, DataError
from caption.files.download import fetch, refuse_altered
from caption.files.records import read_json
from caption.files.writing import sha256, write_json, write_text
from caption.files.zip import extract

CAPTIONS, README, RECORD = "captions.json", "README.md", "coco.json"
_README = """\
# COCO {year}

{splits} photos with their captions, for `glimpse train captions`:

- divided {division};
- made of {archives}, whose SHA-256 were as published; `coco.json` has them;
- `captions.json` has the captions in the form of Karpathy's `dataset_coco.json`.

The captions are under CC BY 4.0. The photos belong to their Flickr owners; see
https://cocodataset.org/#termsofuse. Cite Lin et al., "Microsoft COCO: Common Objects in Context",
2014, and for its splits Karpathy and Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image
Descriptions", 2015.
"""


def is_prepared(sources: Sources) -> bool:
    """Return whether the output is made of just these sources and all its photos are there.

    The archives need not be there any more.

    Raises:
        DataError: the output is a folder of something else.
    """
    if _record_of(sources.output) != _record(sources, is_complete=True):
        return False
    images = read_json(sources.output / CAPTIONS, expected="captions")["images"]
    return all((sources.output / i["filepath"] / i["filename"]).is_file() for i in images)


def prepare(found: Survey, *, download: bool = False) -> None:
    """Make the data set, going on where an earlier run stopped.

    Args:
        found: what is there.
        download: fetch the archives that are not.

    Raises:
        DataError: an archive is missing, altered or damaged, a disk is too small, or the output is
            a folder of something else.
    """
    sources = found.sources
    _record_of(sources.output)
    if found.absent and not download:
        names = ", ".join(file.name for file in found.absent)
        raise DataError(
            f"{sources.archives}: has no {names}; get them from {found.absent[0].url} and the like",
            Argument("download", why="to fetch them"),
        )
    refuse_full_disks(found)
    there = [file for file in sources.files if file not in found.absent]
    for file in tqdm(there, desc="checksums", unit=""):
        refuse_altered(file, sources.path_of(file))
    for file in found.absent:
        fetch(file, sources.path_of(file))
    if found.absent:
        found = survey(sources)
        refuse_full_disks(found)  # the sizes of all photos are known now
    write_json(sources.output / RECORD, _record(sources, is_complete=False))
    for archive, members in found.to_extract.items():
        extract(archive, members, sources.output)
    _write_lists(sources, found.rows or ())


def _write_lists(sources: Sources, rows: Sequence[Row]) -> None:
    text = _README.format(
        year=sources.release.year,
        splits=by_split(row.split for row in rows),
        division="as COCO is" if sources.karpathy is None else "by Karpathy's splits",
        archives=", ".join(file.name for file in sources.files),
    )
    write_text(sources.output / README, text)
    write_json(sources.output / CAPTIONS, as_karpathy(rows), compact=True)
    write_json(sources.output / RECORD, _record(sources, is_complete=True))


def _record(sources: Sources, *, is_complete: bool) -> dict[str, Any]:
    """Return what decides everything in the output, and whether all of it is there."""
    return {
        "made_by": "glimpse prepare coco",
        "is_complete": is_complete,
        "year": sources.release.year,
        "archives": [asdict(file) for file in sources.files],
        "karpathy_sha256": None if sources.karpathy is None else sha256(sources.karpathy),
    }


def _record_of(output: Path) -> dict[str, Any]:
    """Return the record that an earlier run left in a folder; empty where there was none.

    Raises:
        DataError: something else has files of the names that are written.
    """
    if (output / RECORD).is_file():
        record = read_json(output / RECORD, expected="what the folder was made of")
        if isinstance(record, dict) and "made_by" in record:
            return record
    taken = [name for name in (RECORD, CAPTIONS, README) if (output / name).exists()]
    if taken:
        raise DataError(f"{output}: has a {taken[0]!r} of something else; choose another folder")
    return {}
