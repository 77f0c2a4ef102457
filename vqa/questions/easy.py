"""The easy-VQA data set: 48,000 questions about images of one coloured shape each.

Victor Zhou 2019, https://github.com/vzhou842/easy-VQA; the package `easy-vqa` brings the images.
"""

import json
import shutil
from pathlib import Path
from typing import Literal

from caption.errors import DataError
from caption.files.paths import ImageId
from vqa.data.annotations import ImageQuestion

SHAPES = ("circle", "rectangle", "triangle")


def read_easy_vqa(
    split: Literal["train", "test"], images: Path
) -> tuple[list[ImageQuestion], dict[ImageId, str]]:
    """Return the questions of a split and the names of the image files, which are copied.

    Args:
        split: which half.
        images: directory that receives the image files.

    Raises:
        DataError: the package is not installed.
    """
    try:
        import easy_vqa
    except ImportError:
        raise DataError(
            'easy-VQA is not installed; python -m pip install -e ".[easyvqa]" brings it'
        ) from None
    source = Path(easy_vqa.__file__).parent / "data" / split
    images.mkdir(parents=True, exist_ok=True)
    records = json.loads((source / "questions.json").read_text(encoding="utf-8"))
    files: dict[ImageId, str] = {}
    for _, _, image_id in records:
        if image_id not in files:
            files[image_id] = f"{image_id}.png"
            shutil.copyfile(source / "images" / files[image_id], images / files[image_id])
    questions = [
        ImageQuestion(number, image_id, text, (answer,), *_kinds(answer))
        for number, (text, answer, image_id) in enumerate(records, start=1)
    ]
    return questions, files


def _kinds(answer: str) -> tuple[str, str]:
    """Return the question's type and the answer's."""
    if answer in ("yes", "no"):
        return "yes/no", "yes/no"
    return ("shape" if answer in SHAPES else "colour"), "other"
