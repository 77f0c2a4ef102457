"""`glimpse ablate` as a person types it."""

import json
import re
import shlex

import pytest
from conftest import SMALL_TRAINING
from console import run_here, run_here_and_stop

LIST = f"""
[common]
train = "{shlex.join(SMALL_TRAINING[:-2])} --config.trainer.epochs 1"
evaluate = "--search.num-beams 2"
[variants.plain]
title = "as it is"
[variants.narrow]
train = "--config.decoder.state-dim 8"
"""


@pytest.fixture
def words(data_set, tmp_path):
    """What a small ablation is asked for, but for its list."""
    return [
        *("ablate", "--run", tmp_path / "runs", "--encoder-weights", "random"),
        *("--train", data_set.annotations, "--train-images", data_set.images),
        *("--validation", data_set.annotations, "--validation-images", data_set.images),
    ]


@pytest.mark.timeout(400)  # four processes each import torch
def test_variants_are_trained_scored_and_compared_once(words, write, tmp_path) -> None:
    words += ["--variants", write("v.toml", LIST), "--features", tmp_path / "features"]
    words += ["--processes", 2, "--pictures"]
    done = run_here(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{tmp_path / 'runs' / 'table.md'}: 2 runs are done, 0 failed\n" in done.stdout
    for picture in ("effects.png", "costs.png"):
        assert (tmp_path / "runs" / picture).read_bytes().startswith(b"\x89PNG")
    table = json.loads((tmp_path / "runs" / "table.json").read_text())
    assert "beam 2" in table["protocol"]["captions"]
    assert [v["title"] for v in table["variants"]] == ["as it is", "narrow"]
    plain, narrow = table["runs"]
    assert narrow["decoder_parameters"] < plain["decoder_parameters"]
    assert narrow["encoder_parameters"] == plain["encoder_parameters"]
    assert (plain["budget"]["updates"], plain["budget"]["captions"]) == (2, 12)
    assert plain["perplexity"] > 1
    report = json.loads((tmp_path / "runs" / "plain" / "seed-0" / "report.json").read_text())
    assert "beam 2, images by their stored features" in report["protocol"]["captions"]
    assert report["scores"]["cider_d"] == plain["cider_d"]
    again = run_here(*words)
    assert again.stdout.startswith("2 of 2 runs are done\n")
    assert "begun" not in again.stdout
    write("v.toml", LIST.replace("state-dim 8", "state-dim 4"))
    changed = run_here(*words)
    assert changed.returncode == 2
    assert "narrow/seed-0: was trained otherwise: config.decoder.state_dim is 4 and was 8" in (
        changed.stderr
    )


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("state-dim 8", "state-size 8", "variant 'narrow': '--config.encoder"),
        ("state-dim 8", "state-dim 0", "variant 'narrow': '--config.encoder"),
        ("state-dim 8", "state-dim 8 --resume", "variant 'narrow': leave out resume"),
        ("state-dim 8", "state-dim 8 --run x", "variant 'narrow': leave out run;"),
        ("state-dim 8", "state-dim 8 --config.trainer.seed 3", "out config.trainer.seed"),
        (
            "--config.decoder.state-dim 8",
            '--initial x"\nafter = "plain',
            "variant 'narrow': leave out initial;",
        ),
        (
            "--config.decoder.state-dim 8",
            '--config.decoder.state-dim 8"\nafter = "plain',
            "'narrow' keeps the sizes of 'plain', from which it starts, but decoder.state_dim is 8",
        ),
        ("--search.num-beams 2", "--model x", "what [common] says of scoring: leave out model"),
        ("--search.num-beams 2", "--beams 2", "scoring: '--beams 2' cannot be read"),
        (
            "state-dim 8",
            "state-dim 8 --config.trainable-stages 1 --features x",
            "variant 'narrow' has --features, which are for a frozen encoder",
        ),
        (
            "state-dim 8",
            "state-dim 8 --config.encoder.architecture mobilenet_v2",
            "variants 'plain' and 'narrow' have different encoders and cannot share the features",
        ),
        (
            "--config.decoder.state-dim 8",
            "--preset coco-updown",
            "variants 'plain' and 'narrow' have different encoders and cannot share the features",
        ),
        (
            "--config.decoder.state-dim 8",
            '--config.encoder.preprocess.size 96 128"\nafter = "plain',
            "variants 'plain' and 'narrow' have different encoders and cannot share the features",
        ),
    ],
)
def test_what_no_command_takes_is_refused_before_any_work(
    before, after, message, words, write, tmp_path
) -> None:
    path = write("v.toml", LIST.replace(before, after))
    done = run_here(*words, "--variants", path, "--features", tmp_path / "features")
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "features").exists()


def test_checking_shows_the_commands_and_does_nothing(words, write, tmp_path) -> None:
    path = write("v.toml", LIST.replace("decoder.state-dim 8", "truncate 3") + 'after = "plain"')
    words += ["--features", "stored", "--seeds", "3", "4", "--check", "--variants", path]
    done = run_here(*words)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 8
    folder = tmp_path / "runs"
    assert "--encoder-weights random" in lines[0]
    assert "--encoder-weights" not in lines[6]
    assert lines[6].startswith(f"glimpse train captions --run {folder}/narrow/seed-4 --data ")
    assert lines[6].endswith(f"seed 4 --features stored --initial {folder}/plain/seed-4/best")
    assert f"--output {folder}/narrow/seed-4/report.json" in lines[7]
    assert lines[7].endswith("--search.num-beams 2 --features stored/validation")
    assert not folder.exists()


def test_failures_are_said_and_are_the_status(words, write, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    done = run_here(*words, "--variants", write("v.toml", LIST))
    assert done.returncode == 1
    assert done.stdout.count("failed: it said nothing (status 1; ") == 2
    assert "table.md: 0 runs are done, 2 failed\n" in done.stdout
    assert "- narrow, seed 0 failed: " in (tmp_path / "runs" / "table.md").read_text()


def test_validation_images_must_be_the_same_for_all(data_set, write, tmp_path) -> None:
    done = run_here(
        *("ablate", "--variants", write("v.toml", LIST), "--run", tmp_path / "runs"),
        *("--data", data_set.images, "--manifest", data_set.annotations),
    )
    assert done.returncode == 2
    assert "those that are taken by lot differ from seed to seed" in done.stderr


def test_a_stopped_training_does_not_end_as_a_finished_one(training, tmp_path) -> None:
    words = ("train", "captions", "--run", tmp_path, *training, "--config.trainer.epochs", "500")
    done = run_here_and_stop(*words, run=tmp_path)
    assert done.returncode == 130
    assert re.match(r"stopped; continue with --resume", done.stdout.splitlines()[-1])
