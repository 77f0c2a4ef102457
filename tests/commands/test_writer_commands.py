"""A writer as a person makes it: features stored once, a decoder trained on them, packed, used."""

import json
import re
import shutil
from pathlib import Path

import pytest
from console import run_here
from languages import captions_in, write_folder
from tiny import COLOURS, SIDES
from tiny_models import caption_model

from caption import Captioner
from caption.archive.lines import describe_archive
from caption.errors import DataError
from caption.models.captioner import CaptionModel
from caption.models.directory import CAPTIONERS
from vqa.model import ANSWERERS

QUICK = [
    *("--config.text.minimum-count", "1", "--config.batch.images", "3"),
    *("--config.batch.workers", "0", "--config.trainer.epochs", "1"),
]
WORDY = ("--search.min-length", 4)
"""So young a writer would rather say nothing."""


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


@pytest.fixture
def photo(data_set, tmp_path):
    return Path(shutil.copy(data_set.images / "red_left.png", tmp_path))


def test_one_language_or_several_are_written_from_one_look(captioner, photo) -> None:
    alone = run_here("caption", photo, "--model", captioner, "--language", "de", *WORDY)
    assert alone.returncode == 0, alone.stderr
    path, german = alone.stdout.strip().split("\t")
    both = run_here("caption", photo, "--model", captioner, "--language", "en", "de", *WORDY)
    lines = [line.split("\t") for line in both.stdout.splitlines()]
    assert [line[:2] for line in lines] == [[path, "en"], [path, "de"]]
    assert lines[1][2] == german
    usual = run_here("caption", photo, "--model", captioner, *WORDY)
    assert usual.stdout.strip().split("\t") == [path, lines[0][2]]


def test_what_is_left_of_several_languages_names_each(captioner, photo, tmp_path) -> None:
    described = run_here(
        *("caption", photo, "--model", captioner, "--language", "de", "en", "--write-metadata"),
        *("--output", tmp_path / "out.jsonl", "--alt-text", tmp_path / "alt.html"),
        *("--heat-maps", tmp_path / "maps", *WORDY),
    )
    assert described.returncode == 0, described.stderr
    row = json.loads((tmp_path / "out.jsonl").read_text())
    (english,) = row["also"]
    assert [row["language"], english["language"]] == ["de", "en"]
    assert row["caption"] != english["caption"]
    page = (tmp_path / "alt.html").read_text("utf-8")
    assert f'alt="{row["caption"]}" lang="de"' in page
    assert f'alt="{english["caption"]}" loading' in page
    packet = (tmp_path / "red_left.png.xmp").read_text("utf-8")
    said = re.findall(r'<rdf:li xml:lang="(.+?)">(.*?)</rdf:li>', packet)
    german = row["caption"]
    assert said == [("x-default", german), ("de", german), ("en", english["caption"])]
    maps = {path.name for path in (tmp_path / "maps").iterdir()}
    assert maps == {"red_left.de.jpg", "red_left.en.jpg"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--language", "fr"), "to write 'fr'; it writes en (English), de (German); teach it"),
        (("--language", "en", "fr"), "to write 'fr'; it writes en (English), de (German)"),
        (("--language", "de", "de"), "name each language once"),
        (("--language", "de", "en", "--output", "x.json"), "COCO results hold one caption of an"),
        (("--language", "de", "--concepts", "red=1"), "recognises no concepts"),
    ],
)
def test_languages_that_cannot_be_written_are_refused(captioner, photo, words, message) -> None:
    refused = run_here("caption", photo, "--model", captioner, *words)
    assert refused.returncode == 2
    assert message in " ".join(refused.stderr.replace("│", " ").split())
    assert "Traceback" not in refused.stderr


def test_a_run_in_other_languages_does_not_go_on_with_the_lines_of_another(
    captioner, photo, tmp_path
) -> None:
    one = Captioner.from_pretrained(captioner, device="cpu")

    def killed(described):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe_archive(one, [photo], tmp_path / "x.jsonl", batch_images=1, watch=killed)
    with pytest.raises(DataError, match="an unfinished run with another languages"):
        describe_archive(
            one,
            [photo],
            tmp_path / "x.jsonl",
            batch_images=1,
            others=[one.in_language("de")],
        )


def test_the_languages_of_a_model_are_listed_with_what_was_measured(captioner, monkeypatch) -> None:
    monkeypatch.setattr("caption.models.directory.CAPTIONERS", {"base": captioner})
    listed = run_here("models")
    assert listed.returncode == 0, listed.stderr
    first, german, score, *_ = listed.stdout.splitlines()
    assert first.startswith("base   captions")
    assert re.fullmatch(r" +German +[\d.]+ MB  --language de", german)
    assert re.fullmatch(r" +Blocks: CIDEr-D +0.5", score)
    monkeypatch.setitem(CAPTIONERS, "base", captioner)
    about = run_here("models", "base/de").stdout
    assert re.search(r"^kind +writer$", about, re.MULTILINE)
    assert re.search(r"^languages +en \(English\), de \(German\)$", about, re.MULTILINE)


def test_fine_tuning_starts_from_the_decoder_of_the_language(
    captioner, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("caption.training.plan.quick_precision", lambda: "no")
    mine = write_folder(tmp_path / "mine", "de")
    checked = run_here("check", mine, "--model", captioner)
    assert "the model writes German already: its eyes and its words are kept" in checked.stdout
    taught = run_here(
        *("finetune", "captions", "--data", mine, "--output", tmp_path / "run", "--epochs", 1),
        *("--model", captioner),
    )
    assert taught.returncode == 0, taught.stderr
    assert "the model writes German already: its eyes and its words are kept" in taught.stdout
    assert f"from {captioner}, in German" in (tmp_path / "run" / "README.md").read_text()
    german = CaptionModel.from_pretrained(captioner / "de")
    model = CaptionModel.from_pretrained(tmp_path / "run")
    assert model.vocabulary.tokens[: len(german.vocabulary)] == german.vocabulary.tokens
    assert model.encoder.fingerprint() == german.encoder.fingerprint()
    turkish = write_folder(tmp_path / "turkish", "tr")
    other = run_here("check", turkish, "--model", captioner)
    assert "the words of Turkish are begun anew" in other.stdout


def test_what_is_no_captioner_of_other_words_is_not_packed_as_a_writer(captioner, tmp_path) -> None:
    card = captioner.parent / "card.md"
    words = ("pack", "--card", card, "--writer-of", captioner)
    elsewhere = run_here(*words, "--model", captioner / "de", "--output", tmp_path / "de")
    assert elsewhere.returncode == 2
    assert f"write it to {captioner / 'de'}" in elsewhere.stderr
    answerer = run_here(*words, "--model", ANSWERERS["small"], "--output", captioner / "x")
    assert answerer.returncode == 2
    assert "a question answerer is no writer" in answerer.stderr
