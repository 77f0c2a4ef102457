"""What is not finite: batches, gradients, weights. Saved models must stay sound."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from line_task import CONFIG, LineTask, fit, saved_weights, weights
from torch import Tensor, nn

from caption.engine.config import TrainerConfig
from caption.errors import ModelError


@dataclass
class Poisoned(LineTask):
    """Some losses are spoilt."""

    bad: Callable[[int], bool] = lambda number: False
    spoil: Callable[[Tensor], Tensor] = lambda total: total * math.nan

    def loss(self, batch, done):
        terms = super().loss(batch, done)
        if self.bad(len(self.losses)):
            return replace(terms, total=self.spoil(terms.total))
        return terms


def records(run) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda total: total * math.nan,
        lambda total: total * math.inf,
        lambda total: total + math.inf,  # the gradient is finite
        lambda total: (total - total.detach()).sqrt() + 1,  # the loss is finite
    ],
)
def test_an_update_that_is_not_finite_changes_nothing(tmp_path, spoil) -> None:
    """The run with a spoilt batch ends as that from which the batch is missing."""

    class Missing(LineTask):
        def loader(self, epoch):
            batches = list(super().loader(epoch).batch_sampler)
            return torch.utils.data.DataLoader(
                super().loader(epoch).dataset, batch_sampler=batches[:2] + batches[3:]
            )

    config = replace(
        CONFIG, epochs=1, optim=replace(CONFIG.optim, schedule="constant"), checkpoint_every=3
    )
    poisoned = Poisoned(dropout=0.0, bad=lambda number: number == 3, spoil=spoil)
    fit(poisoned, tmp_path / "poisoned", config)
    missing = Missing(dropout=0.0)
    fit(missing, tmp_path / "missing", config)
    assert torch.equal(weights(poisoned), weights(missing))
    skipped = [record for record in records(tmp_path / "poisoned") if record.get("skipped")]
    assert [(r["update"], r["skipped"], r["skipped_in_a_row"]) for r in skipped] == [(2, 1, 1)]


def test_a_spoilt_batch_leaves_no_trace_in_running_statistics(tmp_path) -> None:
    class Normed(LineTask):
        def __post_init__(self) -> None:
            super().__post_init__()
            self.model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))

        def loss(self, batch, done):
            if len(self.losses) == 3:
                batch[0][0] = math.nan
            return super().loss(batch, done)

    task = Normed()
    assert math.isfinite(fit(task, tmp_path).best)
    assert all(tensor.isfinite().all() for tensor in task.model.state_dict().values())


def test_a_run_gives_up_after_so_many_in_a_row_and_says_what_is_left(tmp_path) -> None:
    config = replace(CONFIG, max_bad_updates=3, checkpoint_every=2)
    task = Poisoned(bad=lambda number: number > 5 or number in (1, 2))
    with pytest.raises(
        ModelError,
        match=r"not finite in 3 updates in a row, up to update 8; .*last is the model after "
        r"update 6, which is sound; start a new run from it with a lower learning rate",
    ):
        fit(task, tmp_path, config)
    assert len(task.losses) == 8
    assert torch.equal(saved_weights(tmp_path / "last"), weights(task))
    assert saved_weights(tmp_path / "last").isfinite().all()
    assert records(tmp_path)[-1]["skipped"] == 5


def test_a_run_that_never_was_sound_has_nothing_to_go_back_to(tmp_path) -> None:
    with pytest.raises(ModelError, match="in 4 updates .* nothing had been saved yet"):
        fit(Poisoned(bad=lambda number: True), tmp_path, replace(CONFIG, max_bad_updates=4))
    assert not (tmp_path / "last").exists()


def test_a_resumed_run_goes_on_counting(tmp_path) -> None:
    config = replace(CONFIG, max_bad_updates=4, checkpoint_every=2)
    with pytest.raises(ModelError, match="not finite in 4 updates in a row, up to update 4"):
        fit(Poisoned(bad=lambda number: True), tmp_path, config)
    with pytest.raises(ModelError, match="not finite in 4 updates in a row, up to update 4"):
        fit(again := Poisoned(bad=lambda number: True), tmp_path, config, resume=True)
    assert len(again.losses) == 2


def test_weights_that_are_not_finite_are_never_saved(tmp_path) -> None:
    class Spoilt(LineTask):
        def loss(self, batch, done):
            terms = super().loss(batch, done)
            if len(self.losses) == 12:
                with torch.no_grad():
                    self.model[1].weight.fill_(math.inf)
            return terms

    config = replace(CONFIG, checkpoint_every=4)
    before = LineTask(interrupt_at=7)
    fit(before, tmp_path / "before", config)
    with pytest.raises(ModelError, match=r"last: not saved, as 1.weight is not finite any more"):
        fit(Spoilt(), tmp_path / "run", config)
    found = saved_weights(tmp_path / "run" / "last")
    assert torch.equal(found, saved_weights(tmp_path / "before" / "last"))


def test_settings_that_would_never_end_a_run_are_refused() -> None:
    with pytest.raises(ValueError, match="max_bad_updates must be at least 1, got 0"):
        TrainerConfig(max_bad_updates=0)
