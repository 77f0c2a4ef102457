"""What a run has on the disk: the state that it is resumed from, its models, its log."""

import math
import pickle
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

from caption.engine.records import MetricsLog, Value
from caption.errors import Argument, ModelError
from caption.files.writing import remove_unfinished, write_atomically


@dataclass
class Progress:
    """Where a run is."""

    epoch: int = 0
    batch: int = 0
    """Batches of this epoch that are done in each process."""
    updates: int = 0
    """Including those that were skipped."""
    skipped: int = 0
    """Updates whose loss or gradient was not finite."""
    skipped_in_a_row: int = 0
    best: float = -math.inf
    best_epoch: int = 0
    """Epochs that were over when the best one was found."""
    stale: int = 0
    """Validations since the best one."""


class RunDirectory:
    """The directory of a run: the first process writes, all read."""

    def __init__(
        self, path: Path, accelerator: Accelerator, settings: Mapping[str, Any], *, resume: bool
    ) -> None:
        """Make the directory, or make one ready that a killed run left.

        Args:
            path: of the directory.
            accelerator: knows the processes.
            settings: what must be the same when the run is resumed.
            resume: whether a run is there already.

        Raises:
            ModelError: a run is there and is not to be resumed.
        """
        self.path, self.last, self.best = path, path / "last", path / "best"
        self._state = path / "state.pt"
        self._log = MetricsLog(path / "metrics.jsonl")
        self._accelerator = accelerator
        self._settings = {**settings, "number of processes": accelerator.num_processes}
        self._saved_at: int | None = None
        if not resume and self._state.exists():
            raise ModelError(
                f"{path}: already holds a run; choose another directory",
                Argument("resume", why="to continue it"),
            )
        if accelerator.is_main_process:
            path.mkdir(parents=True, exist_ok=True)
            for written in (self._state, self.last, self.best):
                remove_unfinished(written)
            if not resume:
                self._log.cut(0)  # of a run that was killed before it had a state

    def record(self, values: Mapping[str, Value]) -> None:
        """Append a line to `metrics.jsonl`."""
        if self._accelerator.is_main_process:
            self._log.write(values)

    def save(self, progress: Progress, parts: Mapping[str, Any]) -> None:
        """Write the state of the run; all processes must call it."""
        # Every process has random numbers of its own.
        random_states = gather_object([random_state(self._accelerator.device)])
        if self._accelerator.is_main_process:
            state = {
                "settings": self._settings,
                "progress": asdict(progress),
                "parts": {name: part.state_dict() for name, part in parts.items()},
                "random": random_states,
                "log_size": self._log.size,
            }
            write_atomically(self._state, lambda partial: torch.save(state, partial))
        self._saved_at = progress.updates

    def restore(self, parts: Mapping[str, Any]) -> Progress:
        """Bring everything to where it was when the state was written, the log included.

        Raises:
            ModelError: there is no state, it is damaged, of an earlier version, or of a run with
                other settings.
        """
        state = load_training_state(self._state)
        if "settings" not in state:
            raise ModelError(
                f"{self._state}: was written by an earlier version; "
                f"start a new run from {self.last}"
            )
        # What an earlier version did not write down is not held against it.
        before = {**self._settings, **state["settings"]}
        changed = [name for name, value in self._settings.items() if before[name] != value]
        if changed:
            raise ModelError(
                f"{self._state}: was written with another {', '.join(changed)}; "
                "resume with the settings of the run, or start a new one"
            )
        for name, part in parts.items():
            part.load_state_dict(state["parts"][name])
        restore_random_state(
            state["random"][self._accelerator.process_index], self._accelerator.device
        )
        if self._accelerator.is_main_process:
            self._log.cut(state["log_size"])
        progress = Progress(**state["progress"])
        self._saved_at = progress.updates
        return progress

    def what_is_left(self) -> str:
        """Return where the last sound model is, and what to do with it."""
        if self._saved_at is None:
            return "nothing had been saved yet; start a new run with a lower learning rate"
        return (
            f"{self.last} is the model after update {self._saved_at}, which is sound; start a new "
            "run from it with a lower learning rate"
        )


def check_finite(model: nn.Module, directory: Path) -> None:
    """Refuse to save a model that is spoilt.

    Args:
        model: with its weights.
        directory: where it was to be saved, for the message.

    Raises:
        ModelError: a weight is not finite.
    """
    for name, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise ModelError(
                f"{directory}: not saved, as {name} is not finite any more; start a new run with a "
                "lower learning rate, from what was saved before"
            )


def random_state(device: torch.device) -> dict[str, Any]:
    """Return the state of this process's random numbers, as plain values and tensors."""
    state = {"python": random.getstate(), "torch": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Continue the random numbers where `random_state` saw them."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def load_training_state(path: Path) -> dict[str, Any]:
    """Read a run's state back; only tensors and plain values are accepted, never code.

    Raises:
        ModelError: there is no such file or it is damaged.
    """
    if not path.is_file():
        raise ModelError(f"{path}: nothing to resume from; start a new run")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise ModelError(
            f"{path}: not a readable training state ({str(error).splitlines()[0]}); "
            "start the run anew"
        ) from None
