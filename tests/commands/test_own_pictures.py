"""The three commands for one's own pictures, as a person runs them."""

import json

import pytest
from test_scripts import run_here
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


def test_a_sound_folder_is_checked_taught_and_captioned(mine, tmp_path) -> None:
    checked = run_here("check_data.py", mine, "--output", tmp_path / "report.json")
    assert checked.returncode == 0, checked.stderr
    for part in ("table separated by commas", "18, not split", "zebra 36", "no problems found"):
        assert part in checked.stdout
    assert "fine-tuning          about" in checked.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["pictures"], report["captions"], report["problems"]) == (18, 36, [])

    run = tmp_path / "run"
    taught = run_here("finetune_caption.py", "--data", mine, "--output", run, "--epochs", 2)
    assert taught.returncode == 0, taught.stderr
    assert "12 pictures to learn from, 2 to stop in time, 4 held out" in taught.stdout
    assert "new words: zebra" in taught.stdout
    assert "with a frozen encoder: about" in taught.stdout
    assert "difference [95 %]" in taught.stdout
    assert {p.name for p in run.iterdir()} >= {"config.json", "report.html", "report.json"}
    assert "data:image/jpeg;base64" in (run / "report.html").read_text("utf-8")
    assert "zebra" in json.loads((run / "config.json").read_text())["vocabulary"]["tokens"]

    again = run_here("finetune_caption.py", "--data", mine, "--output", run)
    assert again.returncode == 2
    assert "holds a model already" in again.stderr

    lines = tmp_path / "captions.jsonl"
    described = run_here(
        *("describe.py", mine, "--model", run, "--output", lines, "--write-metadata"),
        *("--alt-text", tmp_path / "alt.html", "--batch-images", 7),
    )
    assert described.returncode == 0, described.stderr
    assert "18 files, 0 of them errors" in described.stdout
    assert len(list(read_rows(lines))) == len(list(mine.glob("*.png.xmp"))) == 18
    assert (tmp_path / "alt.html").read_text("utf-8").count("<img ") == 18


def test_what_training_would_fail_on_is_refused_and_can_be_mended(mine, tmp_path) -> None:
    with (mine / "captions.csv").open("a") as file:
        file.write("\nnone.png,a zebra\nred-left-60.png,\n../secret.png,x\n")
    checked = run_here("check_data.py", mine, "--fix", tmp_path / "clean.jsonl")
    assert checked.returncode == 2
    for kind in ("missing file", "empty caption", "unsafe file name"):
        assert kind in checked.stdout
    assert len(checked.stderr.strip().splitlines()[-1]) < 400
    refused = run_here("finetune_caption.py", "--data", mine, "--output", tmp_path / "run")
    assert refused.returncode == 2
    assert "(3 such; scripts/check_data.py" in refused.stderr
    assert not (tmp_path / "run").exists()
    mended = run_here("check_data.py", mine, "--manifest", tmp_path / "clean.jsonl")
    assert mended.returncode == 0, mended.stdout
    twice = run_here("check_data.py", mine, "--fix", tmp_path / "clean.jsonl")
    assert (twice.returncode, "no original is overwritten" in twice.stderr) == (2, True)


def test_pictures_without_captions_are_said_to_be_that(mine, tmp_path) -> None:
    (mine / "captions.csv").unlink()
    checked = run_here("check_data.py", mine)
    assert checked.returncode == 0
    assert "no captions: nothing to train on" in checked.stdout
    refused = run_here("finetune_caption.py", "--data", mine, "--output", tmp_path / "run")
    assert (refused.returncode, "pictures without captions" in refused.stderr) == (2, True)


def test_questions_are_checked_and_taught(mine, tmp_path) -> None:
    (mine / "captions.csv").unlink()
    (tmp_path / "questions.csv").rename(mine / "questions.csv")
    checked = run_here("check_data.py", mine)
    assert checked.returncode == 0, checked.stderr
    assert "table of questions (questions.csv)" in checked.stdout
    assert "very red 6" in checked.stdout
    run = tmp_path / "run"
    taught = run_here("finetune_vqa.py", "--data", mine, "--output", run, "--epochs", 2)
    assert taught.returncode == 0, taught.stderr
    assert "new words: blob" in taught.stdout
    assert "3 new answers: very " in taught.stdout
    assert "held-out images:" in taught.stdout
    assert "which colour is the blob?" in (run / "report.html").read_text("utf-8")
    asked = run_here(
        "ask.py", mine / "red-left-60.png", "which colour is the blob?", "--model", run
    )
    assert asked.returncode == 0, asked.stderr
    assert "I do not know" not in asked.stdout
    (mine / "captions.csv").write_text("image,caption\nred-left-60.png,a red block\n")
    both = run_here("check_data.py", mine, "--output", tmp_path / "both.json")
    assert both.returncode == 2  # one caption is too few
    assert "table of questions" in both.stdout
    assert "1 captioned images can be read" in both.stdout
    assert json.loads((tmp_path / "both.json").read_text()).keys() >= {"captions", "questions"}
    again = run_here("finetune_vqa.py", "--data", mine, "--output", run)
    assert (again.returncode, "holds a model already" in again.stderr) == (2, True)


def test_machines_that_know_their_number_share_the_work(mine, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    rows = []
    for number in range(2):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(number))
        done = run_here(
            *("describe.py", mine, "--shard", "auto", "--output", tmp_path / "out.jsonl"),
            *("--batch-images", 4),
        )
        assert done.returncode == 0, done.stderr
        rows += read_rows(tmp_path / f"out-{number}-of-2.jsonl")
    assert [row["file"] for row in rows] == sorted(str(path) for path in mine.glob("*.png"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check_data.py", "nowhere"], "no such folder"),
        (["check_data.py", "tests", "--fix", "clean.csv"], "should end in .jsonl"),
        (["finetune_caption.py", "--data", "nowhere", "--output", "x"], "no such folder"),
        (["finetune_caption.py", "--data", ".", "--output", "x", "--epochs", "0"], "at least 1"),
        (["finetune_caption.py", "--data", ".", "--output", "x", "--held-out", "1"], "between 0"),
        (["finetune_vqa.py", "--data", "caption/examples", "--output", "x"], "no questions"),
        (["describe.py"], "name images, folders, tar shards or patterns"),
        (["describe.py", "x.jpg", "--output", "x.txt"], "should end in .jsonl or .json"),
        (["describe.py", "x.jpg", "--shard", "0/2"], "shard needs an output"),
        (["describe.py", "x.jpg", "--output", "x.jsonl", "--shard", "2/2"], "count from 0"),
        (["restyle_captions.py", "--captions", "x", "--images", "x", "--output", "x"], "x: cannot"),
    ],
)
def test_what_cannot_be_used_ends_with_a_sentence_and_status_2(arguments, message) -> None:
    done = run_here(*arguments)
    assert done.returncode == 2
    # tyro frames and wraps its own messages.
    said = " ".join(done.stderr.replace("│", " ").split())
    assert message in said
    assert "Traceback" not in said
