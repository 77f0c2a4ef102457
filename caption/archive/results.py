"""Captions of many files, as the COCO evaluation server and its tools want them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from caption.data.coco import read_image_records
from caption.errors import Argument, DataError
from caption.files.paths import ImageFile, ImageId, resolve_inside
from caption.files.writing import write_json
from caption.predict import DescribedFile


def listed_images(annotations: Path, root: Path) -> dict[ImageFile, ImageId]:
    """Return the images that a COCO JSON file lists, with their ids there.

    A file that is missing is not refused here: it becomes an error row of the run.
    """
    return {
        resolve_inside(root, record["file_name"]): record["id"]
        for record in read_image_records(annotations)
    }


def named_images(files: Sequence[ImageFile]) -> dict[ImageFile, ImageId]:
    """Return an id for each file: its name without the suffix, as a number if it is one.

    Raises:
        DataError: two files would have the same id.
    """
    by_id: dict[ImageId, ImageFile] = {}
    for file in files:
        stem = Path(file.name).stem
        image_id = int(stem) if stem.isdecimal() else stem
        if by_id.setdefault(image_id, file) != file:
            raise DataError(
                f"{file} and {by_id[image_id]} would both have the image id {image_id!r}",
                Argument("annotations", "FILE", "with an id for each"),
            )
    return {file: image_id for image_id, file in by_id.items()}


def write_results(
    output: Path, described: Iterable[DescribedFile], ids: Mapping[ImageFile, ImageId]
) -> int:
    """Write COCO results JSON and return how many files failed.

    Failures go to a file beside it, `NAME.errors.json`, because the official tools expect a caption
    in every row.
    """
    rows: list[dict[str, ImageId]] = []
    errors: list[dict[str, ImageId]] = []
    for file in described:
        image_id = ids[file.source]
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
