"""Tiny real objects: coloured blocks on grey, what is said of them, and data sets of them."""

import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
"""The checkout."""
SHARED = ROOT.parent / "shared"
"""Real data, where it is there."""
GOLDEN = Path(__file__).parent / "golden"

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 60, 220)}
SIDES = ("left", "right")


@dataclass(frozen=True)
class DataSet:
    """A COCO captions file and the directory of its images."""

    annotations: Path
    images: Path


def scene(colour: str, side: str) -> Image.Image:
    """Return a grey picture with a coloured block on one side."""
    image = Image.new("RGB", (96, 64), (120, 120, 120))
    image.paste(COLOURS[colour], (0, 0, 48, 64) if side == "left" else (48, 0, 96, 64))
    return image


def captions_of(colour: str, side: str) -> list[str]:
    """Return what two people would say of a scene."""
    return [f"A {colour} block on the {side}.", f"the {side} side is {colour}"]


def write_data_set(root: Path) -> DataSet:
    """Write every scene with its captions in the COCO captions format."""
    images = root / "images"
    images.mkdir(parents=True)
    records: dict[str, list[dict[str, object]]] = {"images": [], "annotations": []}
    for number, (colour, side) in enumerate((c, s) for c in COLOURS for s in SIDES):
        name = f"{colour}_{side}.png"
        scene(colour, side).save(images / name)
        records["images"].append({"id": number, "file_name": name})
        for caption in captions_of(colour, side):
            records["annotations"].append(
                {"id": len(records["annotations"]), "image_id": number, "caption": caption}
            )
    annotations = root / "captions.json"
    annotations.write_text(json.dumps(records), encoding="utf-8")
    return DataSet(annotations, images)
