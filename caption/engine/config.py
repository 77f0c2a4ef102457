"""Settings of an optimisation; apart from what they configure, so that `--help` is quick."""

from dataclasses import dataclass, field
from typing import Literal

Precision = Literal["no", "fp16", "bf16"]
Schedule = Literal["cosine", "step", "constant"]
Clip = Literal["norm", "value"]


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """AdamW (Loshchilov & Hutter 2019) with linear warm-up, then a course of the learning rate."""

    learning_rate: float = 1e-3
    """Peak learning rate of everything but the encoder."""
    encoder_learning_rate: float = 1e-4
    """Peak learning rate of the encoder's last stage, which starts from trained weights."""
    stage_decay: float = 1.0
    """Learning rate of an encoder's stage as a share of the next one's, so that what is near the
    pixels changes least (Howard & Ruder 2018, who take 1 / 2.6); 1 for the same everywhere."""
    weight_decay: float = 0.01
    """Decoupled decay of weight matrices; biases, norms and embeddings are left alone."""
    warmup_steps: int = 200
    """Updates until the peak."""
    schedule: Schedule = "cosine"
    """Course after the warm-up: half a cosine wave down to the final share (Loshchilov & Hutter
    2017), a step down every few epochs, or no change."""
    final_share: float = 0.01
    """Learning rate at the end of the cosine, as a share of the peak."""
    step_epochs: int = 3
    """Epochs between two steps, counted from the first epoch."""
    step_factor: float = 0.8
    """What a step multiplies the learning rate by."""
    clip: Clip = "norm"
    """What of the gradient is limited: the norm over all weights together, or every value."""
    clip_at: float = 1.0
    """The limit; published recipes clip values at 0.1 or 5."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "encoder_learning_rate", "clip_at"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("stage_decay", "step_factor"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")
        if self.weight_decay < 0 or self.warmup_steps < 0:
            raise ValueError(
                "weight_decay and warmup_steps must not be negative, "
                f"got {self.weight_decay} and {self.warmup_steps}"
            )
        if self.step_epochs < 1:
            raise ValueError(f"step_epochs must be at least 1, got {self.step_epochs}")
        if not 0 <= self.final_share <= 1:
            raise ValueError(f"final_share must be in [0, 1], got {self.final_share}")


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """The course of a training run."""

    epochs: int = 10
    """Passes over the training images."""
    accumulate: int = 1
    """Batches for one update of the weights, in each process."""
    patience: int = 5
    """Validations without a better score after which the run stops."""
    checkpoint_every: int = 100
    """Updates between two saves of the state that a resumed run continues from."""
    ema: float = 0.0
    """Decay of the moving average of the weights, which is then what is validated and saved, such
    as 0.999; 0 for the weights themselves."""
    max_bad_updates: int = 10
    """Updates in a row with a loss or gradient that is not finite before a run gives up; each of
    them is skipped."""
    precision: Precision = "no"
    """Mixed precision, as accelerate names it; fp16 and bf16 are for GPUs."""
    compile: bool = False
    """Compile the model with torch.compile, which takes a minute or more at the start and needs a
    C++ compiler on a CPU."""
    seed: int = 0
    """Decides the order of the data, augmentation, dropout and initial weights."""
    optim: OptimConfig = field(default_factory=OptimConfig)

    def __post_init__(self) -> None:
        for name in ("epochs", "accumulate", "patience", "checkpoint_every", "max_bad_updates"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0, 1), got {self.ema}")
