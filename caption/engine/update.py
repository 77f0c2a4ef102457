"""One update of the weights, by the mean loss over batches and processes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from statistics import fmean
from typing import NamedTuple

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from caption.engine.batches import Turn
from caption.engine.config import OptimConfig
from caption.engine.optim import clip_gradients, gradient_norm


class Outcome(NamedTuple):
    """What an update did; the same in every process, but for `also`."""

    loss: float
    """Mean of what the task reports."""
    gradient_norm: float
    """Before clipping."""
    finite: bool
    """False if the loss or the gradient was not: then nothing has changed."""
    also: Mapping[str, float]
    """What else the task tells, the mean over this process's batches, or those it tells it of."""


class Updater:
    """Moves the weights, and leaves model, optimizer and schedule alone if it would spoil them."""

    def __init__(
        self,
        accelerator: Accelerator,
        loss: nn.Module,
        optimizer: AcceleratedOptimizer,
        schedule: LRScheduler,
        config: OptimConfig,
    ) -> None:
        self._accelerator, self._config = accelerator, config
        self._loss, self._optimizer, self._schedule = loss, optimizer, schedule

    def __call__(self, group: Sequence[Turn], *, done: float) -> Outcome:
        """Make an update.

        Args:
            group: its turns, as many in each process.
            done: share of the run's updates that are behind it.
        """
        buffers = [(buffer, buffer.clone()) for buffer in _moving_buffers(self._loss)]
        reported, total, also = self._accumulate(group, done)
        self._accelerator.unscale_gradients()
        norm = gradient_norm(self._loss.parameters())
        # The same in all processes: of both, each has the sum over all of them.
        finite = bool(torch.isfinite(torch.stack([total, norm])).all())
        if finite:
            clip_gradients(self._loss.parameters(), self._config, norm)
            self._optimizer.step()
            self._schedule.step()
        else:
            if self._accelerator.scaler is not None:
                self._accelerator.scaler.update()  # fp16: what overflowed is scaled up less
            # A batch that is not finite is by now part of BatchNorm's running statistics.
            for buffer, before in buffers:
                buffer.copy_(before)
        self._optimizer.zero_grad()
        return Outcome(float(reported), float(norm), finite, also)

    def _accumulate(
        self, group: Sequence[Turn], done: float
    ) -> tuple[Tensor, Tensor, dict[str, float]]:
        """Leave the gradient of the mean loss in the weights.

        Returns:
            What is reported, the loss, and what else the task tells.
        """
        device, sums = self._accelerator.device, list[Tensor]()
        told: list[Mapping[str, Tensor]] = []
        divisor = torch.ones(())
        for turn in group:
            # Processes exchange gradients once, with the last batch.
            is_last = turn is group[-1]
            with nullcontext() if is_last else self._accelerator.no_sync(self._loss):
                terms = self._loss(turn.batch, done)
                total = terms.total * turn.weight
                parts = [terms.reported * turn.weight, total, terms.count * turn.weight]
                told.append(terms.also)
                sums.append(torch.stack([p.detach().to(device, torch.float) for p in parts]))
                if len(sums) == 1:
                    divisor = self._over_processes(sums[0])[2].clamp(min=1)
                # Exchanging takes the mean over the processes, hence the factor.
                factor = self._accelerator.num_processes / divisor
                self._accelerator.backward(total * factor)
        reported, total, count = self._over_processes(torch.stack(sums).sum(dim=0))
        count = count.clamp(min=1)
        if len(group) > 1:
            # How many terms the later batches have is known only when their losses are.
            for parameter in self._loss.parameters():
                if parameter.grad is not None:
                    parameter.grad *= divisor / count
        names = dict.fromkeys(name for batch in told for name in batch)
        also = {
            name: fmean(float(batch[name]) for batch in told if name in batch) for name in names
        }
        return reported / count, total / count, also

    def _over_processes(self, terms: Tensor) -> Tensor:
        return self._accelerator.reduce(terms)


def _moving_buffers(model: nn.Module) -> Iterator[Tensor]:
    """Yield what a forward pass may change, such as BatchNorm's statistics where they follow it."""
    for module in model.modules():
        if module.training:
            yield from module.buffers(recurse=False)
