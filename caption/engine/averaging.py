"""The mean of the weights over the course of training, which is steadier than the weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class AveragedWeights:
    """An exponential moving average of a model's weights (Polyak & Juditsky 1992).

    Only what moves is kept: weights that learn, and buffers. The running statistics of BatchNorm
    are averaged like weights, not copied: the average lags behind the weights, and statistics must
    be of the activations that the averaged weights give. Counters are left to the model.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Start the average at the weights as they are.

        Args:
            model: on the device where it stays.
            decay: share of the average that an update leaves. It begins at 0.1 and is never above
                (1 + n) / (10 + n) after n updates, so that the first weights are soon forgotten.
        """
        learning = ((name, p) for name, p in model.named_parameters() if p.requires_grad)
        buffers = ((name, b) for name, b in model.named_buffers() if b.is_floating_point())
        self._decay = decay
        self._updates = 0
        self._own: dict[str, Tensor] = dict(chain(learning, buffers))
        self._average = {name: own.detach().clone() for name, own in self._own.items()}

    def update(self) -> None:
        """Take the model's weights into the average."""
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        own = [self._own[name] for name in self._average]
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average(list(self._average.values()), own, self._updates)
        self._updates += 1

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """Let the model have the averaged weights for a while, and its own again afterwards."""
        own = {name: tensor.detach().clone() for name, tensor in self._own.items()}
        self._copy_to_model(self._average)
        try:
            yield
        finally:
            self._copy_to_model(own)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs."""
        return {"updates": self._updates, "average": self._average}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from an average that was saved."""
        self._updates = state["updates"]
        for name, average in self._average.items():
            average.copy_(state["average"][name])

    @torch.no_grad()
    def _copy_to_model(self, values: Mapping[str, Tensor]) -> None:
        for name, own in self._own.items():
            own.copy_(values[name])
