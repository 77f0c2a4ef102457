"""What each form of captioned pictures says, record by record."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption.data.coco import captions_of, index_captions
from caption.files.locate import IMAGE_FIELDS, Split, inside, is_inside, split_of
from caption.files.paths import SUFFIXES, ImageId
from caption.files.records import fault_of
from caption.files.tables import Problem, Record, check_text, first_of, lines_of, text_of
from caption.files.tar import TarMember, tar_members

CAPTION_FIELDS = (
    *("captions", "caption", "text", "description", "sentence", "comment", "alt_text", "prompt"),
)


TOKEN_LINE = re.compile(r"([^\t]+)#\d+\t(.*)")
_MAX_TEXT = 2**20  # bytes of a text file in an archive or beside a picture


@dataclass(frozen=True)
class Row:
    """What one record says, before its file is looked for."""

    where: str
    name: str
    captions: tuple[str, ...]
    split: Split = ""
    source: TarMember | None = None
    image_id: ImageId | None = None
    """What its data set calls it, where it has ids."""


def rows_of_table(records: Iterable[Record | Problem]) -> Iterator[Row | Problem]:
    """Yield a row for each record that names an image."""
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
            yield Row(record.where, name.strip(), captions, split)


def _captions(value: Any) -> tuple[str, ...]:
    """Return one caption or many; raises ValueError for what is neither."""
    values = value if isinstance(value, list) else [value]
    return tuple(check_text(text, "caption") for text in values)


def rows_of_tokens(path: Path) -> Iterator[Row | Problem]:
    """Yield a row for each line of a Flickr token file."""
    for number, line in enumerate(lines_of(path), start=1):
        where = f"{path}, line {number}"
        match = TOKEN_LINE.match(line.rstrip("\r\n"))
        if match:
            yield Row(where, match[1], (match[2],))
        elif line.strip():
            yield Problem(
                "unreadable record", where, "expected 'name.jpg#0', a tab and the caption"
            )


def rows_of_coco(content: Mapping[str, Any], path: Path) -> Iterator[Row | Problem]:
    """Yield a row for each image, with all of its captions."""
    coco, problems = index_captions(content, path)
    yield from problems
    for image_id, image in coco.imgs.items():
        where = f"{path}: image {image_id!r}"
        if fault := fault_of(image, {"file_name": (str,)}):
            yield Problem("unreadable record", where, fault)
        else:
            yield Row(where, image["file_name"], captions_of(coco, image_id), image_id=image_id)


def _field(record: Any, name: str) -> Any:
    if not isinstance(record, dict) or record.get(name) is None:
        raise ValueError(f"expected an object with {name!r}")
    return record[name]


def rows_of_karpathy(content: Mapping[str, Any], path: Path) -> Iterator[Row | Problem]:
    """Yield a row for each image, with all of its captions."""
    for number, image in enumerate(content["images"]):
        where = f"{path}, image {number}"
        try:
            name = check_text(_field(image, "filename"), "filename")
            folder = check_text(image.get("filepath") or "", "filepath")
            sentences = _field(image, "sentences")
            if not isinstance(sentences, list):
                raise ValueError("expected 'sentences' to be a list")  # noqa: TRY004, TRY301
            captions = tuple(check_text(_field(s, "raw"), "raw") for s in sentences)
            split = split_of(check_text(image.get("split") or "", "split"))
        except ValueError as error:
            yield Problem("unreadable record", where, str(error))
        else:
            own = image.get("cocoid")
            image_id = own if isinstance(own, int) and not isinstance(own, bool) else None
            name = f"{folder}/{name}" if folder else name
            yield Row(where, name, captions, split, image_id=image_id)


def rows_of_shard(path: Path) -> Iterator[Row | Problem]:
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


def _sample_row(sample: Mapping[str, TarMember]) -> Iterator[Row | Problem]:
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
        yield Row(where, image.name, captions, source=image)


def rows_beside(images: Sequence[Path], data: Path) -> Iterator[Row | Problem]:
    """Yield a row for each picture, with the text file beside it."""
    for image in images:
        text = image.with_suffix(".txt")
        captions: tuple[str, ...] = ()
        try:
            if is_inside(text, data):
                with text.open("rb") as file:
                    captions = (_decoded(file.read(_MAX_TEXT)),)
        except UnicodeDecodeError:
            yield Problem("unreadable record", str(text), "is not UTF-8; save it as UTF-8")
        except (ValueError, OSError) as error:
            yield Problem("unreadable record", str(text), f"cannot be read ({error})")
        else:
            name = inside(image, data)
            yield Row(str(image), name, captions, split_of(str(Path(name).parent)))


def _decoded(data: bytes) -> str:
    return " ".join(data.decode("utf-8-sig").split())
