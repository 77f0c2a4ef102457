"""COCO-format files: captions of images, lists of images, results of a captioner.

Every record is checked before pycocotools indexes it, because it trusts what it reads. What is
wrong with one is a `Problem`; those who need the whole file refuse it for the first of them.
"""

import contextlib
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO

from caption.data.captioned import ENDLESS
from caption.errors import DataError
from caption.files.paths import ImageId
from caption.files.records import check_fields, fault_of, read_json, refuse_duplicates, results_of
from caption.files.tables import Problem


def index_captions(content: Any, source: Path) -> tuple[COCO, list[Problem]]:
    """Return the good records of a captions file, and what is wrong with the others.

    Args:
        content: what the file holds.
        source: the file, for the messages.

    Raises:
        DataError: it is no captions file at all.
    """
    images, captions = (_records(content, key, source) for key in ("images", "annotations"))
    problems: list[Problem] = []
    good_images = list(_good_images(images, source, problems))
    known = {image["id"] for image in good_images}
    good_captions = list(_good_captions(captions, known, source, problems))
    coco = COCO()
    # The index needs ids, which a hand-made file may lack.
    numbered = [{**record, "id": number} for number, record in enumerate(good_captions)]
    coco.dataset = {"images": good_images, "annotations": numbered}
    with contextlib.redirect_stdout(io.StringIO()):  # it reports its progress by printing
        coco.createIndex()
    return coco, problems


def captions_of(coco: COCO, image_id: ImageId) -> tuple[str, ...]:
    """Return what an indexed file says of an image."""
    return tuple(record["caption"] for record in coco.imgToAnns[image_id])


def _good_images(
    records: Sequence[Any], source: Path, problems: list[Problem]
) -> Iterator[dict[str, Any]]:
    known: set[ImageId] = set()
    for number, record in enumerate(records):
        fault = fault_of(record, {"id": (int, str)})
        if fault is None and record["id"] in known:
            fault = f"image id {record['id']!r} appears more than once; give each image its own"
        if fault is None:
            known.add(record["id"])
            yield record
        else:
            problems.append(Problem("unreadable record", f"{source}: image number {number}", fault))


def _good_captions(
    records: Sequence[Any], images: set[ImageId], source: Path, problems: list[Problem]
) -> Iterator[dict[str, Any]]:
    known: set[str] = set()
    for number, record in enumerate(records):
        name = f"annotation number {number}"
        fault = fault_of(record, {"image_id": (int, str), "caption": (str,)})
        if fault is None:
            name = f"annotation {record.get('id', f'number {number}')}"
            own = repr(record.get("id", f"number {number}"))
            if own in known:
                fault = f"annotation id {own} appears more than once; give each its own"
            known.add(own)
        if fault is None and record["image_id"] not in images:
            fault = (
                f"its image_id {record['image_id']!r} is not among the images; remove it or add "
                "the image"
            )
        if fault is None:
            yield record
        else:
            problems.append(Problem("unreadable record", f"{source}: {name}", fault))


def _records(dataset: Any, key: str, source: Path) -> list[Any]:
    records = dataset.get(key) if isinstance(dataset, dict) else None
    if not isinstance(records, list):
        raise DataError(
            f"{source}: expected an object with the lists 'images' and 'annotations', as in the "
            "COCO captions format"
        )
    return records


def read_references(annotations: Path) -> dict[ImageId, tuple[str, ...]]:
    """Return the captions of each image; the images themselves need not be there.

    Raises:
        DataError: names the first record that is not as expected.
    """
    coco = _load_coco(annotations)
    return {image_id: captions_of(coco, image_id) for image_id in coco.imgs}


def _load_coco(annotations: Path) -> COCO:
    """Index a file in which every image has captions and every caption words."""
    content = read_json(annotations, expected="a COCO captions JSON file")
    coco, problems = index_captions(content, annotations)
    if problems:
        raise DataError(f"{problems[0]} ({len(problems)} such)")
    for record in content["annotations"]:
        if not record["caption"].strip():
            raise DataError(
                f"{annotations}: a caption of image {record['image_id']!r} is empty; "
                "write one or remove the record"
            )
        _refuse_endless(record["caption"], record["image_id"], annotations)
    without = [image_id for image_id in coco.imgs if not coco.imgToAnns[image_id]]
    if without:
        raise DataError(
            f"{annotations}: image {without[0]!r} has no caption ({len(without)} such); "
            "add one or remove the image"
        )
    return coco


def read_results(
    results: Path, images: Collection[ImageId], source: Path, *, subset: bool = False
) -> dict[ImageId, str]:
    """Return the captions of a COCO results file in the order of the images.

    Args:
        results: a list of `image_id` and `caption`, such as `glimpse caption` writes.
        images: those that are to be captioned.
        source: where these are listed, for the messages.
        subset: whether images may be missing.

    Raises:
        DataError: an image is unknown, missing or there twice, or a record is not as expected.
    """
    example = '{"image_id": 1, "caption": "a dog"}'
    captions = results_of(
        results,
        images,
        about="image",
        said="caption",
        example=example,
        subset=subset,
        source=source,
    )
    for image_id, caption in captions.items():
        _refuse_endless(caption, image_id, results)
    return captions


def _refuse_endless(caption: str, image_id: ImageId, source: Path) -> None:
    if len(caption) > ENDLESS:
        raise DataError(
            f"{source}: a caption of image {image_id!r} has {len(caption):,} characters; "
            "expected a sentence"
        )


def read_image_records(annotations: Path) -> list[dict[str, Any]]:
    """Return the image records, with `id` and `file_name`, of any COCO JSON file.

    Raises:
        DataError: names the first record that is not as expected.
    """
    content = read_json(annotations, expected="a COCO JSON file with a list of images")
    records = _records(content, "images", annotations)
    check_fields(records, "image", {"id": (int, str), "file_name": (str,)}, annotations)
    refuse_duplicates((record["id"] for record in records), "image id", annotations)
    return records
