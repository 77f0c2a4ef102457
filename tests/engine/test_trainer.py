import json
import os
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from caption.engine.checkpoint import load_training_state, save_training_state
from caption.engine.config import OptimConfig, TrainerConfig
from caption.engine.optim import build_optimizer, build_schedule
from caption.engine.trainer import MAX_BAD_UPDATES, LossTerms, Trainer
from caption.errors import ModelError
from caption.files.writing import replaced_directory, write_atomically, write_json

CONFIG = TrainerConfig(
    epochs=3,
    checkpoint_every=100,
    optim=OptimConfig(learning_rate=0.05, warmup_steps=2, weight_decay=0.0),
)


@dataclass
class LineTask:
    """Fit y = 2x with noise from dropout, so that resuming must restore the random numbers."""

    batch_size: int = 4
    select_by: str = "minus_error"
    interrupt_at: int | None = None
    model: nn.Module = field(init=False)
    losses: list[float] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Dropout(0.2), nn.Linear(2, 1))
        self.x = torch.rand(32, 2, generator=torch.Generator().manual_seed(1))

    def loader(self, epoch: int) -> DataLoader:
        order = torch.randperm(32, generator=torch.Generator().manual_seed(epoch)).tolist()
        return DataLoader(
            TensorDataset(self.x, 2 * self.x[:, :1]),
            batch_size=self.batch_size,
            sampler=order,
            generator=torch.Generator(),
        )

    def loss(self, model, batch) -> LossTerms:
        if self.interrupt_at is not None and len(self.losses) == self.interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)
        total = (model(batch[0]) - batch[1]).square().sum()
        self.losses.append(total.item())
        return LossTerms(total, total, torch.tensor(len(batch[0])))

    def validate(self) -> dict[str, float]:
        return {"minus_error": -float((self.model(self.x) - 2 * self.x[:, :1]).square().mean())}

    def save(self, directory: Path, metrics) -> None:
        self.saved.append(directory.name)
        directory.mkdir(exist_ok=True)
        torch.save(self.model.state_dict(), directory / "weights.pt")


def weights(task: LineTask) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in task.model.parameters()])


def fit(task: LineTask, run: Path, config: TrainerConfig = CONFIG, **options):
    return Trainer(config, cpu=True).fit(task, run, **options)


def test_it_learns(tmp_path) -> None:
    task = LineTask()
    outcome = fit(task, tmp_path, replace(CONFIG, epochs=20))
    assert outcome.finished
    assert outcome.best > -0.1
    assert sum(task.losses[-8:]) < sum(task.losses[:8]) / 5


@pytest.mark.parametrize("stop", [1, 5, 8, 13])
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(tmp_path, stop) -> None:
    whole = LineTask()
    fit(whole, tmp_path / "whole")
    broken = LineTask(interrupt_at=stop)
    assert not fit(broken, tmp_path / "broken").finished
    rest = LineTask()
    assert fit(rest, tmp_path / "broken", resume=True).finished
    assert broken.losses + rest.losses == whole.losses
    assert torch.equal(weights(rest), weights(whole))


def test_a_run_killed_without_warning_goes_on_from_its_last_state(tmp_path) -> None:
    class PowerCut(LineTask):
        def loss(self, model, batch) -> LossTerms:
            if len(self.losses) == 6:
                raise MemoryError
            return super().loss(model, batch)

    config = replace(CONFIG, checkpoint_every=2)
    whole = LineTask()
    fit(whole, tmp_path / "whole", config)
    with pytest.raises(MemoryError):
        fit(PowerCut(), tmp_path / "cut", config)
    rest = LineTask()
    fit(rest, tmp_path / "cut", config, resume=True)
    assert torch.equal(weights(rest), weights(whole))


def test_accumulated_batches_move_the_weights_as_one_large_batch(tmp_path) -> None:
    large, small = LineTask(batch_size=8), LineTask(batch_size=2)
    for task in (large, small):
        task.model[0].p = 0.0
    fit(large, tmp_path / "large")
    fit(small, tmp_path / "small", replace(CONFIG, accumulate=4))
    torch.testing.assert_close(weights(small), weights(large))


