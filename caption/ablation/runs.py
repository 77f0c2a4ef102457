"""One training of one variant with one seed, and what of it is on disk.

The folder of a run holds `plan.json` (the options that it was begun with), what training leaves,
`log.txt` (all that was said) and, when all is done, `report.json` (its captions and their scores).
Each is written whole, so a run that is killed at any moment is gone on with.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption.errors import DataError
from caption.files.records import read_json
from caption.files.writing import write_json

Options = Mapping[str, Any]
"""By dotted name, those that differ from the defaults, as plain values."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a run asks of a command."""

    words: tuple[str, ...]
    """Behind the command's name."""
    options: Options
    """Those of the words on which the outcome depends."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One training of one variant with one seed."""

    variant: str
    seed: int
    folder: Path
    train: Step
    """How it is trained."""
    evaluate: Step
    """How captions are written once it is."""
    captions_per_epoch: int
    """Captions that an epoch of training shows."""
    after: "Run | None" = None
    """The run whose result it starts from."""

    def __str__(self) -> str:
        return f"{self.variant}, seed {self.seed}"

    @property
    def plan(self) -> Path:
        """The options that the run was begun with."""
        return self.folder / "plan.json"

    @property
    def has_begun(self) -> bool:
        """Whether there is something that training continues from."""
        return any(self.folder.rglob("state.pt"))

    @property
    def records(self) -> list[Path]:
        """What training noted, a file for each of its stages."""
        return sorted(self.folder.rglob("metrics.jsonl"))

    @property
    def best(self) -> Path:
        """The model."""
        return self.folder / "best"

    @property
    def report(self) -> Path:
        """The captions of the validation images, which come last."""
        return self.folder / "report.json"

    @property
    def log(self) -> Path:
        """What its processes said."""
        return self.folder / "log.txt"

    @property
    def failure(self) -> Path:
        """Why it came to nothing, if it did."""
        return self.folder / "failed.txt"

    @property
    def lock(self) -> Path:
        """What is held by those who work on it."""
        return self.folder / "lock"


def is_done(run: Run) -> bool:
    """Return whether a run has come to its end, with captions searched for as is asked now."""
    return run.report.is_file() and _read_plan(run)["evaluate"] == run.evaluate.options


def begin(run: Run) -> None:
    """Note what a run is begun with; captions that were searched for in another way are void.

    Raises:
        DataError: it was begun before with other options for training.
    """
    refuse_changed([run])
    if run.plan.is_file() and _read_plan(run)["evaluate"] != run.evaluate.options:
        run.report.unlink(missing_ok=True)
    write_json(run.plan, {"train": run.train.options, "evaluate": run.evaluate.options})
    run.failure.unlink(missing_ok=True)


def failure_of(run: Run) -> str | None:
    """Return why a run came to nothing when it was last tried; None if it did not."""
    return run.failure.read_text("utf-8") if run.failure.is_file() else None


def refuse_changed(runs: Iterable[Run]) -> None:
    """Refuse runs that were begun with other options for training.

    To train them anew is for people to decide: it may have taken days.

    Raises:
        DataError: names the first of them and what is changed.
    """
    for run in runs:
        if not run.plan.is_file():
            continue
        before, now = _read_plan(run)["train"], run.train.options
        changed = [
            f"{name} is {_shown(now, name)} and was {_shown(before, name)}"
            for name in sorted({**before, **now})
            if before.get(name) != now.get(name)
        ]
        if changed:
            raise DataError(
                f"{run.folder}: was trained otherwise: {'; '.join(changed)}. Name the changed "
                "variant anew, or remove the folder to train it again"
            )


def _shown(options: Options, name: str) -> str:
    return repr(options[name]) if name in options else "the default"


def _read_plan(run: Run) -> dict[str, Options]:
    plan = read_json(run.plan, expected="the plan of a run")
    if not isinstance(plan, dict) or plan.keys() != {"train", "evaluate"}:
        raise DataError(f"{run.plan}: not the plan of a run; remove the folder to train it again")
    return plan
