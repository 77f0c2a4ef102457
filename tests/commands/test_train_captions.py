"""Training as a person types it: presets, and what contradicts a preset, a model or a run."""

import re
import shlex

import pytest
from console import run_here

from caption.commands.run import read_arguments
from caption.commands.train import Args
from caption.training.presets import PRESETS

WHERE = ["--run", "runs/x", "--data", "photos"]


def refusal(done) -> str:
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("words", [["--preset", "coco-updown"], ["--preset=coco-updown"]])
def test_a_preset_is_the_default_of_every_option(words) -> None:
    args = read_arguments(Args, [*WHERE, *words, "--config.decoder.layers", "2"])
    assert args.config.decoder.layers == 2
    assert args.config.decoder.kind == "updown"
    assert args.config.trainer == PRESETS["coco-updown"].trainer
    assert read_arguments(Args, WHERE).config != args.config


def test_the_help_of_a_preset_shows_its_values() -> None:
    told = re.sub(
        r"\W+", " ", run_here("train", "captions", "--preset", "coco-updown", "--help").stdout
    )
    assert "default updown" in told
    assert "default 448 448" in told


def test_another_preset_is_answered_with_the_nearest() -> None:
    done = run_here("train", "captions", *WHERE, "--preset", "coco-updwn")
    assert done.returncode == 2
    assert "did you mean 'coco-updown'?" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--encoder-weights random",
            "encoder_weights is 'random', for a new encoder, and",
        ),
        ("--preset coco-updown", "decoder.kind is 'updown' and the model's is 'soft_attention', "),
        (
            "--config.decoder.state-dim 64",
            "keeps its sizes, but decoder.state_dim is 64 and the model's is 32; leave out what",
        ),
    ],
)
def test_what_a_model_to_start_from_does_not_have_is_refused_first(tiny, words, message) -> None:
    done = run_here("train", "captions", *WHERE, "--initial", tiny, *shlex.split(words))
    assert message in refusal(done)
    assert done.stdout == ""


def test_a_run_is_not_resumed_with_other_words_or_another_encoder(training, tmp_path) -> None:
    words = ["train", "captions", "--run", tmp_path / "run", *training]
    words += ["--config.trainer.epochs", "1"]
    assert run_here(*words).returncode == 0
    for more, changed in (
        (["--config.text.minimum-count", "6"], "text, vocabulary"),
        (["--config.encoder.preprocess.size", "64", "48"], "encoder"),
    ):
        told = refusal_at_the_end(run_here(*words, *more, "--resume"))
        assert re.search(rf"state.pt: was written with another {changed}; resume with the se", told)


def test_features_of_another_encoder_are_refused(training, tmp_path) -> None:
    features = tmp_path / "features"
    words = ["train", "captions", *training, "--features", features]
    words += ["--config.trainer.epochs", "1"]
    assert run_here(*words, "--run", tmp_path / "one").returncode == 0
    other = ["--run", tmp_path / "other", "--config.trainer.seed", "1"]
    told = refusal_at_the_end(run_here(*words, *other))
    assert re.match(r".*/features/train: its features are of encoder \w+, expected \w+;", told)


def refusal_at_the_end(done) -> str:
    """Return what is said last, below bars of progress."""
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]
