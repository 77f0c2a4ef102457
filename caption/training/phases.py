"""Phases of training, each from the best model of the one before."""

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from caption.engine.config import Schedule
from caption.engine.trainer import Trainer
from caption.files.writing import replaced_directory
from caption.models.captioner import CaptionModel
from caption.training.config import CaptionConfig, SelfCriticalConfig, UnfreezingConfig
from caption.training.task import CaptionTask


@dataclass(frozen=True)
class Stage:
    """One run of training."""

    name: str
    config: CaptionConfig
    """Of one phase only."""

    @property
    def epochs(self) -> int:
        """How often the images are gone through, unless validation stops it."""
        return self.config.trainer.epochs


@dataclass(frozen=True)
class Outcome:
    """What came of all stages."""

    model: CaptionModel
    """The best, or the one to start from if a signal stopped the first stage."""
    score: float
    """Its validation score, minus infinity if there was none."""
    finished: bool
    """False if a signal stopped it; it can be resumed."""
    directory: Path
    """Of the last run: it holds `last/`."""


MakeTask = Callable[[Stage, CaptionModel], CaptionTask]
"""Gives the task of a stage for a model to start from, which is on the trainer's device."""


def stages_of(config: CaptionConfig) -> list[Stage]:
    """Return the runs that the config's phases ask for.

    What unfreezing has opened goes on learning in the phases after it.
    """
    stages: list[Stage] = []
    for phase in config.phases:
        config = replace(config, phases=(phase,))
        if phase == "cross_entropy":
            stages.append(Stage("cross-entropy", config))
        elif phase == "unfreezing":
            for number in config.unfreezing.stages:
                config = _course(replace(config, trainable_stages=number), config.unfreezing)
                opened = "all of the encoder" if number < 0 else f"{number} stages of the encoder"
                stages.append(Stage(f"cross-entropy, {opened}", config))
        else:
            how = config.self_critical
            stages.append(Stage("self-critical", _course(config, how, schedule=how.schedule)))
    return stages


def _course(
    config: CaptionConfig,
    how: UnfreezingConfig | SelfCriticalConfig,
    *,
    schedule: Schedule | None = None,
) -> CaptionConfig:
    """Return the config with a phase's own epochs and learning rates, and their course if given."""
    optim = replace(
        config.trainer.optim,
        learning_rate=how.learning_rate,
        encoder_learning_rate=how.encoder_learning_rate,
        schedule=schedule or config.trainer.optim.schedule,
    )
    return replace(config, trainer=replace(config.trainer, epochs=how.epochs, optim=optim))


def train_in_stages(
    model: CaptionModel,
    stages: Sequence[Stage],
    make_task: MakeTask,
    run: Path,
    *,
    resume: bool = False,
) -> Outcome:
    """Train a model in stages, each from the best so far.

    Args:
        model: to start from.
        stages: one run of training each.
        make_task: gives the task of a stage.
        run: directory of the run; of several stages, each has `stage-0`, `stage-1` … in it, and
            `best` is the best of them.
        resume: continue where an earlier call was stopped.
    """
    best, best_score = model, -math.inf
    best_directory: Path | None = None
    directory = run
    for number, stage in enumerate(stages):
        directory = run / f"stage-{number}" if len(stages) > 1 else run
        begun = (directory / "state.pt").exists()
        trainer = Trainer(stage.config.trainer)
        task = make_task(stage, best.to(trainer.device))
        outcome = trainer.fit(task, directory, resume=resume and (begun or number == 0))
        if not outcome.finished:
            return Outcome(best, best_score, finished=False, directory=directory)
        if outcome.best > best_score:
            best_score, best_directory = outcome.best, directory / "best"
            if len(stages) > 1 and trainer.accelerator.is_main_process:
                with replaced_directory(run / "best") as partial:
                    shutil.copytree(best_directory, partial, dirs_exist_ok=True)
        if best_directory is not None:
            # Also where the stage was no better: it has trained the very model it started from.
            best = CaptionModel.from_pretrained(best_directory)
    return Outcome(best, best_score, finished=True, directory=directory)
