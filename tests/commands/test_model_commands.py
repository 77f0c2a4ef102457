"""Models listed, described and packed, as a person types it."""

import json
import re

import pytest
import torch
from console import run_here

from caption.errors import ModelError
from caption.models import grow
from caption.models.captioner import CaptionModel
from caption.models.directory import CAPTIONERS, DEFAULT_CAPTIONER, NAMES
from caption.models.mean import give_mean
from vqa.commands.models import measured
from vqa.model import ANSWERERS


def test_the_models_of_the_package_are_listed_with_what_was_measured() -> None:
    done = run_here("models")
    assert done.returncode == 0, done.stderr
    for name in NAMES:
        sizes = re.findall(rf"^{name} +(captions|answers) +([\d.]+) MB", done.stdout, re.MULTILINE)
        assert [purpose for purpose, _ in sizes] == ["captions", "answers"]
        for directory in (CAPTIONERS[name], ANSWERERS[name]):
            assert measured(directory)
            for what, value in measured(directory):
                assert re.search(
                    f"{re.escape(what)} +{re.escape(value)}$", done.stdout, re.MULTILINE
                )


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_captioner_and_an_answerer_with_its_eyes(name: str) -> None:
    done = run_here("models", name)
    assert done.returncode == 0, done.stderr
    captioner, answerer = (facts(part) for part in done.stdout.split("\n\n"))
    assert (captioner["kind"], answerer["kind"]) == ("caption", "vqa")
    assert captioner["directory"] == str(CAPTIONERS[name].resolve())
    assert answerer["directory"] == str(ANSWERERS[name].resolve())
    _, encoder_id = captioner["encoder"].split(", ")
    assert answerer["encoder"].endswith(encoder_id)
    for model in (captioner, answerer):
        assert float(model["size"].split()[0]) > 5
        assert int(model["words"]) > 500
    assert int(answerer["answers"]) > 500


def test_a_name_of_no_model_or_of_two_is_refused(tiny_model, tmp_path, monkeypatch) -> None:
    unknown = run_here("models", "large")
    assert unknown.returncode == 2
    assert "comes with the package: base, small" in unknown.stderr
    tiny_model.save_pretrained(tmp_path / "small", card="")
    monkeypatch.chdir(tmp_path)
    for command in (("models", "small"), ("caption", "photo.jpg", "--model", "small")):
        two = run_here(*command)
        assert two.returncode == 2
        assert "small: a model that comes with the package, and a model directory" in two.stderr
    assert run_here("models", "./small").returncode == 0


@pytest.mark.parametrize(("bits", "times"), [(16, 2), (8, 4)])
def test_a_model_is_packed_and_described(bits: int, times: int, tiny_model, tmp_path) -> None:
    tiny_model.save_pretrained(tmp_path / "large", card="")
    card = tmp_path / "card.md"
    card.write_text("# Blocks")
    packed = run_here(
        *("pack", "--model", tmp_path / "large", "--card", card, "--output", tmp_path / "small"),
        *("--bits", bits),
    )
    assert packed.returncode == 0, packed.stderr
    assert (tmp_path / "small" / "README.md").read_text() == "# Blocks"
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("large", "small")]
    assert sizes[0] == pytest.approx(times * sizes[1], rel=0.2)
    described = run_here("models", tmp_path / "small")
    assert described.returncode == 0, described.stderr
    model = facts(described.stdout)
    assert model["words"] == str(len(tiny_model.vocabulary))
    assert model["encoder"].startswith("shufflenet_v2_x0_5, ")
    assert model["format"] == "1"


def test_the_mean_of_several_models_is_packed(tiny_model, tmp_path) -> None:
    tiny_model.save_pretrained(tmp_path / "first", card="")
    first = {name: weight.clone() for name, weight in tiny_model.state_dict().items()}
    with torch.no_grad():
        for weight in tiny_model.parameters():
            weight += 0.5
    tiny_model.save_pretrained(tmp_path / "second", card="")
    (tmp_path / "card.md").write_text("# Blocks")
    models = "--model", tmp_path / "first", tmp_path / "second"
    end = "--card", tmp_path / "card.md", "--output", tmp_path / "mean"
    assert run_here("pack", *models, *end).returncode == 0
    mean = CaptionModel.from_pretrained(tmp_path / "mean")
    for name, weight in mean.named_parameters():
        torch.testing.assert_close(weight, first[name] + 0.25, rtol=1e-3, atol=1e-3)
    refused = run_here("pack", *models, DEFAULT_CAPTIONER, *end)
    assert refused.returncode == 2
    assert f"{DEFAULT_CAPTIONER}: knows other words than" in refused.stderr


def test_models_of_other_sizes_have_no_mean() -> None:
    with pytest.raises(ModelError, match="have other sizes than one another"):
        give_mean(torch.nn.Linear(2, 3), [torch.nn.Linear(2, 3), torch.nn.Linear(3, 3)])


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


def test_a_model_is_averaged_with_the_one_that_it_was_trained_on_from(tiny_model) -> None:
    words = tiny_model.vocabulary.grown(["a zebra"], minimum_count=1)
    later = grow.grown(tiny_model, words)
    before = {name: weight.clone() for name, weight in tiny_model.state_dict().items()}
    with torch.no_grad():
        for weight in later.parameters():
            weight.add_(1.0)
    new_word = later.decoder.embed.weight[-1].clone()
    give_mean(later, [tiny_model], shares=[3.0, 1.0])
    table = later.decoder.embed.weight
    old = before["decoder.embed.weight"]
    torch.testing.assert_close(table[: len(old)], old + 0.75)
    torch.testing.assert_close(table[-1], new_word)
    name = "decoder.gate.weight"
    torch.testing.assert_close(later.state_dict()[name], before[name] + 0.75)
