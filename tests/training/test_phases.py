"""Phases follow each other, however often they are stopped and in however many processes."""

import copy
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from processes import in_processes
from safetensors.torch import load_file
from tiny import DataSet
from tiny_models import caption_model, words_of_scenes

from caption.data.forms import read_captions
from caption.engine.config import OptimConfig, TrainerConfig
from caption.models.captioner import CaptionModel
from caption.training.config import (
    BatchConfig,
    CaptionConfig,
    SelfCriticalConfig,
    UnfreezingConfig,
)
from caption.training.phases import Outcome, stages_of, train_in_stages
from caption.training.task import CaptionTask, task_of

CONFIG = CaptionConfig(
    batch=BatchConfig(images=2, captions_per_image=2, workers=0),
    phases=("cross_entropy", "unfreezing", "self_critical"),
    unfreezing=UnfreezingConfig(stages=(1,), epochs=1),
    self_critical=SelfCriticalConfig(captions=2, epochs=1, schedule="constant"),
    trainer=TrainerConfig(epochs=1, optim=OptimConfig(warmup_steps=0)),
    select_by="log_likelihood",
)


class Interrupted(CaptionTask):
    """Receives Ctrl-C at its second batch."""

    losses = 0

    def loss(self, batch, done):
        self.losses += 1
        if self.losses == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return super().loss(batch, done)


def in_phases(
    data_set: DataSet,
    model: CaptionModel,
    run: Path,
    config: CaptionConfig = CONFIG,
    *,
    interrupted: str = "",
    **options,
) -> Outcome:
    images = read_captions(data_set.images, data_set.annotations).images

    def make_task(stage, start):
        task = task_of(stage.config, start, train=images, validation=images)
        if stage.name.startswith(interrupted or "none"):
            task.__class__ = Interrupted
        return task

    return train_in_stages(copy.deepcopy(model), stages_of(config), make_task, run, **options)


@pytest.fixture
def train(data_set, tiny_model):
    return partial(in_phases, data_set, tiny_model)


def test_a_run_that_is_stopped_in_every_phase_ends_as_the_unbroken_one(train, tmp_path) -> None:
    whole = train(tmp_path / "whole")
    assert whole.finished
    for number, phase in enumerate(("cross-entropy", "cross-entropy, 1", "self-critical")):
        outcome = train(tmp_path / "broken", interrupted=phase, resume=number > 0)
        assert not outcome.finished
        assert outcome.directory == tmp_path / "broken" / f"stage-{number}"
        assert (outcome.directory / "last" / "model.safetensors").is_file()
    rest = train(tmp_path / "broken", resume=True)
    assert (rest.finished, rest.score) == (True, whole.score)
    for place in ("best", "stage-2/last"):
        one, other = (weights(tmp_path / name / place) for name in ("whole", "broken"))
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_phase_that_made_nothing_better_is_forgotten(train, tmp_path) -> None:
    spoils = SelfCriticalConfig(captions=2, epochs=1, learning_rate=0.3)
    phases = ("cross_entropy", "self_critical")
    outcome = train(tmp_path, replace(CONFIG, phases=phases, self_critical=spoils))
    best, last = (weights(tmp_path / "stage-0/best"), weights(tmp_path / "stage-1/last"))
    assert any(not torch.equal(best[name], last[name]) for name in best)
    for found in (outcome.model.state_dict(), weights(tmp_path / "best")):
        assert all(torch.equal(best[name], found[name]) for name in best)


def one_of_two(data_set: DataSet, directory: Path, rank: int) -> None:
    os.environ["ACCELERATE_USE_CPU"] = "true"  # as `accelerate launch --cpu` does
    torch.manual_seed(0)
    config = replace(CONFIG, phases=("cross_entropy", "self_critical"))
    outcome = in_phases(data_set, caption_model(words_of_scenes()), directory / "run", config)
    torch.save((outcome.score, dict(outcome.model.state_dict())), directory / f"{rank}.pt")


def test_two_processes_go_through_the_phases_together(data_set, tmp_path) -> None:
    in_processes(2, partial(one_of_two, data_set, tmp_path))
    (score, one), (other_score, other) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert score == other_score
    best = weights(tmp_path / "run" / "best")
    assert all(torch.equal(one[name], other[name]) for name in best)
    assert all(torch.equal(one[name], best[name]) for name in best)
    for stage in ("stage-0", "stage-1"):
        state = torch.load(tmp_path / "run" / stage / "state.pt")
        assert state["settings"]["number of processes"] == 2
        assert state["progress"]["updates"] == 2  # of three batches, a last one alone


def weights(directory) -> dict[str, torch.Tensor]:
    return load_file(directory / "model.safetensors")
