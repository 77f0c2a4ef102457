"""The languages that come with the package, from one look at a photo."""

import pytest

from caption.models.directory import DEFAULT_CAPTIONER
from caption.models.languages import languages_of
from caption.predict import Captioner
from caption.web.examples import EXAMPLE_FOLDER

SAID = {
    "en": "a man is holding a camera on a tripod",
    "de": "Ein Mann sitzt auf einer Kamera",
    "fr": "Un homme est debout sur une plage",
    "zh": "一个男人在照相机",
}
MOST_BYTES = 6_000_000


@pytest.fixture(scope="module")
def captioner() -> Captioner:
    return Captioner.from_pretrained()


def test_a_photo_is_looked_at_once_for_all_languages(captioner) -> None:
    assert captioner.languages == tuple(SAID)
    features = captioner.encode(EXAMPLE_FOLDER / "camera.jpg")
    for code, text in SAID.items():
        (caption,) = captioner.in_language(code).describe(features)
        assert (caption.language.code, caption.text) == (code, text)
        assert caption.attention.shape == (len(caption.words), *features.grid_size)


def test_a_language_can_be_loaded_by_itself() -> None:
    german = Captioner.from_pretrained(language="de")
    assert german(EXAMPLE_FOLDER / "camera.jpg").text == SAID["de"]


def test_a_language_is_a_few_megabytes() -> None:
    own, *others = languages_of(DEFAULT_CAPTIONER).values()
    assert own == DEFAULT_CAPTIONER
    for writer in others:
        assert sum(file.stat().st_size for file in writer.iterdir()) <= MOST_BYTES
