"""The mean of several trained models."""

from collections.abc import Sequence

import torch
from torch import nn

from caption.errors import ModelError


def give_mean(model: nn.Module, others: Sequence[nn.Module]) -> None:
    """Give a model the mean of its own weights and those of others that began as the same model.

    Where each was trained on a little differently from there, the mean often does better than any
    of them (Wortsman et al. 2022, "Model soups", arXiv:2203.05482). The mean of models that began
    apart is worth nothing.

    Args:
        model: gets the mean; nothing else of it is changed.
        others: models of the same sizes.

    Raises:
        ModelError: they are not.
    """
    own = model.state_dict()
    all_weights = [own, *(other.state_dict() for other in others)]
    shapes = [{name: w.shape for name, w in weights.items()} for weights in all_weights]
    if any(of_other != shapes[0] for of_other in shapes):
        raise ModelError(
            "the models to average have other sizes than one another; give models that were "
            "trained on from the same one"
        )
    for name, weight in own.items():
        if weight.is_floating_point():
            exact = torch.stack([weights[name].double() for weights in all_weights])
            weight.copy_(exact.mean(dim=0))
