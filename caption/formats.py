"""Captioned pictures in whatever form people keep them: found, named and read.

A folder is looked through for the forms below, in this order; a manifest can also be named.

    metadata.jsonl, metadata.csv   Hugging Face's imagefolder: file_name with text or caption(s)
    *.tar                          webdataset's shards: key.jpg with key.txt or key.json
    *.json                         COCO captions, or Karpathy's splits of COCO and Flickr
    *.csv, *.tsv, *.txt, *.token   a table with a column for the image and one for the caption,
                                   or Flickr's "name.jpg#0<TAB>caption"
    a.jpg beside a.txt             one caption a file
    pictures alone                 enough for being captioned
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from caption.errors import DataError
from caption.files import read_json, short
from caption.locate import (
    IMAGE_FIELDS,
    Split,
    best_folder,
    find_file,
    folders_of,
    inside,
    is_inside,
    name_of,
    split_of,
)
from caption.tables import (
    DELIMITERS,
    Problem,
    Record,
    check_text,
    delimiter_of,
    first_fields,
    first_line,
    first_of,
    lines_of,
    read_csv,
    read_table,
    text_of,
)
from caption.vision.image import SUFFIXES, ImageFile, list_images
from caption.vision.tar import TarMember, tar_members

CAPTION_FIELDS = (
    *("captions", "caption", "text", "description", "sentence", "comment", "alt_text", "prompt"),
)
PICTURES_ALONE = "pictures without captions"

_TOKEN_LINE = re.compile(r"([^\t]+)#\d+\t(.*)")
_MAX_TEXT = 2**20  # bytes of a text file in an archive or beside a picture


@dataclass(frozen=True)
class Entry:
    """One image of a data set and what its owner wrote of it; nothing is checked but its place."""

    name: str
    """Its place in the folder, with which a manifest can name it."""
    source: ImageFile
    captions: tuple[str, ...]
    split: Split
    where: str
    """File and record that name it first."""


@dataclass(frozen=True)
class Manifest:
    """A data set as it was found."""

    form: str
    """What it is, for people."""
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    """What could not be read, or leads to no file."""

    @property
    def is_captioned(self) -> bool:
        """Whether anything is said of the images."""
        return self.form != PICTURES_ALONE


@dataclass(frozen=True)
class _Row:
    """What one record says, before its file is looked for."""

    where: str
    name: str
    captions: tuple[str, ...]
    split: Split = ""
    source: TarMember | None = None


@dataclass(frozen=True)
class _Found:
    """A file that holds captions, and how it is read."""

    path: Path
    form: str
    rows: Callable[[], Iterable[_Row | Problem]]


def read_manifest(data: Path, manifest: Path | None = None) -> Manifest:
    """Read the captioned pictures of a folder.

    Args:
        data: the folder; nothing outside it is read, except a manifest that is named.
        manifest: the file that says the captions; by default it is looked for.

    Raises:
        DataError: there is nothing to read, or it is not clear which of several files is meant.
    """
    if not data.is_dir():
        raise DataError(f"{data}: no such folder; give the folder of the pictures")
    if manifest is not None:
        found = _identify(manifest)
        if found is None:
            raise DataError(
                f"{manifest}: not a list of captions in a known form; expected metadata.jsonl, a "
                "table with columns such as image and caption, COCO or Karpathy JSON, or Flickr's "
                "token file"
            )
        return _read([found], data)
    found_files = _look_through(data)
    if found_files:
        return _read(found_files, data)
    images = list_images(data)
    if not images:
        raise DataError(f"{data}: no pictures and no list of captions in this folder")
    beside = [path.with_suffix(".txt") for path in images]
    if any(path.is_file() for path in beside):
        form, rows = "a text file beside each picture", _rows_beside(images, data)
        return _resolve(form, rows, data, [Path()])
    entries = (Entry(inside(path, data), path, (), "", str(path)) for path in images)
    return Manifest(PICTURES_ALONE, tuple(entries), tuple(_unknown_lists(data)))


def _unknown_lists(data: Path) -> Iterator[Problem]:
    """Yield the files that were perhaps meant to be captions."""
    for path in sorted(data.iterdir()):
        if path.suffix.lower() in (".csv", ".tsv", ".jsonl") and is_inside(path, data):
            fields = ", ".join(first_fields(path)[:6])
            message = (
                f"not taken for captions: it begins with {short(fields)}; expected a column such "
                f"as {IMAGE_FIELDS[0]} or {IMAGE_FIELDS[1]} and one such as caption or text"
            )
            yield Problem("unknown list", str(path), message, fatal=False)


def _read(found: Sequence[_Found], data: Path) -> Manifest:
    parts = []
    for file in found:
        split = split_of(inside(file.path, data))
        rows = [
            replace(row, split=row.split or split) if isinstance(row, _Row) else row
            for row in file.rows()
        ]
        parts.append(_resolve(file.form, rows, data, folders_of(file.path, data)))
    names = ", ".join(inside(file.path, data) for file in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return _join(f"{found[0].form} ({names}{more})", parts)


def _look_through(data: Path) -> list[_Found]:
    """Return the files that hold the captions of a folder.

    Raises:
        DataError: there are several, and it is not clear whether they belong together.
    """
    near = [data, *sorted(p for p in data.iterdir() if p.is_dir() and not p.is_symlink())]
    metadata = [
        path for folder in near for path in (folder / "metadata.jsonl", folder / "metadata.csv")
    ]
    if found := _identified(metadata, data):
        return _unambiguous(found, data, together=len({f.path.parent for f in found}) == len(found))
    shards = [path for folder in near for path in sorted(folder.glob("*.tar"))]
    if found := _identified(shards, data):
        return found
    at_top = [data, data / "annotations"]
    for suffixes in ((".json", ".jsonl"), (".csv", ".tsv", ".txt", ".token")):
        files = [
            path
            for folder in at_top
            if folder.is_dir()
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in suffixes and not _is_beside_a_picture(path)
        ]
        if found := _identified(files, data):
            splits = {split_of(inside(f.path, data)) for f in found}
            return _unambiguous(found, data, together=len(splits) == len(found))
    return []


def _is_beside_a_picture(path: Path) -> bool:
    return any(path.with_suffix(suffix).exists() for suffix in SUFFIXES)


def _identified(paths: Iterable[Path], data: Path) -> list[_Found]:
    """Return those of the files that lie in the folder and hold captions."""
    found = []
    for path in paths:
        if not is_inside(path, data):
            continue
        try:
            found.append(_identify(path))
        except DataError:
            if path.suffix.lower() != ".txt":  # which may be anything
                raise
    return [file for file in found if file is not None]


def _unambiguous(found: list[_Found], data: Path, *, together: bool) -> list[_Found]:
    if together:
        return found
    names = ", ".join(inside(file.path, data) for file in found)
    raise DataError(
        f"{data}: several files hold captions ({names}); say with --manifest which is meant"
    )


def _identify(path: Path) -> _Found | None:
    """Return what a file is if it holds captions."""
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        fields = set(first_fields(path))
        if fields and not (fields & set(IMAGE_FIELDS) and fields & set(CAPTION_FIELDS)):
            return None
        return _Found(path, "JSON lines", lambda: _rows_of_table(read_table(path)))
    if suffix == ".tar":
        return _Found(path, "webdataset shards", lambda: _rows_of_shard(path))
    if suffix == ".json":
        content = read_json(path, expected="COCO or Karpathy captions")
        images = content.get("images") if isinstance(content, dict) else None
        if not isinstance(images, list):
            return None
        if any(isinstance(image, dict) and "sentences" in image for image in images[:10]):
            return _Found(path, "Karpathy JSON", lambda: _rows_of_karpathy(content, path))
        annotations = content.get("annotations")
        some = annotations[:10] if isinstance(annotations, list) else []
        if any(isinstance(record, dict) and "caption" in record for record in some):
            return _Found(path, "COCO captions JSON", lambda: _rows_of_coco(content, path))
        return None
    if suffix in (".csv", ".tsv", ".txt", ".token"):
        return _identify_table(path)
    return None


def _identify_table(path: Path) -> _Found | None:
    line = first_line(path)
    if _TOKEN_LINE.match(line):
        return _Found(path, "Flickr token file", lambda: _rows_of_tokens(path))
    cells, delimiter = first_fields(path), delimiter_of(line)
    form = f"table separated by {DELIMITERS[delimiter]}"
    if set(cells) & set(IMAGE_FIELDS) and set(cells) & set(CAPTION_FIELDS):
        return _Found(path, form, lambda: _rows_of_table(read_table(path)))
    if len(cells) >= 2 and Path(cells[0]).suffix in SUFFIXES:
        columns = ("image", "caption")
        return _Found(
            path,
            f"{form} without a header",
            lambda: _rows_of_table(read_csv(path, columns=columns)),
        )
    return None


def _rows_of_table(records: Iterable[Record | Problem]) -> Iterator[_Row | Problem]:
    for record in records:
        if isinstance(record, Problem):
            yield record
            continue
        values = record.values
        try:
            name, field = text_of(values, IMAGE_FIELDS)
            if name is None or not name.strip():
                fields = ", ".join(values) or "nothing"
                raise ValueError(f"has no {field!r} that names the image; it has {fields}")  # noqa: TRY301
            said = first_of(values, CAPTION_FIELDS)
            captions = () if said is None else _captions(said)
            split = split_of(check_text(values.get("split") or "", "split"))
        except ValueError as error:
            yield Problem("unreadable record", record.where, str(error))
        else:
            yield _Row(record.where, name.strip(), captions, split)


def _captions(value: Any) -> tuple[str, ...]:
    """Return one caption or many; raises ValueError for what is neither."""
    values = value if isinstance(value, list) else [value]
    return tuple(check_text(text, "caption") for text in values)


def _rows_of_tokens(path: Path) -> Iterator[_Row | Problem]:
    for number, line in enumerate(lines_of(path), start=1):
        where = f"{path}, line {number}"
        match = _TOKEN_LINE.match(line.rstrip("\r\n"))
        if match:
            yield _Row(where, match[1], (match[2],))
        elif line.strip():
            yield Problem(
                "unreadable record", where, "expected 'name.jpg#0', a tab and the caption"
            )


def _rows_of_coco(content: Mapping[str, Any], path: Path) -> Iterator[_Row | Problem]:
    """Yield a row for each image, with all of its captions."""
    captions: dict[Any, list[str]] = {}
    for number, record in enumerate(content["annotations"]):
        where = f"{path}, annotation {number}"
        try:
            image_id, caption = _field(record, "image_id"), _field(record, "caption")
            captions.setdefault(image_id, []).append(check_text(caption, "caption"))
        except (ValueError, TypeError) as error:
            yield Problem("unreadable record", where, str(error))
    known = set()
    for number, record in enumerate(content["images"]):
        where = f"{path}, image {number}"
        try:
            image_id = _field(record, "id")
            name = check_text(_field(record, "file_name"), "file_name")
            if image_id in known:
                raise ValueError(f"its id {image_id!r} is another image's; give each its own")  # noqa: TRY301
        except (ValueError, TypeError) as error:
            yield Problem("unreadable record", where, str(error))
            continue
        known.add(image_id)
        yield _Row(where, name, tuple(captions.get(image_id, ())))
    for image_id in captions.keys() - known:
        yield Problem(
            "unreadable record",
            f"{path}, captions of image {image_id!r}",
            "there is no such image in the file; remove them or add the image",
        )


def _field(record: Any, name: str) -> Any:
    if not isinstance(record, dict) or record.get(name) is None:
        raise ValueError(f"expected an object with {name!r}")
    return record[name]


def _rows_of_karpathy(content: Mapping[str, Any], path: Path) -> Iterator[_Row | Problem]:
    for number, image in enumerate(content["images"]):
        where = f"{path}, image {number}"
        try:
            name = check_text(_field(image, "filename"), "filename")
            folder = check_text(image.get("filepath") or "", "filepath")
            sentences = _field(image, "sentences")
            if not isinstance(sentences, list):
                raise ValueError("expected 'sentences' to be a list")  # noqa: TRY301, TRY004
            captions = tuple(check_text(_field(s, "raw"), "raw") for s in sentences)
            split = split_of(check_text(image.get("split") or "", "split"))
        except ValueError as error:
            yield Problem("unreadable record", where, str(error))
        else:
            yield _Row(where, f"{folder}/{name}" if folder else name, captions, split)


def _rows_of_shard(path: Path) -> Iterator[_Row | Problem]:
    """Yield a row for each sample: the files that share a name up to its first dot."""
    sample: dict[str, TarMember] = {}
    key = None
    for member in tar_members(path):
        folder, _, base = member.name.rpartition("/")
        stem, _, extension = base.partition(".")
        if (folder, stem) != key:
            yield from _sample_row(sample)
            sample, key = {}, (folder, stem)
        sample[extension.lower()] = member
    yield from _sample_row(sample)


def _sample_row(sample: Mapping[str, TarMember]) -> Iterator[_Row | Problem]:
    image = next((m for extension, m in sample.items() if f".{extension}" in SUFFIXES), None)
    if image is None:
        return
    where = str(image)
    try:
        captions: tuple[str, ...] = ()
        if text := sample.get("txt"):
            captions = (_decoded(text.read(_MAX_TEXT)),)
        elif described := sample.get("json"):
            values = json.loads(_decoded(described.read(_MAX_TEXT)))
            if not isinstance(values, dict):
                raise ValueError("expected an object in its json file")  # noqa: TRY301
            captions = _captions(next((values[f] for f in CAPTION_FIELDS if values.get(f)), []))
    except (ValueError, RecursionError) as error:
        yield Problem("unreadable record", where, f"its caption cannot be read ({error})")
    else:
        yield _Row(where, image.name, captions, source=image)


def _rows_beside(images: Sequence[Path], data: Path) -> Iterator[_Row | Problem]:
    for image in images:
        text = image.with_suffix(".txt")
        captions: tuple[str, ...] = ()
        try:
            if is_inside(text, data):
                with text.open("rb") as file:
                    captions = (_decoded(file.read(_MAX_TEXT)),)
        except (ValueError, OSError) as error:
            yield Problem("unreadable record", str(text), f"cannot be read ({error})")
        else:
            name = inside(image, data)
            yield _Row(str(image), name, captions, split_of(str(Path(name).parent)))


def _decoded(data: bytes) -> str:
    return " ".join(data.decode("utf-8-sig").split())


def _resolve(
    form: str, rows: Iterable[_Row | Problem], data: Path, folders: Sequence[Path]
) -> Manifest:
    """Return the rows with the files that they name, those of a file together."""
    rows = list(rows)
    problems = [row for row in rows if isinstance(row, Problem)]
    good = [row for row in rows if isinstance(row, _Row)]
    some = list(islice((row.name for row in good if row.source is None), 50))
    folder = best_folder(data, folders, some)
    entries: dict[ImageFile, Entry] = {}
    for row in good:
        try:
            source = row.source or find_file(data, folder, row.name)
        except DataError as error:
            problems.append(Problem("unsafe file name", row.where, str(error)))
            continue
        if source is None:
            message = f"no file {row.name!r} in {data / folder}; add it or remove the record"
            problems.append(Problem("missing file", row.where, message))
            continue
        name = name_of(source, data)
        entry = entries.setdefault(source, Entry(name, source, (), row.split, row.where))
        if entry.split != row.split:
            message = (
                f"image {row.name!r} is for {row.split or 'nothing named'} here and for "
                f"{entry.split or 'nothing named'} in {entry.where}; an image is for one thing"
            )
            problems.append(Problem("in two splits", row.where, message))
        entries[source] = replace(entry, captions=(*entry.captions, *row.captions))
    return Manifest(form, tuple(entries.values()), tuple(problems))


def _join(form: str, parts: Sequence[Manifest]) -> Manifest:
    """Return the parts as one data set, in which an image may be named once."""
    entries: dict[ImageFile, Entry] = {}
    problems = [problem for part in parts for problem in part.problems]
    for entry in (entry for part in parts for entry in part.entries):
        first = entries.setdefault(entry.source, entry)
        if first is not entry:
            message = f"image {entry.name!r} is in {first.where} too; name it once"
            problems.append(Problem("in two splits", entry.where, message))
    return Manifest(form, tuple(entries.values()), tuple(problems))
