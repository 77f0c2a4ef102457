"""A model that the training command itself has made."""

from pathlib import Path

import pytest
from console import run_script_here
from tiny_models import caption_model

SMALL_TRAINING = [
    *("--config.encoder.architecture", "shufflenet_v2_x0_5"),
    *("--config.encoder.preprocess.size", "32", "48"),
    *("--config.decoder.state-dim", "16", "--config.decoder.word-dim", "8"),
    *("--config.text.minimum-count", "1", "--config.batch.images", "3"),
    *("--config.batch.workers", "0", "--config.trainer.epochs", "2", "--encoder-weights", "random"),
]


@pytest.fixture(scope="session")
def training(data_set):
    """What a small training is asked for, but for its directory."""
    return [
        *("--train", data_set.annotations, "--train-images", data_set.images),
        *("--validation", data_set.annotations, "--validation-images", data_set.images),
        *SMALL_TRAINING,
    ]


@pytest.fixture(scope="session")
def tiny(vocabulary, tmp_path_factory) -> Path:
    """The directory of a tiny model with random weights."""
    directory = tmp_path_factory.mktemp("tiny") / "model"
    caption_model(vocabulary).save_pretrained(directory, card="")
    return directory


@pytest.fixture(scope="session")
def model(training, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("run")
    done = run_script_here("train_caption.py", "--run", directory, *training)
    assert done.returncode == 0, done.stderr
    assert f"{directory / 'best'}: cider_d" in done.stdout
    return directory / "best"
