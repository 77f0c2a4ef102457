"""Tiny real objects that many tests share."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image

from caption.config import DecoderConfig
from caption.model import CaptionModel
from caption.predict import Captioner
from caption.text.vocabulary import Vocabulary
from caption.vision.config import EncoderConfig, PreprocessConfig

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


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return write_data_set(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    captions = (text for c in COLOURS for s in SIDES for text in captions_of(c, s))
    return Vocabulary.build(captions, minimum_count=1)


@pytest.fixture
def tiny_model(vocabulary: Vocabulary) -> CaptionModel:
    """A whole captioner with random weights: a grid of 2 rows and 3 columns."""
    torch.manual_seed(0)
    return CaptionModel(
        EncoderConfig(
            architecture="shufflenet_v2_x0_5", preprocess=PreprocessConfig(size=(64, 96))
        ),
        DecoderConfig(word_dim=16, visual_dim=24, state_dim=32, attention_dim=16),
        vocabulary,
    ).eval()


@pytest.fixture
def captioner(tiny_model: CaptionModel) -> Captioner:
    return Captioner(tiny_model)
