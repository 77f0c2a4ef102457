import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tiny import ROOT, scene

from caption.data.batches import read_pixels, read_stored
from caption.data.forms import read_captions
from caption.errors import FeatureStoreError, ImageError
from caption.evaluation.run import evaluate_captions
from caption.models.directory import CAPTIONERS
from caption.predict import Caption, Captioner
from caption.search.config import SearchConfig
from caption.vision.extract import store_features
from caption.vision.features import ImageFeatures
from caption.vision.transforms import Preprocess
from caption.web.examples import EXAMPLE_FOLDER


def test_a_caption_says_where_it_looked_for_every_word(captioner) -> None:
    caption = captioner(scene("red", "left"))
    assert isinstance(caption, Caption)
    assert caption.text == str(caption)
    assert caption.attention.shape == (len(caption.words), 2, 3)
    np.testing.assert_allclose(caption.attention.sum(axis=(1, 2)), 1, rtol=1e-5)
    assert len(caption.log_probs) == len(caption.words)
    assert all(value <= 0 for value in caption.log_probs)


def test_a_caption_says_how_spread_its_look_was() -> None:
    look = np.array([[[1, 0], [0, 0]], [[0.5, 0.5], [0, 0]], [[0.25, 0.25], [0.25, 0.25]]])
    caption = Caption("a dog runs", ("a", "dog", "runs"), (-1.0, -1.0, -1.0), look, score=-3.0)
    assert caption.attention_entropy == pytest.approx([0, np.log(2), np.log(4)])
    assert caption.attention_spread == pytest.approx([0, 0.5, 1])
    of_one_position = replace(caption, trace=np.ones((3, 1, 1)))
    assert of_one_position.attention_spread.tolist() == [1, 1, 1]


def test_alternatives_come_best_first(captioner) -> None:
    search = SearchConfig(num_beams=4, num_captions=3)
    (caption,) = captioner.describe(captioner.encode([scene("red", "left")]), search=search)
    scores = [caption.score, *(other.score for other in caption.alternatives)]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert len({caption.words, *(other.words for other in caption.alternatives)}) == 3


def test_an_image_is_the_same_in_every_form(captioner, tmp_path) -> None:
    image = scene("blue", "right")
    path = tmp_path / "image.png"
    image.save(path)
    texts = [
        captioner(form).text
        for form in (path, str(path), path.read_bytes(), image, np.asarray(image))
    ]
    assert len(set(texts)) == 1


def test_one_image_is_encoded_as_a_list_of_one(captioner, tmp_path) -> None:
    image = scene("blue", "right")
    path = tmp_path / "image.png"
    image.save(path)
    expected = captioner.encode([image])
    for form in (path, str(path), path.read_bytes(), image, np.asarray(image), (path,)):
        assert captioner.encode(form).grid.equal(expected.grid)


MYPY = """
[mypy]
strict = True
follow_imports = silent
"""
PASSED_OVER = """
[mypy-torch.*,torchvision.*,accelerate.*,huggingface_hub.*,safetensors.*,pycocotools.*,tqdm.*]
follow_imports = skip
ignore_missing_imports = True
"""
"""What says nothing of our types, and takes mypy long to read."""
TYPED = """
from pathlib import Path
from typing import assert_type

import numpy as np
from PIL import Image

from caption import Caption, Captioner
from caption.predict import DescribedFile

def check(captioner: Captioner, image: Image.Image, array: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> None:
    assert_type(captioner("a.jpg"), Caption)
    assert_type(captioner(Path("a.jpg")), Caption)
    assert_type(captioner(b"..."), Caption)
    assert_type(captioner(image), Caption)
    assert_type(captioner(array), Caption)
    assert_type(captioner(["a.jpg", Path("b.jpg")]), list[Caption])
    assert_type(captioner((image, array)), list[Caption])
    assert_type(captioner.describe_folder("photos"), list[DescribedFile])
    captioner.encode("a.jpg"), captioner.encode([array, image])
"""  # noqa: E501


def test_the_examples_of_the_readme_and_every_kind_of_image_have_types(tmp_path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    examples = [block for block in blocks if "Captioner" in block]
    assert examples
    for number, source in enumerate([TYPED, *examples]):
        (tmp_path / f"example_{number}.py").write_text(source)
    settings = tmp_path / "mypy.ini"
    settings.write_text(f"{MYPY}cache_dir = {tmp_path / 'cache'}\n{PASSED_OVER}")
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings)]
    files = map(str, sorted(tmp_path.glob("*.py")))
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_list_gives_a_list_and_a_folder_a_row_for_each_file(captioner, data_set) -> None:
    paths = sorted(data_set.images.iterdir())
    assert captioner([]) == []
    captions = captioner(paths)
    assert [c.text for c in captions] == [captioner(path).text for path in paths]
    rows = captioner(data_set.images)
    assert [row.source for row in captioner.describe_folder(data_set.images)] == paths
    assert [row.source for row in rows] == paths
    assert [row.caption.text for row in rows] == [c.text for c in captions]


