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
QUESTIONS = ["what colour is the block?", "is the block red?"]


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


def draw_folder(folder: Path) -> Path:
    """Begin a folder of all scenes and a broken picture."""
    folder.mkdir()
    for colour in COLOURS:
        for side in SIDES:
            scene(colour, side).save(folder / f"{colour}-{side}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


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


def write_questions(root: Path) -> tuple[Path, Path, Path]:
    """Write two questions about every scene in the VQA format."""
    images = root / "images"
    images.mkdir(parents=True)
    questions, annotations, files = [], [], []
    for number, (colour, side) in enumerate((c, s) for c in COLOURS for s in SIDES):
        scene(colour, side).save(images / f"{number}.png")
        files.append({"id": number, "file_name": f"{number}.png"})
        for text, answer in zip(
            QUESTIONS, (colour, "yes" if colour == "red" else "no"), strict=True
        ):
            identity = {"question_id": len(questions), "image_id": number}
            questions.append({**identity, "question": text})
            annotations.append(
                {
                    **identity,
                    "answers": [{"answer": answer}],
                    "answer_type": "other",
                    "question_type": text.split()[0],
                }
            )
    paths = root / "questions.json", root / "annotations.json", images
    paths[0].write_text(json.dumps({"images": files, "questions": questions}))
    paths[1].write_text(json.dumps({"annotations": annotations}))
    return paths
