"""What training minimises, as values that a task is given."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from caption.data.batches import CaptionBatch
from caption.engine.task import LossTerms
from caption.errors import ModelError
from caption.evaluation.run import token_loss
from caption.training.config import ObjectiveConfig


@runtime_checkable
class Objective(Protocol):
    """The loss of a batch: it sees which image each row is of, and counts its own terms."""

    def __call__(self, model: nn.Module, batch: CaptionBatch, done: float) -> LossTerms:
        """Return the summed loss of a batch.

        Args:
            model: the captioner, of which the objective may call any part any number of times.
            batch: images and captions.
            done: share of the run's updates that are behind it, in [0, 1).
        """
        ...


class CrossEntropy:
    """Cross-entropy of the true words, smoothed, with the attention's penalty added."""

    def __init__(self, config: ObjectiveConfig) -> None:
        self.config = config

    def __call__(self, model: nn.Module, batch: CaptionBatch, done: float) -> LossTerms:
        """Return the loss summed over the words, of which the cross-entropy alone is shown.

        Raises:
            ModelError: a penalty on attention is asked for, and the decoder has none.
        """
        scores, weights = model(batch.images, batch.words, batch.styles)
        scores = scores.float()
        total = token_loss(
            scores, batch.targets, batch.mask, label_smoothing=self.config.label_smoothing
        )
        if self.config.doubly_stochastic:
            if weights is None:
                raise ModelError(
                    f"doubly_stochastic is {self.config.doubly_stochastic}, a penalty on attention,"
                    " and this decoder has no attention; set it to 0"
                )
            total = total + self.config.doubly_stochastic * doubly_stochastic(weights, batch.mask)
        with torch.no_grad():
            reported = token_loss(scores, batch.targets, batch.mask)
        return LossTerms(total, reported, batch.mask.sum())


def doubly_stochastic(
    weights: Float[Tensor, "row length position"], mask: Bool[Tensor, "row length"]
) -> Float[Tensor, ""]:
    """Return sum over captions and positions of (1 - total attention)^2 (Xu et al. 2015, eq. 14).

    Args:
        weights: attention of each word.
        mask: True at real words.
    """
    looked = (weights * mask.unsqueeze(-1)).sum(dim=1)
    real = mask.any(dim=1)
    return (1 - looked[real]).square().sum()
