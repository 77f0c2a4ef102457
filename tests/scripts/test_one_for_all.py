"""One decoder is taught several languages and taken apart into a model of each."""

import json

import pytest
import torch
from console import run_script_here
from languages import captions_in
from tiny import COLOURS, SIDES

from caption import Captioner
from caption.models.captioner import CaptionModel
from caption.search.config import SearchConfig


@pytest.fixture
def manifests(tmp_path):
    paths = []
    for code in ("de", "zh"):
        scenes = enumerate(captions_in(code).items())
        content = {
            "images": [{"id": n, "file_name": f"{c}_{s}.png"} for n, ((c, s), _) in scenes],
            "annotations": [
                {"id": n, "image_id": n, "caption": text}
                for n, text in enumerate(captions_in(code).values())
            ],
        }
        paths.append(tmp_path / f"{code}.json")
        paths[-1].write_text(json.dumps(content), encoding="utf-8")
    return paths


def test_a_model_of_each_language_is_what_the_whole_is_in_its_style(
    knowing, data_set, manifests, tmp_path
) -> None:
    knowing.model.save_pretrained(tmp_path / "start", card="")
    run = tmp_path / "run"
    done = run_script_here(
        *("demonstrations/one_for_all.py", "--initial", tmp_path / "start", "--run", run),
        *("--data", data_set.images, "--validation-data", data_set.images),
        *("--manifests", *manifests, "--validation-manifests", *manifests),
        *("--features", tmp_path / "features", "--config.batch.workers", "0"),
        *("--config.trainer.epochs", "1", "--config.text.minimum-count", "1"),
    )
    assert done.returncode == 0, done.stderr
    assert "cider_d de" in done.stdout
    whole = CaptionModel.from_pretrained(run / "best")
    pictures = [data_set.images / f"{c}_{s}.png" for c in COLOURS for s in SIDES]
    for style, code in (("", "de"), ("zh", "zh")):
        alone = Captioner.from_pretrained(run / code, device="cpu")
        assert alone.language.code == code
        assert alone.encoder_id == knowing.encoder_id
        grid = alone.encode(pictures).grid
        ids = whole.vocabulary.ids_of(alone.model.vocabulary.tokens[4:])
        words = torch.randint(4, len(alone.model.vocabulary), (6, 5))
        places = torch.tensor([0, 1, 2, 3, *ids])
        with torch.no_grad():
            styles = torch.full((6,), whole.style_id(style))
            scores, looked = whole(grid, places[words], styles)
            own, own_looked = alone.model(grid, words)
        torch.testing.assert_close(own, scores[..., places])
        torch.testing.assert_close(own_looked, looked)
        assert alone.model.write(grid, SearchConfig())
