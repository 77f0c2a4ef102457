"""The training loop: knows a `Task`, and neither pictures nor words."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import (
    DistributedDataParallelKwargs,
    InitProcessGroupKwargs,
    broadcast_object_list,
    set_seed,
)
from filelock import FileLock, Timeout
from tqdm import tqdm

from caption.engine.averaging import AveragedWeights
from caption.engine.batches import Rounds
from caption.engine.checkpoint import Progress, RunDirectory, check_finite
from caption.engine.config import TrainerConfig
from caption.engine.optim import build_optimizer, build_schedule
from caption.engine.signals import StopRequest, stop_signals
from caption.engine.task import Loss, Task
from caption.engine.update import Outcome, Updater
from caption.errors import ModelError
from caption.files.writing import lock_of

RECORD_EVERY = 20
"""Updates between two lines of the log."""


class Stopped(NamedTuple):
    """How a run ended; the same in every process."""

    best: float
    """Best validation score, minus infinity if there was none."""
    finished: bool
    """False if a signal stopped it; it can be resumed."""
    best_epoch: int
    """Epochs until the best score, 0 if there was none."""


class Trainer:
    """Runs a task: updates, validation, checkpoints.

    The run directory receives `metrics.jsonl`, `state.pt` (for `resume`), `last/` and `best/`. With
    several processes, a batch of the task is what each of them takes at a time; the first process
    alone validates and writes, and all must see the run directory.
    """

    def __init__(self, config: TrainerConfig, *, cpu: bool = False) -> None:
        self.config = config
        self.accelerator = Accelerator(
            mixed_precision=config.precision,
            cpu=cpu,
            kwargs_handlers=[
                # Which weights an objective uses is its own affair and may differ between batches.
                DistributedDataParallelKwargs(find_unused_parameters=True),
                # The others wait while the first process validates.
                InitProcessGroupKwargs(timeout=timedelta(hours=6)),
            ],
        )
        self.device = self.accelerator.device

    def fit(self, task: Task[Any], run: Path, *, resume: bool = False) -> Stopped:
        """Train until the epochs are over, patience is, or a signal says stop.

        Args:
            task: the problem.
            run: directory of the run.
            resume: continue exactly where `run/state.pt` was written.

        Raises:
            ModelError: nothing to resume from, another config, or the loss is not finite; or
                another process trains into this directory.
        """
        with self._alone(run):
            return _Run(self.config, self.accelerator, task, run, resume=resume).fit()

    @contextmanager
    def _alone(self, run: Path) -> Iterator[None]:
        """Keep other trainings out of the directory: each would write over the other's state."""
        if not self.accelerator.is_main_process:
            yield
            return
        run.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(lock_of(run)).acquire(blocking=False)
        except Timeout:
            raise ModelError(
                f"{run}: another process trains into it; wait for that, or choose another directory"
            ) from None
        with lock:
            try:
                yield
            finally:
                lock_of(run).unlink(missing_ok=True)


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
        self.config, self.accelerator, self.task = config, accelerator, task
        settings = {**task.settings, **asdict(config)}
        self.directory = RunDirectory(run, accelerator, settings, resume=resume)
        set_seed(config.seed, device_specific=True)
        updates_per_epoch = -(-len(Rounds(task.loader(0), accelerator)) // config.accumulate)
        self.num_updates = config.epochs * updates_per_epoch
        if config.compile:
            task.model.compile()
        optimizer = build_optimizer(task.model, config.optim, task.stages_from_last)
        # Before fp16's scaler takes the optimizer's place, whose steps the schedule watches.
        self.schedule = build_schedule(
            optimizer, config.optim, epochs=config.epochs, updates_per_epoch=updates_per_epoch
        )
        self.loss, self.optimizer = accelerator.prepare(Loss(task), optimizer)
        self.update = Updater(accelerator, self.loss, self.optimizer, self.schedule, config.optim)
        self.average = AveragedWeights(task.model, config.ema) if config.ema else None
        self.progress = self.directory.restore(self._parts()) if resume else Progress()

    def fit(self) -> Stopped:
        finished = True
        with stop_signals() as stop:
            while finished and not self._is_over():
                finished = self._train_epoch(stop)
                if finished:
                    self._validate()
                self._save()
        # Nobody is told of files that the first process has not finished.
        self.accelerator.wait_for_everyone()
        return Stopped(self.progress.best, finished, self.progress.best_epoch)

    def _is_over(self) -> bool:
        """Return whether the epochs are over, or patience is; a resumed run may be over already."""
        progress = self.progress
        return progress.epoch >= self.config.epochs or progress.stale >= self.config.patience

    def _train_epoch(self, stop: StopRequest) -> bool:
        """Go through the rest of the current epoch; return False if asked to stop in it."""
        progress = self.progress
        rounds = Rounds(self.task.loader(progress.epoch), self.accelerator)
        self.loss.train()
        bar = tqdm(
            total=len(rounds),
            initial=progress.batch,
            desc=f"epoch {progress.epoch + 1}/{self.config.epochs}",
            disable=not self.accelerator.is_main_process,
            mininterval=1.0,
        )
        with bar:
            for group in rounds.groups(self.config.accumulate, skip=progress.batch):
                outcome = self.update(group, done=progress.updates / self.num_updates)
                self._note(outcome)
                progress.batch += len(group)
                bar.update(len(group))
                bar.set_postfix(loss=f"{outcome.loss:.3f}", refresh=False)
                if self._anywhere(stop.requested):
                    return False
                if progress.updates % self.config.checkpoint_every == 0:
                    self._save()
        progress.epoch, progress.batch = progress.epoch + 1, 0
        return True

    def _note(self, outcome: Outcome) -> None:
        """Count an update, and give up if too many in a row came to nothing."""
        progress = self.progress
        if outcome.finite:
            progress.skipped_in_a_row = 0
            if self.average is not None:
                self.average.update()
        else:
            progress.skipped += 1
            progress.skipped_in_a_row += 1
        if progress.updates % RECORD_EVERY == 0 or not outcome.finite:
            self._record(
                kind="train",
                loss=outcome.loss,
                learning_rate=self.schedule.get_last_lr()[-1],
                gradient_norm=outcome.gradient_norm,
                skipped=progress.skipped,
                skipped_in_a_row=progress.skipped_in_a_row,
                **outcome.also,
            )
        progress.updates += 1
        if progress.skipped_in_a_row >= self.config.max_bad_updates:
            raise ModelError(
                f"{self.directory.path}: loss or gradient was not finite in "
                f"{progress.skipped_in_a_row} updates in a row, up to update {progress.updates}; "
                f"{self.directory.what_is_left()}"
            )

    def _validate(self) -> None:
        """Score the model, keep it if it is the best so far."""
        progress = self.progress
        found: list[Mapping[str, float]] = [{}]
        if self.accelerator.is_main_process:
            self.task.model.eval()
            with self._averaged(), torch.inference_mode():
                found = [self.task.validate()]
        metrics = broadcast_object_list(found)[0]
        if not metrics:
            return
        self._record(kind="validation", **metrics)
        score = metrics[self.task.select_by]
        progress.stale += 1
        if score > progress.best:
            progress.best, progress.best_epoch, progress.stale = score, progress.epoch, 0
            self._save_model(self.directory.best, metrics)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        self.accelerator.print(f"epoch {progress.epoch}: {shown}")

    def _save(self) -> None:
        """Write what resuming needs, and the model itself for use at once."""
        self._save_model(self.directory.last, {})
        self.directory.save(self.progress, self._parts())

    def _save_model(self, directory: Path, metrics: Mapping[str, float]) -> None:
        if self.accelerator.is_main_process:
            check_finite(self.task.model, directory)
            with self._averaged():
                self.task.save(directory, metrics)

    def _averaged(self) -> AbstractContextManager[None]:
        """Give the model the weights that it is judged by."""
        return nullcontext() if self.average is None else self.average.in_model()

    def _parts(self) -> dict[str, Any]:
        """Return what has a state of its own."""
        parts = {
            "model": self.task.model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "average": self.average,
            "scaler": self.accelerator.scaler,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def _anywhere(self, flag: bool) -> bool:
        """Return whether the flag is up in any process, so that all take the same way."""
        flags = torch.tensor(float(flag), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flags))

    def _record(self, **values: Any) -> None:
        where = {"epoch": self.progress.epoch, "update": self.progress.updates}
        self.directory.record({**where, **values})
