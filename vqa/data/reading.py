"""Questions about images, as VQA-format files hold them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from caption.data.divide import by_lot
from caption.errors import DataError
from caption.files.paths import ImageFile, ImageId, resolve_inside
from caption.files.records import check_fields, read_json, refuse_duplicates
from vqa.data.annotations import ImageQuestion, question_records, read_answers, read_history


@dataclass(frozen=True)
class VqaData:
    """Questions and the files of their images."""

    questions: tuple[ImageQuestion, ...]
    images: Mapping[ImageId, ImageFile]

    def of(self, image_ids: Sequence[ImageId]) -> "VqaData":
        """Return the questions about these images."""
        chosen = set(image_ids)
        return VqaData(
            tuple(q for q in self.questions if q.image_id in chosen),
            {image: path for image, path in self.images.items() if image in chosen},
        )


def read_vqa(questions: Path, annotations: Path, images: Path) -> VqaData:
    """Read a data set in the format of VQA v1 and v2.

    Args:
        questions: JSON file with `questions`, and with `images` (id, file_name) unless the files
            are named as COCO's are.
        annotations: JSON file with what people answered.
        images: directory of the images.

    Raises:
        DataError: names the first record that is not as expected.
    """
    content = read_json(questions, expected="a VQA questions JSON file")
    fields = {"question": (str,), "image_id": (int, str)}
    records = question_records(content, "questions", questions, fields)
    truths = read_answers(annotations)
    without = [r["question_id"] for r in records if r["question_id"] not in truths]
    if without:
        raise DataError(
            f"{annotations}: no answers to question {without[0]!r} ({len(without)} such); "
            f"give the annotations that belong to {questions}"
        )
    empty = [r["question_id"] for r in records if not r["question"].strip()]
    if empty:
        raise DataError(f"{questions}: question {empty[0]!r} is empty; write it or remove it")
    name_of = _file_names(content, questions)
    paths: dict[ImageId, ImageFile] = {}
    for record in records:
        image = record["image_id"]
        if image not in paths:
            path = paths[image] = resolve_inside(images, name_of(image))
            if not path.is_file():
                raise DataError(
                    f"{questions}: question {record['question_id']!r}: no file {path.name!r} of "
                    f"image {image!r} in {images}; check the directory"
                )
    return VqaData(
        tuple(
            ImageQuestion(
                r["question_id"],
                r["image_id"],
                r["question"],
                **asdict(truths[r["question_id"]]),
                history=read_history(r, questions),
            )
            for r in records
        ),
        paths,
    )


def _file_names(content: Mapping[str, Any], source: Path) -> Callable[[ImageId], str]:
    """Return what names the file of an image."""
    images = content.get("images")
    if images is None:
        part = content.get("data_subtype")
        if not isinstance(part, str):
            raise DataError(
                f"{source}: names no image files; add a list 'images' with id and file_name, or a "
                "'data_subtype' such as 'train2014' where they are named as COCO's are"
            )
        return lambda image: f"COCO_{part}_{image:012}.jpg" if isinstance(image, int) else image
    if not isinstance(images, list):
        raise DataError(f"{source}: expected 'images' to be a list")
    check_fields(images, "image", {"id": (int, str), "file_name": (str,)}, source)
    refuse_duplicates((image["id"] for image in images), "image id", source)
    names = {image["id"]: image["file_name"] for image in images}

    def name_of(image: ImageId) -> str:
        if image not in names:
            raise DataError(f"{source}: image {image!r} of a question is not among the images")
        return names[image]

    return name_of


def split_by_image(data: VqaData, *, share: float, seed: int) -> tuple[VqaData, VqaData]:
    """Hold out the questions of a share of the images, which no other question is about.

    Raises:
        DataError: there are too few images.
    """
    image_ids = sorted(data.images, key=str)
    # The lot chooses what is learnt from, the rest is held out.
    held_out, train = by_lot(image_ids, image_ids, 1 - share, seed)
    if not held_out or not train:
        raise DataError(
            f"{share:.0%} of {len(image_ids)} images leave nothing to learn or to validate; "
            "give more images or a validation set"
        )
    return data.of(train), data.of(held_out)


def join(parts: Sequence[VqaData]) -> VqaData:
    """Return the questions of all parts as one set; the same file is the same image.

    Ids become "part/id" where there is more than one part, as each part counts for itself.
    """
    if len(parts) == 1:
        return parts[0]
    image_of: dict[ImageFile, ImageId] = {}
    questions = []
    for number, part in enumerate(parts):
        for image_id, path in part.images.items():
            image_of.setdefault(path, f"{number}/{image_id}")
        questions += [
            replace(
                question,
                question_id=f"{number}/{question.question_id}",
                image_id=image_of[part.images[question.image_id]],
            )
            for question in part.questions
        ]
    return VqaData(tuple(questions), {image_id: path for path, image_id in image_of.items()})
