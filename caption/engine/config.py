"""Settings of an optimisation; apart from what they configure, so that `--help` is quick."""

from dataclasses import dataclass, field
from typing import Literal

Precision = Literal["no", "fp16", "bf16"]


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """AdamW with linear warm-up and cosine decay (Loshchilov & Hutter 2019, 2017)."""

    learning_rate: float = 1e-3
    """Peak learning rate of everything but the encoder."""
    encoder_learning_rate: float = 1e-4
    """Peak learning rate of the encoder's trainable stages, which start from trained weights."""
    weight_decay: float = 0.01
    """Decoupled decay of weight matrices; biases, norms and embeddings are left alone."""
    warmup_steps: int = 200
    """Updates until the peak."""
    final_share: float = 0.01
    """Learning rate at the end, as a share of the peak."""
    clip_norm: float = 1.0
    """Largest norm of the gradient of all weights together."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "encoder_learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.weight_decay < 0 or self.warmup_steps < 0:
            raise ValueError(
                "weight_decay and warmup_steps must not be negative, "
                f"got {self.weight_decay} and {self.warmup_steps}"
            )
        if not 0 <= self.final_share <= 1:
            raise ValueError(f"final_share must be in [0, 1], got {self.final_share}")


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """The course of a training run."""

    epochs: int = 10
    """Passes over the training images."""
    accumulate: int = 1
    """Batches for one update of the weights."""
    patience: int = 5
    """Validations without a better score after which the run stops."""
    checkpoint_every: int = 100
    """Updates between two saves of the state that a resumed run continues from."""
    precision: Precision = "no"
    """Mixed precision, as accelerate names it; fp16 and bf16 are for GPUs."""
    seed: int = 0
    """Decides the order of the data, augmentation, dropout and initial weights."""
    optim: OptimConfig = field(default_factory=OptimConfig)

    def __post_init__(self) -> None:
        for name in ("epochs", "accumulate", "patience", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
