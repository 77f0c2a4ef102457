"""How a run went: what validation said after every epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from caption.errors import DataError
from caption.files.tables import Problem, read_json_lines


@dataclass(frozen=True)
class TrainingCurves:
    """Validation metrics over the epochs of a run."""

    epochs: tuple[int, ...]
    metrics: Mapping[str, tuple[float, ...]]
    """By name, a value for each epoch."""


def read_curves(run: Path) -> TrainingCurves:
    """Read what a run logged in its `metrics.jsonl`.

    A resumed run may have logged an epoch twice; its last word counts. A metric that not every
    epoch has, as when a run was begun by an earlier version, is left out.

    Args:
        run: directory of the run.

    Raises:
        DataError: there is no such file, it is not of a run, or no epoch is over.
    """
    path = run / "metrics.jsonl"
    if not path.is_file():
        raise DataError(f"{path}: no such file; give the directory of a training run")
    logged: dict[int, dict[str, float]] = {}
    for record in read_json_lines(path):
        if isinstance(record, Problem):
            raise DataError(f"{record}; give the directory of a training run")
        values = {k: v for k, v in record.values.items() if isinstance(v, int | float)}
        if record.values.get("kind") == "validation" and "epoch" in values:
            logged[int(values["epoch"])] = values
    if not logged:
        raise DataError(f"{path}: no epoch was validated yet; wait until the first one is over")
    epochs = sorted(logged)
    common = [
        name for name in logged[epochs[-1]] if all(name in values for values in logged.values())
    ]
    metrics = {
        name: tuple(logged[epoch][name] for epoch in epochs)
        for name in common
        if name not in ("epoch", "update", "seconds")
    }
    return TrainingCurves(tuple(epochs), metrics)