def test_a_bad_file_in_a_folder_is_a_row_and_the_run_goes_on(captioner, tmp_path) -> None:
    for number in range(5):
        scene("red", "left").save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"no picture")
    rows = list(captioner.describe_files(sorted(tmp_path.iterdir()), batch_images=2))
    assert [row.source.name for row in rows] == [f"{n}.png" for n in range(5)]
    assert [row.caption is None for row in rows] == [False, True, False, False, False]
    assert "1.png" in rows[1].error
    with pytest.raises(ImageError, match="1.png"):
        captioner(tmp_path / "1.png")


def test_a_batch_of_bad_files_only_is_all_errors(captioner, tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    rows = list(captioner.describe_files([tmp_path / "a.png", tmp_path / "gone.png"]))
    assert [row.caption for row in rows] == [None, None]


def test_files_are_read_ahead_but_not_all_at_once(captioner, tmp_path) -> None:
    scene("red", "left").save(tmp_path / "a.png")
    asked = 0

    def names():
        nonlocal asked
        for _ in range(100):
            asked += 1
            yield tmp_path / "a.png"

    stream = captioner.describe_files(names(), batch_images=2)
    next(stream)
    assert asked <= 4
    assert sum(1 for _ in stream) == 99


def test_features_of_another_encoder_are_refused(captioner) -> None:
    features = captioner.encode([scene("red", "left")])
    stranger = ImageFeatures(features.grid, features.grid_size, "feedfeedfeedfeed")
    with pytest.raises(FeatureStoreError, match="encode the images with this model"):
        captioner.describe(stranger)


def test_an_image_is_encoded_once_for_any_number_of_captions(captioner) -> None:
    calls = 0

    def count(*_) -> None:
        nonlocal calls
        calls += 1

    captioner.model.encoder.register_forward_hook(count)
    features = captioner.encode([scene("red", "left")])
    captioner.describe(features)
    captioner.describe(features, search=SearchConfig(num_beams=1))
    assert calls == 1


def test_sampling_is_repeatable_and_each_image_has_its_own_seed(captioner) -> None:
    features = captioner.encode([scene("red", "left")] * 3)
    search = SearchConfig(method="sample")
    first = [c.text for c in captioner.describe(features, search=search, seed=5)]
    again = [c.text for c in captioner.describe(features, search=search, seed=5)]
    alone = captioner.describe(features[1:2], search=search, seed=6)[0].text
    assert first == again
    assert alone == first[1]
    assert len(set(first)) > 1


def test_files_and_stored_features_are_captioned_and_scored_alike(
    captioner, data_set, tmp_path
) -> None:
    model = captioner.model
    examples = read_captions(data_set.images, data_set.annotations).images
    store = store_features(
        model.encoder, {e.image_id: e.source for e in examples}, tmp_path / "store", workers=0
    )
    pixels = read_pixels(Preprocess(model.encoder.config.preprocess))
    reports = [
        evaluate_captions(model, examples, read, search=captioner.search, max_length=20)
        for read in (pixels, read_stored(store))
    ]
    assert reports[0].captions == reports[1].captions
    assert reports[0].scores.cider_d == reports[1].scores.cider_d
    assert reports[0].perplexity == pytest.approx(reports[1].perplexity, rel=1e-3)
    paths = [example.source for example in examples]
    assert list(reports[0].captions.values()) == [c.text for c in captioner(paths)]


def test_a_captioner_is_uploaded_whole(captioner, monkeypatch) -> None:
    def upload(directory, repo_id, *, private) -> str:
        assert Captioner.from_pretrained(directory).encoder_id == captioner.encoder_id
        assert (directory / "README.md").read_text() == "# tiny\n"
        return f"{repo_id} {private}"

    monkeypatch.setattr("caption.predict.push_to_hub", upload)
    assert captioner.push_to_hub("owner/name", card="# tiny\n", private=True) == "owner/name True"


@pytest.mark.parametrize(("name", "most"), [("base", 40e6), ("small", 12e6)])
def test_the_models_of_the_package_are_small_enough_and_see_a_man(name: str, most: float) -> None:
    captioner = Captioner.from_pretrained(name, device="cpu")
    assert CAPTIONERS[name].joinpath("model.safetensors").stat().st_size <= most
    photographer = captioner(EXAMPLE_FOLDER / "camera.jpg")
    assert "man" in photographer.words
    assert photographer.attention.shape[1:] == captioner.model.encoder.grid_size


def test_a_captioner_is_saved_and_loaded(captioner, tmp_path) -> None:
    captioner.save_pretrained(tmp_path / "model", card="# tiny\n")
    loaded = Captioner.from_pretrained(tmp_path / "model", device="cpu")
    image = scene("green", "left")
    assert loaded.encoder_id == captioner.encoder_id
    assert loaded(image).text == captioner(image).text