def test_the_best_model_is_kept_and_patience_ends_a_run(tmp_path) -> None:
    class Peak(LineTask):
        def validate(self) -> dict[str, float]:
            return {"minus_error": [0.1, 0.9, 0.3, 0.2, 0.8][self.saved.count("last")]}

    task = Peak()
    outcome = fit(task, tmp_path, replace(CONFIG, epochs=5, patience=2))
    assert outcome.best == 0.9
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert len([r for r in records if r["kind"] == "validation"]) == 4
    assert task.saved.count("best") == 2
    ended = replace(CONFIG, epochs=5, patience=2)
    for again in (Peak(), Peak()):
        assert fit(again, tmp_path, ended, resume=True) == outcome
        assert again.losses == []


def test_a_run_is_not_overwritten(tmp_path) -> None:
    fit(LineTask(), tmp_path)
    with pytest.raises(ModelError, match="already holds a run; .* pass resume=True to continue it"):
        fit(LineTask(), tmp_path)


def test_resuming_needs_a_run_of_the_same_config(tmp_path) -> None:
    with pytest.raises(ModelError, match="nothing to resume from"):
        fit(LineTask(), tmp_path, resume=True)
    fit(LineTask(), tmp_path)
    with pytest.raises(ModelError, match="another epochs"):
        fit(LineTask(), tmp_path, replace(CONFIG, epochs=9), resume=True)


def test_a_loss_that_is_not_finite_never_reaches_the_weights(tmp_path) -> None:
    class Poisoned(LineTask):
        def loss(self, model, batch) -> LossTerms:
            terms = super().loss(model, batch)
            bad = len(self.losses) == 3
            return replace(terms, total=terms.total * float("nan")) if bad else terms

    task = Poisoned()
    fit(task, tmp_path)
    assert torch.isfinite(weights(task)).all()


def test_a_run_gives_up_when_nothing_is_finite_any_more(tmp_path) -> None:
    class Hopeless(LineTask):
        def loss(self, model, batch) -> LossTerms:
            terms = super().loss(model, batch)
            return replace(terms, total=terms.total * float("inf"))

    task = Hopeless()
    with pytest.raises(ModelError, match="lower the learning rate"):
        fit(task, tmp_path, replace(CONFIG, epochs=9))
    assert len(task.losses) == MAX_BAD_UPDATES


def test_the_rate_warms_up_and_decays_to_its_final_share() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    config = OptimConfig(warmup_steps=4, final_share=0.1)
    schedule = build_schedule(optimizer, config, num_updates=20)
    rates = []
    for _ in range(21):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[20] == pytest.approx(0.1)


def test_the_encoder_has_its_own_rate_and_only_matrices_decay() -> None:
    model = nn.ModuleDict(
        {"encoder": nn.Linear(2, 2), "decoder": nn.Linear(2, 2), "embed": nn.Embedding(3, 2)}
    )
    model["encoder"].bias.requires_grad = False
    optimizer = build_optimizer(model, OptimConfig(weight_decay=0.1))
    found = {
        (group["lr"], group["weight_decay"], len(group["params"]))
        for group in optimizer.param_groups
    }
    assert found == {(1e-4, 0.1, 1), (1e-3, 0.1, 1), (1e-3, 0.0, 2)}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "a.json"
    write_json(path, [1])

    def fail(partial: Path) -> None:
        partial.write_text("half")
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        write_atomically(path, fail)
    assert json.loads(path.read_text()) == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_is_replaced_whole_or_not_at_all(tmp_path) -> None:
    target = tmp_path / "model"
    with replaced_directory(target) as partial:
        (partial / "a").write_text("1")
    with pytest.raises(KeyboardInterrupt), replaced_directory(target) as partial:
        (partial / "a").write_text("half")
        raise KeyboardInterrupt
    assert (target / "a").read_text() == "1"
    with replaced_directory(target) as partial:
        (partial / "b").write_text("2")
    assert [path.name for path in target.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_training_state_is_data_and_never_code(tmp_path) -> None:
    class Stranger:
        def __reduce__(self):
            return (os.system, ("exit 1",))

    save_training_state(tmp_path / "good.pt", {"a": torch.ones(1), "b": [1, "x"]})
    assert load_training_state(tmp_path / "good.pt")["b"] == [1, "x"]
    torch.save({"a": Stranger()}, tmp_path / "bad.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "good.pt").read_bytes()[:300])
    for name in ("bad.pt", "cut.pt"):
        with pytest.raises(ModelError, match="not a readable training state"):
            load_training_state(tmp_path / name)


@pytest.mark.gpu
def test_a_run_on_the_gpu_is_resumed_too(tmp_path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    task = LineTask()
    outcome = Trainer(replace(CONFIG, epochs=5)).fit(task, tmp_path)
    assert outcome.finished
    assert next(task.model.parameters()).is_cuda
