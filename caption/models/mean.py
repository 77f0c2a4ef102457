"""The mean of several trained models."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from caption.errors import ModelError


def give_mean(
    model: nn.Module, others: Sequence[nn.Module], *, shares: Sequence[float] | None = None
) -> None:
    """Give a model the mean of its own weights and those of others that began as the same model.

    Where each was trained on a little differently from there, the mean often does better than any
    of them (Wortsman et al. 2022, "Model soups", arXiv:2203.05482). The mean of a model and the one
    that it was trained on from keeps more of what that one could (Wortsman et al. 2022, "Robust
    fine-tuning of zero-shot models", arXiv:2109.01903). The mean of models that began apart is
    worth nothing.

    Args:
        model: gets the mean; nothing else of it is changed.
        others: models of the same sizes, or without parts and last rows that the model was given
            later: these stay as they are.
        shares: of each model in the mean, the model's own first; by default all alike.

    Raises:
        ModelError: they have other sizes.
    """
    own = model.state_dict()
    all_weights = [own, *(_filled(other.state_dict(), own) for other in others)]
    parts = torch.tensor(shares or [1.0] * len(all_weights), dtype=torch.float64)
    parts = parts / parts.sum()
    for name, weight in own.items():
        if weight.is_floating_point():
            exact = torch.stack([weights[name].double() for weights in all_weights])
            weight.copy_(torch.tensordot(parts, exact, dims=1))


def _filled(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return another model's weights, with the model's own where the other has none yet."""
    filled = {name: weights.get(name, weight) for name, weight in own.items()}
    for name, weight in own.items():
        other = filled[name]
        if other.ndim and other.shape[1:] == weight.shape[1:] and len(other) < len(weight):
            filled[name] = torch.cat([other, weight[len(other) :]])
    wrong = weights.keys() - own.keys() or any(
        filled[name].shape != weight.shape for name, weight in own.items()
    )
    if wrong:
        raise ModelError(
            "the models to average have other sizes than one another; give models that were "
            "trained on from the same one"
        )
    return filled
