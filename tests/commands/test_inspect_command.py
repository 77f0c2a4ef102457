"""Pictures of what a network does, as a person asks for them."""

import json

import pytest
from console import run_here
from PIL import Image


def test_all_pictures_are_drawn_and_what_they_say_is_printed(tiny, data_set, tmp_path) -> None:
    (tmp_path / "metrics.jsonl").write_text(
        json.dumps({"kind": "validation", "epoch": 1, "cider_d": 0.5})
    )
    photo = min(data_set.images.iterdir())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / photo.name).write_bytes(photo.read_bytes())
    (tmp_path / "data" / f"{photo.stem}.txt").write_text("two red dogs and a cat")
    done = run_here(
        *("inspect", photo, "--data", tmp_path / "data", "--run", tmp_path),
        *("--model", tiny, "--output", tmp_path / "pictures"),
    )
    assert done.returncode == 0, done.stderr
    for name in ("training", "gradients", f"words-{photo.stem}", "units"):
        path = tmp_path / "pictures" / f"{name}.png"
        assert f"{path}\n" in done.stdout
        with Image.open(path) as image:
            assert image.format == "PNG"
    assert "lstm: " in done.stdout
    assert "this model: " in done.stdout
    assert "1 captions of 1 images\nproperty " in done.stdout
    assert "in noun phrase " in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [((), "name photos, a folder"), (("photo.jpg", "--images", "0"), "at least 1, got 0")],
)
def test_what_says_nothing_to_draw_is_refused(words, message, tmp_path) -> None:
    done = run_here("inspect", *words, "--output", tmp_path)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
