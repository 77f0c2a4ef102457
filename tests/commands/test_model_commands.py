"""Models listed, described and packed, as a person types it."""

import json

import pytest
from console import run_here

from caption.models.directory import DEFAULT_CAPTIONER
from vqa.predict import DEFAULT_ANSWERER


def test_the_models_of_the_package_are_listed() -> None:
    done = run_here("models")
    assert done.returncode == 0, done.stderr
    captioner, answerer = (facts(part) for part in done.stdout.split("\n\n"))
    assert (captioner["kind"], answerer["kind"]) == ("caption", "vqa")
    assert captioner["directory"] == str(DEFAULT_CAPTIONER.resolve())
    assert answerer["directory"] == str(DEFAULT_ANSWERER.resolve())
    architecture, encoder_id = captioner["encoder"].split(", ")
    assert architecture == "mobilenet_v2"
    assert answerer["encoder"].endswith(encoder_id)
    for model in (captioner, answerer):
        assert float(model["size"].split()[0]) > 5
        assert int(model["words"]) > 500
    assert int(answerer["answers"]) > 500


def test_a_model_is_packed_and_described(tiny_model, tmp_path) -> None:
    tiny_model.save_pretrained(tmp_path / "large", card="")
    card = tmp_path / "card.md"
    card.write_text("# Blocks")
    packed = run_here(
        *("pack", "--model", tmp_path / "large", "--card", card, "--output", tmp_path / "small")
    )
    assert packed.returncode == 0, packed.stderr
    assert (tmp_path / "small" / "README.md").read_text() == "# Blocks"
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("large", "small")]
    assert sizes[0] == pytest.approx(2 * sizes[1], rel=0.2)
    described = run_here("models", tmp_path / "small")
    assert described.returncode == 0, described.stderr
    model = facts(described.stdout)
    assert model["words"] == str(len(tiny_model.vocabulary))
    assert model["encoder"].startswith("shufflenet_v2_x0_5, ")
    assert model["format"] == "1"


def test_a_damaged_model_is_told_from_a_whole_one(tiny_model, tmp_path) -> None:
    tiny_model.save_pretrained(tmp_path, card="")
    weights = tmp_path / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    done = run_here("models", tmp_path)
    assert done.returncode == 2
    assert "checksum is not the one in config.json" in done.stderr
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "kind": "poem"}))
    assert "a model of kind 'poem'" in run_here("models", tmp_path).stderr


def facts(text: str) -> dict[str, str]:
    """Return what is said of a model, by name."""
    return dict(line.split(maxsplit=1) for line in text.strip().splitlines())
