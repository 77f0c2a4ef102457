"""Answers from recognised words, as a person trains, asks and corrects them."""

import json

import pytest
from console import run_here
from tiny import COLOURS, QUESTIONS, SIDES, write_questions
from tiny_models import caption_model, concept_model

SMALL = [f"--config.head.{name}-dim=8" for name in ("state", "word", "visual", "fused")]


@pytest.fixture(scope="module")
def knowing_model(vocabulary, tmp_path_factory):
    directory = tmp_path_factory.mktemp("knowing") / "model"
    concept_model(vocabulary).save_pretrained(directory, card="")
    return directory


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    questions, annotations, images = write_questions(tmp_path_factory.mktemp("asked") / "data")
    return "--questions", questions, "--annotations", annotations, "--images", images


@pytest.fixture(scope="module")
def trained(knowing_model, source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    done = run_here(
        *("train", "answers", "--run", folder / "run", "--features", folder / "features", *source),
        *("--captioner", knowing_model, "--config.head.concepts", "3", *SMALL),
        *("--validation-share", "0.34", "--config.trainer.epochs", "1"),
    )
    assert done.returncode == 0, done.stderr
    for said in ("accuracy", "question only: ", "image only: "):
        assert said in done.stdout
    return folder / "run" / "best"


def test_a_model_learns_from_concepts_and_is_corrected(
    knowing_model, source, trained, tmp_path
) -> None:
    config = json.loads((trained / "config.json").read_text())
    assert config["concepts"]["words"] == [*COLOURS, *SIDES]
    models = ("--captioner", knowing_model, "--model", trained)
    images = source[-1]
    asked = ("ask", images / "0.png", *QUESTIONS, *models)
    ruled_out = [f"{word}=0" for word in (*COLOURS, *SIDES)]
    plain, told = run_here(*asked), run_here(*asked, "--concepts", *ruled_out, "block")
    assert plain.returncode == told.returncode == 0, told.stderr
    rows = [[line.split("\t")[1:] for line in done.stdout.splitlines()] for done in (plain, told)]
    assert len(rows[0]) == len(rows[1]) == 2
    assert {answer for answer, _ in rows[1]} <= {"yes", "no"}
    assert rows[0] != rows[1]
    refused = run_here(*asked, "--concepts", "red=2")
    assert refused.returncode == 2
    assert "such as" in refused.stderr
    refused = run_here(*asked, "--concepts", "rde")
    assert refused.stderr.startswith("'rde' is not a word that this model knows; the nearest are")
    scored = run_here("evaluate", "answers", *source, *models)
    assert scored.returncode == 0, scored.stderr
    assert "12 of 12 questions answered" in scored.stdout
    described = run_here("models", trained)
    assert "concepts     reads 3 of 5" in described.stdout


def test_a_captioner_that_recognises_nothing_is_refused(
    vocabulary, source, trained, tmp_path
) -> None:
    caption_model(vocabulary).save_pretrained(tmp_path / "captioner", card="")
    captioner = ("--captioner", tmp_path / "captioner")
    done = run_here(
        *("train", "answers", "--run", tmp_path / "run", "--features", tmp_path / "features"),
        *(*source, *captioner, "--config.head.concepts", "3"),
    )
    assert done.returncode == 2
    assert "this captioner recognises none; give a captioner" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_trained_answerer_goes_on(knowing_model, source, trained, tmp_path) -> None:
    begun = "train", "answers", "--run", tmp_path / "run", "--features", tmp_path / "features"
    begun = *begun, *source, "--captioner", knowing_model, "--initial", trained
    done = run_here(*begun, "--config.head.concepts", 2, "--config.trainer.epochs", 1)
    assert done.returncode == 0, done.stderr
    before, after = (
        json.loads((model / "config.json").read_text())
        for model in (trained, tmp_path / "run" / "best")
    )
    assert after["head"] == before["head"] | {"concepts": 2}
    assert after["answers"] == before["answers"]
    refused = run_here(*begun, "--config.head.cell", "gru")
    assert refused.returncode == 2
    assert "head.cell is 'gru' and the model's is 'lstm'; leave out" in refused.stderr


def test_own_questions_are_learnt_with_concepts(knowing_model, source, trained, tmp_path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = ["image,question,answer"]
    for number in range(18):
        name = f"{number}.png"
        image = (source[-1] / f"{number % 6}.png").read_bytes()
        (folder / name).write_bytes(image)
        rows.append(f"{name},which gizmo is it?,gadget {number % 2}")
    (folder / "questions.csv").write_text("\n".join(rows))
    done = run_here(
        *("finetune", "answers", "--data", folder, "--output", tmp_path / "run"),
        *("--model", trained, "--captioner", knowing_model, "--epochs", 1),
    )
    assert done.returncode == 0, done.stderr
    assert "new words: " in done.stdout
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["concepts"]["words"] == [*COLOURS, *SIDES]
    assert config["head"]["concepts"] == 3
