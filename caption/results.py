"""Captions of many files, as the COCO evaluation server and its tools want them."""

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from caption.annotations import read_image_records
from caption.errors import DataError
from caption.files import write_json
from caption.predict import DescribedFile
from caption.vision.features import ImageId
from caption.vision.image import list_images, resolve_inside


def find_images(source: str) -> list[Path]:
    """Return the image that a path names, those of a folder, or those that a pattern matches.

    Raises:
        DataError: there is none.
    """
    path = Path(source)
    if path.is_dir():
        found = list_images(path)
    elif os.path.lexists(path) or not glob.has_magic(source):
        return [path]  # the one door for images says what is wrong with it
    else:
        found = [Path(name) for name in sorted(glob.glob(source, recursive=True))]  # noqa: PTH207
        found = [file for file in found if file.is_file()]
    if not found:
        raise DataError(f"{source}: no images found; give an image, a folder or a pattern")
    return found


def listed_images(annotations: Path, root: Path) -> dict[Path, ImageId]:
    """Return the images that a COCO JSON file lists, with their ids there.

    A file that is missing is not refused here: it becomes an error row of the run.
    """
    return {
        resolve_inside(root, record["file_name"]): record["id"]
        for record in read_image_records(annotations)
    }


def named_images(paths: Sequence[Path]) -> dict[Path, ImageId]:
    """Return an id for each file: its name without the suffix, as a number if it is one.

    Raises:
        DataError: two files would have the same id.
    """
    by_id: dict[ImageId, Path] = {}
    for path in paths:
        image_id = int(path.stem) if path.stem.isdecimal() else path.stem
        if by_id.setdefault(image_id, path) != path:
            raise DataError(
                f"{path} and {by_id[image_id]} would both have the image id {image_id!r}; "
                "give --annotations with an id for each file"
            )
    return {path: image_id for image_id, path in by_id.items()}


def write_results(
    output: Path, described: Iterable[DescribedFile], ids: Mapping[Path, ImageId]
) -> int:
    """Write COCO results JSON and return how many files failed.

    Failures go to a file beside it, `NAME.errors.json`, because the official tools expect a caption
    in every row.
    """
    rows: list[dict[str, ImageId]] = []
    errors: list[dict[str, ImageId]] = []
    for file in described:
        image_id = ids[file.path]
        if file.caption is None:
            errors.append({"image_id": image_id, "error": str(file.error)})
        else:
            rows.append({"image_id": image_id, "caption": file.caption.text})
    write_json(output, rows)
    beside = output.with_suffix(".errors.json")
    if errors:
        write_json(beside, errors)
    else:
        beside.unlink(missing_ok=True)  # of an earlier run
    return len(errors)
