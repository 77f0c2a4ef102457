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

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from caption.data.captioned import PICTURES_ALONE, CaptionedImage, DataSet
from caption.data.rows import (
    CAPTION_FIELDS,
    TOKEN_LINE,
    Row,
    rows_beside,
    rows_of_coco,
    rows_of_karpathy,
    rows_of_shard,
    rows_of_table,
    rows_of_tokens,
)
from caption.errors import Argument, DataError
from caption.files.locate import (
    IMAGE_FIELDS,
    best_folder,
    find_file,
    folders_of,
    inside,
    is_inside,
    name_of,
    split_of,
)
from caption.files.paths import SUFFIXES, ImageFile, list_images
from caption.files.records import read_json, short
from caption.files.tables import (
    DELIMITERS,
    Problem,
    delimiter_of,
    first_fields,
    first_line,
    names_a_picture,
    read_csv,
    read_table,
)


@dataclass(frozen=True)
class _Found:
    """A file that holds captions, and how it is read."""

    path: Path
    form: str
    rows: Callable[[], Iterable[Row | Problem]]


def read_captions(data: Path, manifest: Path | None = None) -> DataSet:
    """Read the captioned pictures of a folder: the one reader, whatever the form.

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
        # Its name says nothing of what it is for now: one may well learn from captions_val.json.
        return _read([found], data, named=True)
    found_files = _look_through(data)
    if found_files:
        return _read(found_files, data)
    images = list_images(data)
    if not images:
        raise DataError(f"{data}: no pictures and no list of captions in this folder")
    beside = [path.with_suffix(".txt") for path in images]
    if any(path.is_file() for path in beside):
        form, rows = "a text file beside each picture", rows_beside(images, data)
        return _resolve(form, rows, data, [Path()])
    names = [inside(path, data) for path in images]
    alone = [
        CaptionedImage(name, path, (), name, where=str(path))
        for name, path in zip(names, images, strict=True)
    ]
    return DataSet(PICTURES_ALONE, tuple(alone), tuple(_unknown_lists(data)))


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


def _read(found: Sequence[_Found], data: Path, *, named: bool = False) -> DataSet:
    """Return what files hold that were found in the folder, or that were named by its owner."""
    parts = []
    for file in found:
        split = "" if named else split_of(inside(file.path, data))
        rows = [
            replace(row, split=row.split or split) if isinstance(row, Row) else row
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
        f"{data}: several files hold captions ({names})",
        Argument("manifest", "FILE", "to say which is meant"),
    )


def _identify(path: Path) -> _Found | None:
    """Return what a file is if it holds captions."""
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        fields = set(first_fields(path))
        if fields and not (fields & set(IMAGE_FIELDS) and fields & set(CAPTION_FIELDS)):
            return None
        return _Found(path, "JSON lines", lambda: rows_of_table(read_table(path)))
    if suffix == ".tar":
        return _Found(path, "webdataset shards", lambda: rows_of_shard(path))
    if suffix == ".json":
        content = read_json(path, expected="COCO or Karpathy captions")
        images = content.get("images") if isinstance(content, dict) else None
        if not isinstance(images, list):
            return None
        if any(isinstance(image, dict) and "sentences" in image for image in images[:10]):
            return _Found(path, "Karpathy JSON", lambda: rows_of_karpathy(content, path))
        annotations = content.get("annotations")
        some = annotations[:10] if isinstance(annotations, list) else []
        if any(isinstance(record, dict) and "caption" in record for record in some):
            return _Found(path, "COCO captions JSON", lambda: rows_of_coco(content, path))
        return None
    if suffix in (".csv", ".tsv", ".txt", ".token"):
        return _identify_table(path)
    return None


def _identify_table(path: Path) -> _Found | None:
    if TOKEN_LINE.match(first_line(path)):
        return _Found(path, "Flickr token file", lambda: rows_of_tokens(path))
    cells = first_fields(path)
    form = f"table separated by {DELIMITERS[delimiter_of(path)]}"
    if set(cells) & set(IMAGE_FIELDS) and set(cells) & set(CAPTION_FIELDS):
        return _Found(path, form, lambda: rows_of_table(read_table(path)))
    if len(cells) >= 2 and names_a_picture(cells[0]):
        columns = ("image", "caption")
        return _Found(
            path,
            f"{form} without a header",
            lambda: rows_of_table(read_csv(path, columns=columns)),
        )
    return None


def _resolve(
    form: str, rows: Iterable[Row | Problem], data: Path, folders: Sequence[Path]
) -> DataSet:
    """Return the rows with the files that they name, those of a file together."""
    rows = list(rows)
    problems = [row for row in rows if isinstance(row, Problem)]
    good = [row for row in rows if isinstance(row, Row)]
    some = list(islice((row.name for row in good if row.source is None), 50))
    folder = best_folder(data, folders, some)
    images: dict[ImageFile, CaptionedImage] = {}
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
        image_id = name if row.image_id is None else row.image_id
        new = CaptionedImage(image_id, source, (), name, row.split, row.where)
        image = images.setdefault(source, new)
        if image.split != row.split:
            message = (
                f"image {row.name!r} is for {row.split or 'nothing named'} here and for "
                f"{image.split or 'nothing named'} in {image.where}; an image is for one thing"
            )
            problems.append(Problem("in two splits", row.where, message))
        if image.image_id != image_id:
            message = f"the file of image {image.image_id!r} too; give each image its own"
            problems.append(Problem("file of two images", row.where, message))
        images[source] = replace(image, captions=(*image.captions, *row.captions))
    return DataSet(form, tuple(images.values()), tuple(problems))


def _join(form: str, parts: Sequence[DataSet]) -> DataSet:
    """Return the parts as one data set, in which an image may be named once."""
    images: dict[ImageFile, CaptionedImage] = {}
    problems = [problem for part in parts for problem in part.problems]
    for image in (image for part in parts for image in part.images):
        first = images.setdefault(image.source, image)
        if first is not image:
            message = f"image {image.name!r} is in {first.where} too; name it once"
            problems.append(Problem("in two splits", image.where, message))
    if len({image.image_id for image in images.values()}) < len(images):
        # Two files may count from 1 each; the names are always different.
        named = (replace(image, image_id=image.name) for image in images.values())
        return DataSet(form, tuple(named), tuple(problems))
    return DataSet(form, tuple(images.values()), tuple(problems))
