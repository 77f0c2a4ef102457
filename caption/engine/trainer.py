"""The training loop: knows a `Task`, and neither pictures nor words."""

import math
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from caption.engine.checkpoint import (
    load_training_state,
    random_state,
    restore_random_state,
    save_training_state,
)
from caption.engine.config import TrainerConfig
from caption.engine.optim import build_optimizer, build_schedule
from caption.engine.records import MetricsLog
from caption.errors import Argument, ModelError

Batch = TypeVar("Batch")
Batch_contra = TypeVar("Batch_contra", contravariant=True)


@dataclass(frozen=True)
class LossTerms:
    """A loss that has not been divided yet, so that batches of any size add up."""

    total: Tensor
    """Sum of what is minimised."""
    reported: Tensor
    """Sum of what is shown, such as the cross-entropy without regularisers."""
    count: Tensor
    """How many terms were summed, such as words."""
    also: Mapping[str, Tensor] = field(default_factory=dict)
    """What else the log tells of the batch, means already."""


@runtime_checkable
class Task(Protocol[Batch_contra]):
    """What the training loop needs to know about a problem, and no more."""

    select_by: str
    """Name of the validation metric that selects the best checkpoint; higher is better."""

    @property
    def model(self) -> nn.Module:
        """The network that learns."""

    def loader(self, epoch: int) -> "DataLoader[Any]":
        """Return the batches of an epoch, in an order that depends on nothing else."""

    def loss(self, model: nn.Module, batch: Batch_contra) -> LossTerms:
        """Return the summed loss; the loop divides by the count once per update."""

    def validate(self) -> Mapping[str, float]:
        """Return metrics by name; the model is in eval mode, on its device."""

    def save(self, directory: Path, metrics: Mapping[str, float]) -> None:
        """Write the model as it is now, with what it scored."""


@dataclass
class Progress:
    """Where a run is."""

    epoch: int = 0
    batch: int = 0
    """Batches of this epoch that are done."""
    updates: int = 0
    best: float = -math.inf
    stale: int = 0
    """Validations since the best one."""


class Stopped(NamedTuple):
    """How a run ended."""

    best: float
    """Best validation score, minus infinity if there was none."""
    finished: bool
    """False if a signal stopped it; it can be resumed."""


MAX_BAD_UPDATES = 10
"""Updates in a row with a loss or gradient that is not finite before a run gives up."""


class Trainer:
    """Runs a task: updates, validation, checkpoints.

    The run directory receives `metrics.jsonl`, `state.pt` (for `resume`), `last/` and `best/`.
    """

    def __init__(self, config: TrainerConfig, *, cpu: bool = False) -> None:
        self.config = config
        self.accelerator = Accelerator(mixed_precision=config.precision, cpu=cpu)
        self.device = self.accelerator.device

    def fit(self, task: Task[Any], run: Path, *, resume: bool = False) -> Stopped:
        """Train until the epochs are over, patience is, or a signal says stop.

        Args:
            task: the problem.
            run: directory of the run.
            resume: continue exactly where `run/state.pt` was written.

        Raises:
            ModelError: nothing to resume from, another config, or the loss is not finite.
        """
        return _Run(self.config, self.accelerator, task, run, resume=resume).fit()


