"""Divide a COCO captions file in two by chance: photos to learn from, and some held out."""

import random
from dataclasses import dataclass
from pathlib import Path

from caption.commands.run import run
from caption.errors import DataError
from caption.files.records import read_json
from caption.files.writing import write_json


@dataclass(frozen=True, kw_only=True)
class Args:
    """Divide a COCO captions file in two by chance: photos to learn from, and some held out."""

    annotations: Path
    """COCO captions JSON file."""
    output: Path
    """Directory that receives train.json and held_out.json."""
    count: int = 150
    """Photos that are held out."""
    seed: int = 0
    """Decides which."""


def main(args: Args) -> None:
    """Write both files."""
    content = read_json(args.annotations, expected="COCO captions JSON")
    ids = sorted(image["id"] for image in content["images"])
    if not 0 < args.count < len(ids):
        raise DataError(f"count must be from 1 to {len(ids) - 1}, got {args.count}")
    held_out = set(random.Random(args.seed).sample(ids, args.count))
    args.output.mkdir(parents=True, exist_ok=True)
    for name, wanted in (("train", set(ids) - held_out), ("held_out", held_out)):
        part = {
            "images": [image for image in content["images"] if image["id"] in wanted],
            "annotations": [a for a in content["annotations"] if a["image_id"] in wanted],
        }
        write_json(args.output / f"{name}.json", {**content, **part})
        print(f"{args.output / name}.json: {len(part['images'])} photos")


if __name__ == "__main__":
    run(main, Args)
