"""Two processes that exchange gradients do what one does with twice the batch."""

import json
import math
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from line_task import CONFIG, LineTask, fit, saved_weights, weights
from processes import in_processes
from torch import nn

from caption.engine.config import TrainerConfig
from caption.engine.task import LossTerms
from caption.engine.trainer import Stopped
from caption.errors import ModelError

TWO_EPOCHS = replace(CONFIG, epochs=2)


@dataclass
class Ending:
    """What a process has to say at the end of a run."""

    outcome: Stopped
    weights: torch.Tensor


def run_in_two(
    tasks: tuple[LineTask, LineTask], run: Path, config: TrainerConfig = TWO_EPOCHS, **options
) -> list[Ending]:
    """Fit the first task in one process and the second in another; return how they ended."""
    in_processes(2, partial(_fit_one, tasks, run, config, options))
    endings = [torch.load(f"{run}-{rank}.pt", weights_only=False) for rank in (0, 1)]
    assert endings[0].outcome == endings[1].outcome
    assert torch.equal(endings[0].weights, endings[1].weights)
    return endings


def _fit_one(
    tasks: tuple[LineTask, LineTask], run: Path, config: TrainerConfig, options: dict, rank: int
) -> None:
    outcome = fit(tasks[rank], run, config, **options)
    torch.save(Ending(outcome, weights(tasks[rank])), f"{run}-{rank}.pt")


def records(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("num_examples", "batch_size", "accumulate"),
    [
        (32, 4, 1),
        (30, 4, 1),  # a short batch at the end
        (26, 4, 1),  # and nothing left for the second process
        (3, 4, 1),  # never anything for the second process
        (26, 2, 2),
    ],
)
def test_two_processes_equal_one_with_the_same_examples_in_an_update(
    tmp_path, num_examples, batch_size, accumulate
) -> None:
    one = LineTask(batch_size=8, num_examples=num_examples, dropout=0.0)
    outcome = fit(one, tmp_path / "one", TWO_EPOCHS)
    config = replace(TWO_EPOCHS, accumulate=accumulate)
    half = LineTask(batch_size=batch_size, num_examples=num_examples, dropout=0.0)
    two = run_in_two((half, half), tmp_path / "two", config)
    torch.testing.assert_close(two[0].weights, weights(one), rtol=0, atol=1e-6)
    assert two[0].outcome.best == pytest.approx(outcome.best, abs=1e-6)
    for mine, other in zip(records(tmp_path / "one"), records(tmp_path / "two"), strict=True):
        for name in ("loss", "gradient_norm", "minus_error"):
            assert mine.get(name) == pytest.approx(other.get(name), abs=1e-6)


def test_a_signal_to_one_process_stops_both_and_they_resume_exactly(tmp_path) -> None:
    config = replace(CONFIG, ema=0.5)
    run_in_two((LineTask(), LineTask()), tmp_path / "whole", config)
    interrupted = (LineTask(), LineTask(interrupt_at=5))
    broken = run_in_two(interrupted, tmp_path / "broken", config)
    assert not broken[0].outcome.finished
    with pytest.raises(ModelError, match="was written with another number of processes"):
        fit(LineTask(), tmp_path / "broken", config, resume=True)
    rest = run_in_two((LineTask(), LineTask()), tmp_path / "broken", config, resume=True)
    assert rest[0].outcome.finished
    # Dropout differs between the processes, so each of them went on with its own random numbers.
    one, other = (saved_weights(tmp_path / name / "last") for name in ("whole", "broken"))
    assert torch.equal(one, other)


@dataclass
class Awkward(LineTask):
    """Steps through parts of the model, some of which a batch leaves out; only rank 0 may score."""

    rank: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.model = nn.ModuleList([nn.Linear(2, 1), nn.BatchNorm1d(1), nn.Linear(1, 1)])

    def loss(self, batch, done):
        first, norm, second = self.model
        scores = norm(first(batch[0]))
        if (len(self.losses) + self.rank) % 3:
            scores = second(scores)
        total = (scores - batch[1]).square().sum()
        if self.rank == 1 and len(self.losses) == 4:
            total = total * math.nan
        self.losses.append(total.item())
        return LossTerms(total, total, torch.tensor(len(scores)))

    def validate(self) -> dict[str, float]:
        assert self.rank == 0
        return {"minus_error": [0.1, 0.9, 0.3, 0.2, 0.8][self.saved.count("last")]}


def test_both_decide_alike_and_one_validates_and_writes(tmp_path) -> None:
    config = replace(CONFIG, epochs=5, patience=2, checkpoint_every=1000)
    endings = run_in_two((Awkward(rank=0), Awkward(rank=1)), tmp_path / "run", config)
    assert endings[0].outcome == Stopped(best=0.9, finished=True, best_epoch=2)
    found = records(tmp_path / "run")
    assert len([record for record in found if record["kind"] == "validation"]) == 4
    assert [r["skipped"] for r in found if r["kind"] == "train"][-1] == 1
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"metrics.jsonl", "state.pt", "last", "best"}