class _Run:
    """One call of `Trainer.fit`, with the state it shares between its parts."""

    def __init__(
        self,
        config: TrainerConfig,
        accelerator: Accelerator,
        task: Task[Any],
        run: Path,
        *,
        resume: bool,
    ) -> None:
        self.config, self.accelerator, self.task, self.run = config, accelerator, task, run
        run.mkdir(parents=True, exist_ok=True)
        self.state_path = run / "state.pt"
        if not resume and self.state_path.exists():
            raise ModelError(
                f"{run}: already holds a run; choose another directory",
                Argument("resume", why="to continue it"),
            )
        self.log = MetricsLog(run / "metrics.jsonl")
        self.progress = Progress()
        self.bad_updates = 0
        set_seed(config.seed, device_specific=True)
        optimizer = build_optimizer(task.model, config.optim)
        self.updates_per_epoch = math.ceil(len(self._loader(epoch=0)) / config.accumulate)
        self.model, self.optimizer = accelerator.prepare(task.model, optimizer)
        self.schedule = build_schedule(
            optimizer, config.optim, num_updates=config.epochs * self.updates_per_epoch
        )
        if resume:
            self._restore(load_training_state(self.state_path))

    def fit(self) -> Stopped:
        with stop_signals() as stop:
            while not self._is_over():
                if not self._train_epoch(stop):
                    self._save_state()
                    return Stopped(self.progress.best, finished=False)
                self._validate()
                self._save_state()
        return Stopped(self.progress.best, finished=True)

    def _is_over(self) -> bool:
        """Return whether the epochs are over, or patience is; a resumed run may be over already."""
        progress = self.progress
        return progress.epoch >= self.config.epochs or progress.stale >= self.config.patience

    def _loader(self, *, epoch: int) -> "DataLoader[Any]":
        return self.accelerator.prepare_data_loader(self.task.loader(epoch))

    def _train_epoch(self, stop: "StopRequest") -> bool:
        """Go through the rest of the current epoch; return False if asked to stop in it."""
        progress = self.progress
        loader = self._loader(epoch=progress.epoch)
        batches = self.accelerator.skip_first_batches(loader, progress.batch)
        self.model.train()
        bar = tqdm(
            total=len(loader),
            initial=progress.batch,
            desc=f"epoch {progress.epoch + 1}/{self.config.epochs}",
            disable=not self.accelerator.is_main_process,
            mininterval=1.0,
        )
        with bar:
            for group in _groups(batches, self.config.accumulate):
                loss = self._update(group)
                progress.batch += len(group)
                progress.updates += 1
                bar.update(len(group))
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                if stop.requested:
                    return False
                if progress.updates % self.config.checkpoint_every == 0:
                    self._save_state()
        progress.epoch, progress.batch = progress.epoch + 1, 0
        return True

    def _update(self, group: list[Any]) -> float:
        """Move the weights once, by the mean loss over some batches; return the shown loss."""
        reported: list[Tensor] = []
        counts: list[Tensor] = []
        divisor = count = torch.ones(())
        for batch in group:
            with self.accelerator.autocast():
                terms = self.task.loss(self.model, batch)
            reported.append(terms.reported.detach())
            counts.append(terms.count)
            if len(counts) == 1:
                divisor = count = self._summed(counts)
            # Distributed training averages gradients over the processes, hence the factor.
            self.accelerator.backward(terms.total * self.accelerator.num_processes / divisor)
        if len(group) > 1:
            count = self._summed(counts)
            # How many terms the later batches have is known only when their losses are.
            for parameter in self.model.parameters():
                if parameter.grad is not None:
                    parameter.grad *= divisor / count
        norm = self.accelerator.clip_grad_norm_(
            self.model.parameters(), self.config.optim.clip_norm
        )
        if self._is_finite(norm):
            self.optimizer.step()
            self.schedule.step()
        self.optimizer.zero_grad()
        mean = float(self._summed(reported) / count)
        if self.progress.updates % 20 == 0:
            self._record(
                kind="train",
                loss=mean,
                learning_rate=self.schedule.get_last_lr()[-1],
                gradient_norm=float(norm),
            )
        return mean

    def _summed(self, terms: list[Tensor]) -> Tensor:
        """Return the sum over the batches of an update and over all processes."""
        return self.accelerator.reduce(torch.stack(terms).sum())

    def _is_finite(self, norm: Tensor) -> bool:
        # Under fp16 the gradient scaler skips such updates itself and lowers its scale.
        if torch.isfinite(norm) or self.config.precision == "fp16":
            self.bad_updates = 0
            return True
        self.bad_updates += 1
        if self.bad_updates >= MAX_BAD_UPDATES:
            raise ModelError(
                f"{self.run}: the gradient was not finite in {self.bad_updates} updates in a row; "
                "lower the learning rate",
                Argument("resume", why="to go on from the last checkpoint"),
            )
        return False

    def _validate(self) -> None:
        """Score the model, keep it if it is the best so far."""
        progress = self.progress
        self.task.model.eval()
        with torch.inference_mode():
            metrics = self.task.validate()
        self._record(kind="validation", **metrics)
        score = metrics[self.task.select_by]
        progress.stale += 1
        if score > progress.best:
            progress.best, progress.stale = score, 0
            self._save_model("best", metrics)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        self.accelerator.print(f"epoch {progress.epoch}: {shown}")

    def _save_state(self) -> None:
        """Write what resuming needs, and the model itself for use at once."""
        if not self.accelerator.is_main_process:
            return
        self._save_model("last", {})
        save_training_state(
            self.state_path,
            {
                "config": asdict(self.config),
                "progress": asdict(self.progress),
                "model": self.task.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "random": random_state(),
            },
        )

    def _save_model(self, name: str, metrics: Mapping[str, float]) -> None:
        if self.accelerator.is_main_process:
            self.task.save(self.run / name, metrics)

    def _restore(self, state: dict[str, Any]) -> None:
        changed = [
            key for key, value in asdict(self.config).items() if state["config"].get(key) != value
        ]
        if changed:
            raise ModelError(
                f"{self.state_path}: was written with another {', '.join(changed)}; "
                "resume with the settings of the run, or start a new one"
            )
        self.task.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.progress = Progress(**state["progress"])
        restore_random_state(state["random"])

    def _record(self, **values: Any) -> None:
        if self.accelerator.is_main_process:
            self.log.write(
                {"epoch": self.progress.epoch, "update": self.progress.updates, **values}
            )


def _groups(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """Yield the batches in lists of `size`; the last may be shorter."""
    group: list[Batch] = []
    for batch in batches:
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


@dataclass
class StopRequest:
    """Whether someone asked the run to stop."""

    requested: bool = False


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Turn Ctrl-C and a polite kill into a request; a second Ctrl-C stops at once, as usual."""
    request = StopRequest()

    def ask(number: int, frame: FrameType | None) -> None:
        request.requested = True
        signal.signal(number, before[number])

    before = {int(number): signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
