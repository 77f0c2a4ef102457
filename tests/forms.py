"""Two captioned pictures, and the texts that say so in some of the forms that people use."""

import csv
import io
import json
from pathlib import Path

from tiny import scene

SAID = {"red.png": ("a red block", "red, left"), "sub/blue.png": ('a "blue" block', "it is blue")}


def pictures(folder: Path) -> Path:
    """Write the two pictures of SAID."""
    (folder / "sub").mkdir(parents=True)
    scene("red", "left").save(folder / "red.png")
    scene("blue", "right").save(folder / "sub" / "blue.png")
    return folder


def json_lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def table(rows, **options) -> str:
    text = io.StringIO()
    csv.writer(text, **options).writerows(rows)
    return text.getvalue()


PAIRS = [(name, text) for name, texts in SAID.items() for text in texts]


COCO = {
    "images": [{"id": n, "file_name": name} for n, name in enumerate(SAID)],
    "annotations": [
        {"id": 10 * n + k, "image_id": n, "caption": text}
        for n, texts in enumerate(SAID.values())
        for k, text in enumerate(texts)
    ],
}
