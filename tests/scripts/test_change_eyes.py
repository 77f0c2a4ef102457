"""A captioner with another encoder begins with what the old one saw."""

import pytest
import torch
from console import run_script_here
from safetensors.torch import save_file
from tiny import scene
from tiny_models import question_answerer

from caption.models.captioner import CaptionModel
from caption.search.config import SearchConfig
from caption.vision.extract import FeatureExtractor
from vqa.model import VqaModel


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        scene("red" if number % 2 else "blue", "left").rotate(10 * number).save(
            folder / f"{number}.png"
        )
    return folder


def change(knowing, photos, tmp_path, *options):
    knowing.model.save_pretrained(tmp_path / "old", card="")
    weights = knowing.model.encoder.network.state_dict().items()
    save_file({name: one.contiguous() for name, one in weights}, tmp_path / "eyes.safetensors")
    return run_script_here(
        *("demonstrations/change_eyes.py", "--weights", tmp_path / "eyes.safetensors"),
        *("--images", photos, "--output", tmp_path / "new", "--model", tmp_path / "old"),
        *("--encoder.architecture", "shufflenet_v2_x0_5", *options),
    )


def changed(knowing, photos, tmp_path, *options) -> CaptionModel:
    done = change(knowing, photos, tmp_path, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("of the variance is seen") == 2
    return CaptionModel.from_pretrained(tmp_path / "new")


def test_the_same_eyes_see_the_same(knowing, photos, tmp_path) -> None:
    new = changed(knowing, photos, tmp_path, "--ridge", 1e-6)
    grid = FeatureExtractor(knowing.model.encoder)(sorted(photos.iterdir())).grid
    for name in ("decoder.project_grid", "concepts.hidden"):
        with torch.no_grad():
            before, after = (m.get_submodule(name)[:2](grid) for m in (knowing.model, new))
        assert (after - before).std() < 0.02 * before.std()
    concepts = knowing.model.recognised(grid)
    search = SearchConfig(num_beams=2, max_length=6)
    before, after = (m.write(grid, search, concepts=concepts) for m in (knowing.model, new))
    assert [one[0].words for one in after] == [one[0].words for one in before]


def test_an_answerer_sees_the_same_through_eyes_like_its_own(knowing, photos, tmp_path) -> None:
    knowing.model.save_pretrained(tmp_path / "captioner", card="")
    knowing_answerer = question_answerer(knowing)
    knowing_answerer.model.save_pretrained(tmp_path / "old", card="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vqa.eyes.CAPTIONERS", {"tiny": tmp_path / "captioner"})
        done = run_script_here(
            *("demonstrations/change_eyes.py", "--model", tmp_path / "old", "--ridge", 1e-6),
            *("--captioner", tmp_path / "captioner", "--images", photos),
            *("--output", tmp_path / "new"),
        )
    assert done.returncode == 0, done.stderr
    old, new = knowing_answerer.model, VqaModel.from_pretrained(tmp_path / "new")
    assert new.sight == old.sight
    grid = FeatureExtractor(knowing.model.encoder)(sorted(photos.iterdir())).grid
    with torch.no_grad():
        before, after = (m.project_grid[0](m.scaled(grid)) for m in (old, new))
    assert (after - before).std() < 0.02 * before.std()
    for name, weight in new.state_dict().items():
        assert name.startswith("project_grid") or torch.equal(weight, old.state_dict()[name])


def test_another_grid_is_refused(knowing, photos, tmp_path) -> None:
    done = change(knowing, photos, tmp_path, "--encoder.grid-size", 1, 1)
    assert done.returncode == 2
    assert "the new encoder's grid is (1, 1), the old one's (2, 3); choose" in done.stderr
    assert not (tmp_path / "new").exists()
