"""The three commands for one's own pictures, as a person runs them."""

import json

import pytest
from console import run_here, run_here_and_stop
from tiny import COLOURS, SIDES, captions_of, scene

from caption.archive.lines import read_rows


@pytest.fixture(autouse=True)
def _one_precision(monkeypatch) -> None:
    """Accelerate allows one precision in a process, and other tests have chosen."""
    monkeypatch.setattr("caption.training.plan.quick_precision", lambda: "no")


@pytest.fixture
def mine(tmp_path):
    """A folder with eighteen captioned pictures and as many questions."""
    folder = tmp_path / "mine"
    folder.mkdir()
    captions, questions = ["image,caption"], ["image,question,answer"]
    for colour in COLOURS:
        for side in SIDES:
            for size in (60, 70, 80):
                name = f"{colour}-{side}-{size}.png"
                scene(colour, side).resize((size, 50)).save(folder / name)
                captions += [f"{name},{text} zebra" for text in captions_of(colour, side)]
                questions.append(f"{name},which colour is the blob?,very {colour}")
    (folder / "captions.csv").write_text("\n".join(captions))
    (tmp_path / "questions.csv").write_text("\n".join(questions))
    return folder


def test_a_sound_folder_is_checked_taught_and_captioned(mine, tiny, tmp_path) -> None:
    checked = run_here("check", mine, "--output", tmp_path / "report.json", "--model", tiny)
    assert checked.returncode == 0, checked.stderr
    for part in ("table separated by commas", "18, not split", "zebra 36", "no problems found"):
        assert part in checked.stdout
    assert "fine-tuning          about" in checked.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["pictures"], report["captions"], report["problems"]) == (18, 36, [])

    run = tmp_path / "run"
    taught = run_here(
        "finetune", "captions", "--data", mine, "--output", run, "--epochs", 2, "--model", tiny
    )
    assert taught.returncode == 0, taught.stderr
    assert "12 pictures to learn from, 2 to stop in time, 4 held out" in taught.stdout
    assert "new words: zebra" in taught.stdout
    assert "with a frozen encoder: about" in taught.stdout
    assert "difference [95 %]" in taught.stdout
    assert {p.name for p in run.iterdir()} >= {"config.json", "report.html", "report.json"}
    assert "data:image/jpeg;base64" in (run / "report.html").read_text("utf-8")
    assert "zebra" in json.loads((run / "config.json").read_text())["vocabulary"]["tokens"]

    again = run_here("finetune", "captions", "--data", mine, "--output", run)
    assert again.returncode == 2
    assert "holds a model already" in again.stderr

    lines = tmp_path / "captions.jsonl"
    described = run_here(
        *("caption", mine, "--model", run, "--output", lines, "--write-metadata"),
        *("--alt-text", tmp_path / "alt.html", "--batch-images", 7),
    )
    assert described.returncode == 0, described.stderr
    assert "18 files, 0 of them errors" in described.stdout
    assert len(list(read_rows(lines))) == len(list(mine.glob("*.png.xmp"))) == 18
    assert (tmp_path / "alt.html").read_text("utf-8").count("<img ") == 18


def test_what_training_would_fail_on_is_refused_and_can_be_mended(mine, tiny, tmp_path) -> None:
    with (mine / "captions.csv").open("a") as file:
        file.write("\nnone.png,a zebra\nred-left-60.png,\n../secret.png,x\n")
    checked = run_here("check", mine, "--fix", tmp_path / "clean.jsonl", "--model", tiny)
    assert checked.returncode == 2
    for kind in ("missing file", "empty caption", "unsafe file name"):
        assert kind in checked.stdout
    assert len(checked.stderr.strip().splitlines()[-1]) < 400
    refused = run_here("finetune", "captions", "--data", mine, "--output", tmp_path / "run")
    assert refused.returncode == 2
    assert "(3 such" in refused.stderr
    assert not (tmp_path / "run").exists()
    mended = run_here("check", mine, "--manifest", tmp_path / "clean.jsonl", "--model", tiny)
    assert mended.returncode == 0, mended.stdout
    twice = run_here("check", mine, "--fix", tmp_path / "clean.jsonl", "--model", tiny)
    assert (twice.returncode, "no original is overwritten" in twice.stderr) == (2, True)


def test_pictures_without_captions_are_said_to_be_that(mine, tmp_path) -> None:
    (mine / "captions.csv").unlink()
    checked = run_here("check", mine)
    assert checked.returncode == 0
    assert "no captions: nothing to train on" in checked.stdout
    refused = run_here("finetune", "captions", "--data", mine, "--output", tmp_path / "run")
    assert (refused.returncode, "pictures without captions" in refused.stderr) == (2, True)


def test_stopped_fine_tuning_does_not_end_as_a_finished_one(mine, tiny, tmp_path) -> None:
    words = ("finetune", "captions", "--data", mine, "--output", tmp_path / "run", "--model", tiny)
    done = run_here_and_stop(*words, "--epochs", 500, run=tmp_path / "run")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        130,
        "stopped; continue with --resume",
    )


def test_questions_are_checked_and_taught(mine, tmp_path) -> None:
    (mine / "captions.csv").unlink()
    (tmp_path / "questions.csv").rename(mine / "questions.csv")
    checked = run_here("check", mine)
    assert checked.returncode == 0, checked.stderr
    assert "table of questions (questions.csv)" in checked.stdout
    assert "very red 6" in checked.stdout
    run = tmp_path / "run"
    taught = run_here("finetune", "answers", "--data", mine, "--output", run, "--epochs", 2)
    assert taught.returncode == 0, taught.stderr
    assert "new words: blob" in taught.stdout
    assert "3 new answers: very " in taught.stdout
    assert "2 about 2 to stop in time, then learnt as well, 4 about 4 held out" in taught.stdout
    assert "14 questions were learnt for " in taught.stdout
    assert "held-out images:" in taught.stdout
    assert "  other (4)" in taught.stdout
    assert "| other | 4 |" in (run / "README.md").read_text("utf-8")
    assert "which colour is the blob?" in (run / "report.html").read_text("utf-8")
    asked = run_here("ask", mine / "red-left-60.png", "which colour is the blob?", "--model", run)
    assert asked.returncode == 0, asked.stderr
    assert "I do not know" not in asked.stdout
    (mine / "captions.csv").write_text("image,caption\nred-left-60.png,a red block\n")
    both = run_here("check", mine, "--output", tmp_path / "both.json")
    assert both.returncode == 2  # one caption is too few
    assert "table of questions" in both.stdout
    assert "1 captioned images can be read" in both.stdout
    assert json.loads((tmp_path / "both.json").read_text()).keys() >= {"captions", "questions"}
    again = run_here("finetune", "answers", "--data", mine, "--output", run)
    assert (again.returncode, "holds a model already" in again.stderr) == (2, True)


def test_machines_that_know_their_number_share_the_work(mine, tiny, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    rows = []
    for number in range(2):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(number))
        done = run_here(
            *("caption", mine, "--shard", "auto", "--output", tmp_path / "out.jsonl"),
            *("--batch-images", 4, "--model", tiny),
        )
        assert done.returncode == 0, done.stderr
        rows += read_rows(tmp_path / f"out-{number}-of-2.jsonl")
    assert [row["file"] for row in rows] == sorted(str(path) for path in mine.glob("*.png"))
