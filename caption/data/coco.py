"""COCO-format files: captions of images, lists of images, results of a captioner.

Every record is checked before pycocotools indexes it, because it trusts what it reads.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO

from caption.errors import DataError
from caption.files.paths import ImageFile, ImageId, resolve_inside
from caption.files.records import check_fields, read_json, refuse_duplicates


@dataclass(frozen=True)
class CaptionedImage:
    """One image and what people said of it."""

    image_id: ImageId
    source: ImageFile
    captions: tuple[str, ...]
    style: int = 0
    """The way in which they said it, as the model numbers its own; 0 is its main one."""


def read_captions(annotations: Path, images: Path) -> list[CaptionedImage]:
    """Read a data set in the COCO captions format.

    Args:
        annotations: JSON file with `images` and `annotations`.
        images: directory that the file names in it are relative to.

    Raises:
        DataError: names the first record that is not as expected.
    """
    coco = _load_coco(annotations)
    _check_file_names(coco.dataset["images"], annotations)
    examples = []
    for image_id, image in coco.imgs.items():
        path = resolve_inside(images, image["file_name"])
        if not path.is_file():
            raise DataError(
                f"{annotations}: image {image_id}: no file {image['file_name']!r} in {images}; "
                "check --images, or leave the image out of the annotations"
            )
        examples.append(CaptionedImage(image_id, path, _captions(coco, image_id)))
    return examples


def read_references(annotations: Path) -> dict[ImageId, tuple[str, ...]]:
    """Return the captions of each image; the images themselves need not be there.

    Raises:
        DataError: names the first record that is not as expected.
    """
    coco = _load_coco(annotations)
    return {image_id: _captions(coco, image_id) for image_id in coco.imgs}


def read_results(results: Path, annotations: Path, *, subset: bool = False) -> dict[ImageId, str]:
    """Return the captions of a COCO results file in the order of the annotations' images.

    Args:
        results: a list of `image_id` and `caption`, such as `describe.py --output` writes.
        annotations: captions JSON file that lists the images.
        subset: whether images may be missing.

    Raises:
        DataError: names the first record that is not as expected.
    """
    coco = _load_coco(annotations)
    records = read_json(results, expected="a COCO results JSON file")
    if not isinstance(records, list) or not records:
        raise DataError(
            f'{results}: expected a list of records like {{"image_id": 1, "caption": "a dog"}}, '
            f"got {'an empty list' if records == [] else type(records).__name__}"
        )
    check_fields(records, "record", {"image_id": (int, str), "caption": (str,)}, results)
    refuse_duplicates((record["image_id"] for record in records), "image_id", results)
    _check_images([record["image_id"] for record in records], coco.imgs, results, annotations)
    missing = coco.imgs.keys() - {record["image_id"] for record in records}
    if missing and not subset:
        raise DataError(
            f"{results}: no caption for {len(missing)} of {len(coco.imgs)} images, the first is "
            f"{min(missing, key=str)!r}; caption them all, or give --subset to score the rest"
        )
    with contextlib.redirect_stdout(io.StringIO()):  # it reports its progress by printing
        found = coco.loadRes(records)
    return {image_id: _captions(found, image_id)[0] for image_id in found.imgs}


def _check_images(
    image_ids: Sequence[ImageId], known: Mapping[ImageId, Any], results: Path, annotations: Path
) -> None:
    unknown = [image_id for image_id in image_ids if image_id not in known]
    if unknown:
        other = str if isinstance(unknown[0], int) else int
        same = [i for i in known if isinstance(i, other) and str(i) == str(unknown[0])]
        cure = f"write the id as {same[0]!r}" if same else "remove it, or give its references"
        raise DataError(
            f"{results}: image_id {unknown[0]!r} is not among the images of {annotations} "
            f"({len(unknown)} such); {cure}"
        )


def _captions(coco: COCO, image_id: ImageId) -> tuple[str, ...]:
    return tuple(record["caption"] for record in coco.imgToAnns[image_id])


def _load_coco(annotations: Path) -> COCO:
    """Check the file record by record and index it with pycocotools."""
    dataset = read_json(annotations, expected="a COCO captions JSON file")
    images = _image_records(dataset, annotations)
    captions = _records(dataset, "annotations", annotations)
    fields = {"image_id": (int, str), "caption": (str,)}
    check_fields(captions, "annotation", fields, annotations)
    ids = (record["id"] for record in captions if "id" in record)
    refuse_duplicates(ids, "annotation id", annotations)
    _check_captions(captions, [image["id"] for image in images], annotations)
    coco = COCO()
    # The index needs ids, which a hand-made file may lack.
    numbered = [{**record, "id": number} for number, record in enumerate(captions)]
    coco.dataset = {"images": images, "annotations": numbered}
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def read_image_records(annotations: Path) -> list[dict[str, Any]]:
    """Return the image records, with `id` and `file_name`, of any COCO JSON file.

    Raises:
        DataError: names the first record that is not as expected.
    """
    records = _image_records(
        read_json(annotations, expected="a COCO JSON file with a list of images"), annotations
    )
    _check_file_names(records, annotations)
    return records


def _image_records(dataset: Any, source: Path) -> list[dict[str, Any]]:
    records = _records(dataset, "images", source)
    check_fields(records, "image", {"id": (int, str)}, source)
    refuse_duplicates((record["id"] for record in records), "image id", source)
    return records


def _check_file_names(records: Sequence[Any], source: Path) -> None:
    check_fields(records, "image", {"file_name": (str,)}, source)


def _records(dataset: Any, key: str, source: Path) -> list[Any]:
    records = dataset.get(key) if isinstance(dataset, dict) else None
    if not isinstance(records, list):
        raise DataError(
            f"{source}: expected an object with the lists 'images' and 'annotations', as in the "
            "COCO captions format"
        )
    return records


def _check_captions(
    records: Sequence[dict[str, Any]], image_ids: Sequence[ImageId], source: Path
) -> None:
    known, captioned = set(image_ids), set()
    for number, record in enumerate(records):
        name = f"annotation {record.get('id', f'number {number}')}"
        if record["image_id"] not in known:
            raise DataError(
                f"{source}: {name}: its image_id {record['image_id']!r} is not among the images"
            )
        if not record["caption"].strip():
            raise DataError(
                f"{source}: {name}: the caption of image {record['image_id']!r} is empty; "
                "write one or remove the record"
            )
        captioned.add(record["image_id"])
    missing = [image_id for image_id in image_ids if image_id not in captioned]
    if missing:
        raise DataError(
            f"{source}: image {missing[0]!r} has no caption ({len(missing)} such); "
            "add one or remove the image"
        )
