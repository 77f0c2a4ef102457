"""One pair of eyes, many languages: writers without an encoder, beside the captioner they read."""

import json
import shutil

import pytest
import torch
from tiny import scene
from writers import taught, write_captioner

from caption import Captioner
from caption.errors import ModelError
from caption.models.captioner import CaptionModel
from caption.models.directory import load_concepts, load_encoder
from caption.models.languages import languages_of
from caption.models.saving import save_writer
from caption.text.language import Language

FOUND = ["en", "de", "zh"]


@pytest.fixture
def home(knowing, tmp_path):
    """A captioner's directory, with writers of German and Chinese in it."""
    return write_captioner(tmp_path / "model", knowing.model, *FOUND[1:])


def test_a_writer_writes_what_the_whole_model_did_and_looks_with_the_captioners_eyes(
    home, knowing
) -> None:
    whole = Captioner(taught(knowing.model, "de"))
    german = Captioner.from_pretrained(home, language="de", device="cpu")
    assert german.language == Language("de")
    picture = scene("red", "left")
    assert german(picture).text == whole(picture).text
    assert german.model.fingerprint() == whole.model.fingerprint()
    assert not any(
        "encoder" in key
        for key in json.loads((home / "de/config.json").read_text())
        if key != "encoder_id"
    )
    sizes = [(home / name / "model.safetensors").stat().st_size for name in (".", "de")]
    assert sizes[1] < sizes[0] / 5


def test_photos_are_looked_at_once_for_all_languages(home) -> None:
    captioner = Captioner.from_pretrained(home, device="cpu")
    assert captioner.languages == ("en", "de", "zh")
    features = captioner.encode([scene("red", "left"), scene("blue", "right")])
    german = captioner.in_language("de")
    assert german.extract is captioner.extract
    assert german.model.encoder is captioner.model.encoder
    alone = Captioner.from_pretrained(home, language="de", device="cpu")
    assert [c.text for c in german.describe(features)] == [c.text for c in alone.describe(features)]
    back = alone.in_language("en")
    assert [c.text for c in back.describe(features)] == [
        c.text for c in captioner.describe(features)
    ]
    assert back.model.encoder is alone.model.encoder
    assert alone.languages == ("de", "en", "zh")
    assert captioner.in_language("en") is captioner


@pytest.mark.parametrize("name", [".", "de"])
def test_a_language_that_is_not_there_is_refused_with_those_that_are(home, name) -> None:
    assert list(languages_of(home / name)) == FOUND
    with pytest.raises(
        ModelError, match=r"to write 'fr'; it writes en \(English\), de \(German\), zh \(Chinese\)"
    ):
        Captioner.from_pretrained(home / name, language="fr")
    with pytest.raises(ModelError, match="made without a directory"):
        Captioner(CaptionModel.from_pretrained(home)).in_language("de")


def test_a_writers_directory_is_a_model_like_others(home, knowing, tmp_path) -> None:
    model = CaptionModel.from_pretrained(home / "zh")
    assert model.vocabulary.language == Language("zh")
    assert load_encoder(home / "zh").fingerprint() == knowing.encoder_id
    assert load_concepts(home / "zh") is not None
    model.save_pretrained(tmp_path / "whole", card="")
    assert CaptionModel.from_pretrained(tmp_path / "whole").fingerprint() == model.fingerprint()


def test_writers_of_other_eyes_or_from_elsewhere_are_refused(home, knowing, tmp_path) -> None:
    other = taught(knowing.model, "de")
    with torch.no_grad():
        next(other.encoder.parameters()).add_(1)
    options = {"of": str(home), "card": "", "dtype": torch.float32}
    with pytest.raises(
        ModelError, match=r"sees with the encoder .*, and .* with .*; train it from"
    ):
        save_writer(other, home / "tr", **options)
    german = taught(knowing.model, "de")
    with pytest.raises(ModelError, match="lies in the directory of its captioner; write it to"):
        save_writer(german, tmp_path / "de", **options)
    with pytest.raises(ModelError, match="recognises words, for which a writer has no place"):
        save_writer(knowing.model, home / "en", **options)
    knowing_other = CaptionModel.from_pretrained(home)
    with torch.no_grad():
        next(knowing_other.encoder.parameters()).add_(1)
    knowing_other.save_pretrained(tmp_path / "other", card="")
    shutil.copytree(home / "de", tmp_path / "other" / "de")
    with pytest.raises(ModelError, match="has learnt to read what the encoder .* sees, and that"):
        Captioner.from_pretrained(tmp_path / "other", language="de")
    (home / "config.json").unlink()
    with pytest.raises(ModelError, match="a captioner that is not there"):
        CaptionModel.from_pretrained(home / "de")


def test_what_else_lies_in_the_directory_is_no_language(home) -> None:
    (home / "training").mkdir()
    (home / "training" / "config.json").write_text("{}")
    shutil.copytree(home, home / "copy", ignore=shutil.ignore_patterns("copy"))
    assert list(languages_of(home)) == FOUND
