"""The batches of an epoch, shared between processes and put together for updates."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from accelerate import Accelerator
from accelerate.data_loader import BatchSamplerShard, prepare_data_loader, skip_first_batches
from torch.utils.data import DataLoader


class Turn(NamedTuple):
    """A batch, and whether it counts."""

    batch: Any
    weight: float
    """1, or 0 for a batch that is another process's too."""


class Rounds:
    """This process's share of an epoch: in each round, every process has its turn.

    Batch number n is that of process n modulo their number. In the last round there may be fewer
    batches than processes; those that are left without one take part with one of the first batches
    again, at weight 0, since all must take part in the exchange of gradients. So every example
    counts once, as it would in one process.
    """

    def __init__(self, loader: "DataLoader[Any]", accelerator: Accelerator) -> None:
        self._num_batches = len(loader)
        self._process, self._processes = accelerator.process_index, accelerator.num_processes
        # Not `accelerator.prepare`, which would keep the loaders of all epochs.
        self._loader = prepare_data_loader(loader, accelerator.device, put_on_device=True)
        if isinstance(self._loader.batch_sampler, BatchSamplerShard):
            # Batches of one size are filled up with examples of others, and these would count
            # twice; where sizes are unknown, whole batches are repeated, which are known here.
            self._loader.batch_sampler.batch_size = None

    def __len__(self) -> int:
        return len(self._loader)

    def groups(self, size: int, *, skip: int) -> Iterator[list[Turn]]:
        """Yield the turns in lists of `size`, one list for each update; the last may be shorter.

        Args:
            size: turns in a list.
            skip: rounds that are done already; their batches are not loaded.
        """
        group: list[Turn] = []
        for number, batch in enumerate(skip_first_batches(self._loader, skip), start=skip):
            is_own = number * self._processes + self._process < self._num_batches
            group.append(Turn(batch, float(is_own)))
            if len(group) == size:
                yield group
                group = []
        if group:
            yield group
