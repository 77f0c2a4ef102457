"""Confidence, fitted and used as a person types it."""

import json
import re
from dataclasses import replace

import pytest
from console import run_here
from tiny import COLOURS, SIDES, captions_of, scene
from tiny_models import caption_model, question_answerer

from caption.archive.lines import read_rows
from caption.models.captioner import CaptionModel
from caption.models.confidence import CAPTION_CLUES
from caption.predict import Captioner
from caption.training.confidence import refit as refit_captions
from caption.training.task import CaptionTask
from vqa.model import VqaModel


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of eighteen pictures, captioned twice and asked about, and one that is neither."""
    folder = tmp_path_factory.mktemp("photos")
    captions, questions = ["image,caption"], ["image,question,answer"]
    for colour in COLOURS:
        for side in SIDES:
            for size in (60, 70, 80):
                name = f"{colour}-{side}-{size}.png"
                scene(colour, side).resize((size, 50)).save(folder / name)
                captions += [f"{name},{text}" for text in captions_of(colour, side)]
                questions.append(f"{name},what colour is it?,{colour}")
    (folder / "captions.csv").write_text("\n".join(captions))
    (folder / "questions.csv").write_text("\n".join(questions))
    return folder


@pytest.fixture(scope="module")
def calibrated(tiny, photos, tmp_path_factory):
    """The directory of a captioner that was calibrated by the command."""
    directory = tmp_path_factory.mktemp("calibrated") / "model"
    done = run_here(
        *("prepare", "confidence", "--model", tiny, "--data", photos, photos, "--others", 1),
        *("--references", photos / "captions.csv", photos / "captions.csv"),
        *("--output", directory),
    )
    assert done.returncode == 0, done.stderr
    figures = r"mean confidence 0\.\d+, mean quality 0\.\d+, calibration error 0\.\d+, area .*"
    first, other, last = done.stdout.splitlines()
    assert re.fullmatch(rf"18 captions, each judged by what was fitted to others: {figures}", first)
    assert re.fullmatch(rf"{photos}, of another kind, 18: {figures}", other)
    assert re.fullmatch(rf"{directory}: says that it is guessing below \d+%", last)
    return directory


def with_threshold(directory, threshold: float, output):
    """Copy a calibrated captioner, with another threshold."""
    model = CaptionModel.from_pretrained(directory)
    path = output / "config.json"
    model.save_pretrained(output, card="")
    config = json.loads(path.read_text())
    config["confidence"]["guess_below"] = threshold
    path.write_text(json.dumps(config))
    return output


def test_a_model_keeps_its_confidence_when_packed_and_a_mean_has_none(
    calibrated, tiny, tmp_path
) -> None:
    (tmp_path / "card.md").write_text("# A card\n")
    pack = ("pack", "--card", tmp_path / "card.md", "--output", tmp_path / "packed", "--model")
    own = CaptionModel.from_pretrained(calibrated).confidence
    assert run_here(*pack, calibrated).returncode == 0
    assert CaptionModel.from_pretrained(tmp_path / "packed").confidence == own
    assert run_here(*pack, calibrated, tiny).returncode == 0
    assert CaptionModel.from_pretrained(tmp_path / "packed").confidence is None


def test_a_description_of_a_model_says_how_well_its_confidence_holds(calibrated, tiny) -> None:
    assert re.search(r"confidence +calibration error 0\.\d+", run_here("models", calibrated).stdout)
    assert re.search(r"confidence +not calibrated", run_here("models", tiny).stdout)


def test_guesses_are_said_on_the_screen_and_an_uncalibrated_model_says_so_once(
    calibrated, tiny, photos, tmp_path
) -> None:
    plain = run_here("caption", photos, "--model", tiny)
    assert plain.stderr.count("\n") == 1
    assert "has not been calibrated: its captions have no confidence; run `glimpse" in plain.stderr
    lines = plain.stdout.splitlines()
    for threshold, said in ((0.0, []), (1.0, [r"    I am guessing \(\d+%\)"])):
        model = with_threshold(calibrated, threshold, tmp_path / f"model-{threshold}")
        done = run_here("caption", photos, "--model", model)
        assert (done.returncode, done.stderr) == (0, "")
        shown = done.stdout.splitlines()
        assert shown[:: 1 + len(said)] == lines
        for pattern in said:
            assert all(re.fullmatch(pattern, line) for line in shown[1::2])


def test_weak_captions_stay_as_marked_rows_alone(calibrated, photos, tmp_path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    for path in sorted(photos.glob("*.png"))[::3]:
        (folder / path.name).write_bytes(path.read_bytes())
    captioner = Captioner.from_pretrained(calibrated)
    found = captioner.describe_folder(folder)
    totals = [sum(file.caption.clues) for file in found]
    captioner.model.confidence = replace(
        captioner.model.confidence,
        weights=dict.fromkeys(CAPTION_CLUES, 1.0),
        intercept=0.0,
        knots=((min(totals), 0.2), (max(totals), 0.8)),
    )
    captioner.save_pretrained(tmp_path / "model", card="")
    found = captioner.describe_folder(folder)
    trust = {str(file.source): file.caption.confidence for file in found}
    least = 0.5
    asked = ("caption", folder, "--model", tmp_path / "model", "--write-metadata")
    done = run_here(
        *(*asked, "--output", tmp_path / "out.jsonl", "--alt-text", tmp_path / "page.html"),
        *("--minimum-confidence", least),
    )
    assert done.returncode == 0, done.stderr
    good = {name for name, confidence in trust.items() if confidence >= least}
    assert 0 < len(good) < len(trust)
    rows = list(read_rows(tmp_path / "out.jsonl"))
    assert {row["file"]: row["confidence"] for row in rows} == trust
    assert {row["file"] for row in rows if not row.get("weak")} == good
    assert {str(path).removesuffix(".xmp") for path in folder.glob("*.xmp")} == good
    page = (tmp_path / "page.html").read_text()
    assert page.count("<img ") == len(good)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--minimum-confidence", "2", "--write-metadata"), "must be in [0, 1], got 2.0"),
        (("--minimum-confidence", "0.5"), "needs something to leave captions out of"),
    ],
)
def test_a_minimum_without_use_or_sense_is_refused(more, message, photos) -> None:
    done = run_here("caption", photos, *more)
    assert done.returncode == 2
    assert message in " ".join(re.findall(r"[^\s│]+", done.stderr))


def test_a_minimum_needs_a_calibrated_model(tiny, photos) -> None:
    done = run_here(
        *("caption", photos, "--model", tiny, "--minimum-confidence", 0.5, "--write-metadata")
    )
    assert done.returncode == 2
    assert re.fullmatch(r"this model has not been calibrated: .* fits it\n", done.stderr)
    assert not list(photos.glob("*.xmp"))


def test_answers_are_calibrated_and_guesses_are_said(captioner, tiny, photos, tmp_path) -> None:
    answerer = question_answerer(captioner)
    answerer.model.save_pretrained(tmp_path / "ask", card="")
    captioner.model.save_pretrained(tmp_path / "eyes", card="")
    eyes = ("--captioner", tmp_path / "eyes")
    ask = ("ask", photos / "red-left-60.png", "what colour is it?", *eyes, "--model")
    plain = run_here(*ask, tmp_path / "ask")
    assert "its answers have no confidence; run `glimpse prepare confidence`" in plain.stderr
    done = run_here(
        *("prepare", "confidence", "--model", tmp_path / "ask", "--data", photos, *eyes),
        *("--output", tmp_path / "ask"),  # where it is
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("18 answers, each judged by what was fitted to others: mean ")
    asked = run_here(*ask, tmp_path / "ask")
    assert (asked.returncode, asked.stderr) == (0, "")
    model = VqaModel.from_pretrained(tmp_path / "ask")
    assert model.confidence is not None
    (line, *doubts) = asked.stdout.splitlines()
    percent = int(line.rpartition("\t")[2].removesuffix("%"))
    if doubts:
        assert doubts == [f"  (I am guessing ({percent}%))"]
    else:
        assert percent / 100 >= model.confidence.guess_below - 0.005


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--others", "1"), "others must leave a folder to learn from of 1, got 1"),
        (("--manifest", "a", "b"), "manifest should be one file for each of the 1 folders, got 2"),
        (("--annotations", "a"), "annotations belong to questions; give both"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(more, message, photos, tiny) -> None:
    words = ("--model", tiny, "--data", photos, "--output", photos / "no")
    done = run_here("prepare", "confidence", *words, *more)
    assert done.returncode == 2
    assert message in " ".join(re.findall(r"[^\s│]+", done.stderr))


def test_what_nothing_can_be_fitted_to_is_one_line(tiny, data_set, photos, tmp_path) -> None:
    """Six pictures are too few, a captioner has no annotations, one caption tells nothing."""
    few = ("--data", data_set.images, "--references", data_set.annotations)
    single = tmp_path / "single.csv"
    rows = (photos / "captions.csv").read_text().splitlines()
    single.write_text("\n".join([rows[0], *rows[1::2]]))
    asked = (*("--references", single), *("--annotations", tmp_path / "none.json"))
    for words, message in (
        (few, "6 pictures tell too little"),
        (("--data", photos, "--references", single), "give several captions of each picture"),
        (("--data", photos, *asked), "a captioner, whose pictures have captions"),
        (("--data", tmp_path / "none"), "no such"),
    ):
        done = run_here(
            *("prepare", "confidence", "--model", tiny, *words, "--output", tmp_path / "no")
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert message in done.stderr
    assert not (tmp_path / "no").exists()


def test_training_on_makes_confidence_untrue(calibrated, vocabulary) -> None:
    from caption.training.config import CaptionConfig
    from caption.training.task import ImageSet

    model = CaptionModel.from_pretrained(calibrated)
    nothing = ImageSet((), lambda image, chance: None)
    CaptionTask(CaptionConfig(), model, train=nothing, validation=nothing)
    assert model.confidence is None


def test_fine_tuning_fits_it_anew_where_enough_is_held_out(photos, vocabulary, monkeypatch) -> None:
    from caption.data.check import read_sound

    images = read_sound(photos, photos / "captions.csv").images
    model = caption_model(vocabulary)
    assert refit_captions(model, images) is None
    monkeypatch.setattr("caption.training.confidence.ENOUGH", 18)
    confidence = refit_captions(model, images)
    assert confidence is not None
    assert confidence.num_examples == 18
