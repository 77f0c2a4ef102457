"""A writer as a person makes it: features stored once, a decoder trained on them, packed, used."""

import json

import pytest
from console import run_here
from languages import captions_in
from tiny import COLOURS, SIDES
from tiny_models import caption_model

from caption.models.captioner import CaptionModel

QUICK = [
    *("--config.text.minimum-count", "1", "--config.batch.images", "3"),
    *("--config.batch.workers", "0", "--config.trainer.epochs", "1"),
]


@pytest.fixture(scope="module")
def german(data_set, tmp_path_factory):
    """A COCO file with German captions of four of the six pictures, in another order."""
    said = captions_in("de")
    scenes = [(colour, side) for colour in COLOURS for side in SIDES]
    chosen = [(number, scenes[number]) for number in (5, 0, 3, 2)]
    content = {
        "images": [{"id": n, "file_name": f"{c}_{s}.png"} for n, (c, s) in chosen],
        "annotations": [
            {"id": 10 * n + again, "image_id": n, "caption": said[scene]}
            for n, scene in chosen
            for again in (0, 1)
        ],
    }
    path = tmp_path_factory.mktemp("german") / "captions_de.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def captioner(data_set, german, vocabulary, tmp_path_factory):
    """The directory of a captioner with a German writer, made by commands alone."""
    root = tmp_path_factory.mktemp("writer")
    home = root / "model"
    caption_model(vocabulary).save_pretrained(home, card="")
    for part in ("train", "validation"):
        stored = run_here(
            *("prepare", "features", "--annotations", data_set.annotations, "--model", home),
            *("--images", data_set.images, "--output", root / "features" / part),
        )
        assert stored.returncode == 0, stored.stderr
    trained = run_here(
        *("train", "captions", "--run", root / "run", "--initial", home, *QUICK),
        *("--data", data_set.images, "--manifest", german, "--features", root / "features"),
        *("--validation-data", data_set.images, "--validation-manifest", german),
    )
    assert trained.returncode == 0, trained.stderr
    assert "its eyes and its attention are kept" in trained.stdout
    card = root / "card.md"
    card.write_text(CARD)
    packed = run_here(
        *("pack", "--model", root / "run" / "best", "--writer-of", home, "--bits", 8),
        *("--card", card, "--output", home / "de"),
    )
    assert packed.returncode == 0, packed.stderr
    return home


CARD = """\
---
language: de
model-index:
- name: german
  results:
  - task: {type: image-to-text}
    dataset: {type: blocks, name: "Blocks"}
    metrics:
    - {type: cider, name: CIDEr-D, value: 0.5}
---
# Blocks in German
"""


def test_a_writer_is_trained_on_stored_features_and_packed(captioner) -> None:
    whole = CaptionModel.from_pretrained(captioner.parent / "run" / "best")
    writer = CaptionModel.from_pretrained(captioner / "de")
    assert writer.vocabulary == whole.vocabulary
    assert writer.encoder.fingerprint() == whole.encoder.fingerprint()
    size = (captioner / "de" / "model.safetensors").stat().st_size
    numbers = sum(weight.numel() for weight in whole.get_submodule("decoder").parameters())
    assert size < 2 * numbers
