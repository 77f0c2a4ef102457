"""What the training loop knows of a problem: a model, batches, a loss, scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor, nn
from torch.utils.data import DataLoader

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
    """What else the log tells of the batch, means already, such as a reward."""


@runtime_checkable
class Task(Protocol[Batch_contra]):
    """What the training loop needs to know about a problem, and no more."""

    select_by: str
    """Name of the validation metric that selects the best checkpoint; higher is better."""

    @property
    def model(self) -> nn.Module:
        """The network that learns."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What must be the same when a run is resumed, besides the trainer's settings.

        Plain values, by what a person calls them.
        """

    @property
    def stages_from_last(self) -> Mapping[str, int]:
        """Names of the model's weights that belong to its encoder, with their distance to its end.

        0 is the encoder's last stage, 1 the one before it. All other weights are new, and learn at
        the learning rate itself.
        """

    def loader(self, epoch: int) -> "DataLoader[Any]":
        """Return the batches of an epoch, in an order that depends on nothing else."""

    def loss(self, batch: Batch_contra, done: float) -> LossTerms:
        """Return the summed loss; the loop divides by the count once per update.

        Args:
            batch: one of the loader's, on the model's device.
            done: share of the run's updates that are behind it, in [0, 1), for what changes in the
                course of training.
        """

    def validate(self) -> Mapping[str, float]:
        """Return metrics by name; the model is in eval mode, on its device.

        None at all if everything is learnt from: no model is the best then, and a run ends with its
        epochs.
        """

    def save(self, directory: Path, metrics: Mapping[str, float]) -> None:
        """Write the model as it is now, with what it scored."""


class Loss(nn.Module):
    """A module whose forward is a task's loss: what is spread over processes and devices.

    A distributed wrapper prepares the exchange of gradients in its forward. Objectives that call
    the model several times or step by step, as self-critical training does, are inside of it this
    way, and not only a call of the model as a whole.
    """

    def __init__(self, task: Task[Any]) -> None:
        super().__init__()
        self.model = task.model
        self._task = task

    def forward(self, batch: Any, done: float) -> LossTerms:
        """Return the summed loss of a batch."""
        return self._task.loss(batch, done)
