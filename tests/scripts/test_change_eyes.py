"""A captioner with another encoder begins with what the old one saw."""

import pytest
import torch
from console import run_script_here
from safetensors.torch import save_file
from tiny import scene

from caption.models.captioner import CaptionModel
from caption.search.config import SearchConfig
from caption.vision.extract import FeatureExtractor


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


def test_words_can_be_read_by_the_table_they_are_written_with(knowing, photos, tmp_path) -> None:
    new = changed(knowing, photos, tmp_path, "--tied")
    assert new.decoder.config.tied
    old = knowing.model.decoder
    torch.testing.assert_close(new.decoder.embed.weight, old.output_words.weight)


def test_another_grid_is_refused(knowing, photos, tmp_path) -> None:
    done = change(knowing, photos, tmp_path, "--encoder.grid-size", 1, 1)
    assert done.returncode == 2
    assert "the new encoder's grid is (1, 1), the old one's (2, 3); choose" in done.stderr
    assert not (tmp_path / "new").exists()
