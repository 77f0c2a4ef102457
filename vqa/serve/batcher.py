"""Waiting requests are answered together: a queue, and one thread that takes a few at once.

Whatever has come while the last few were answered makes the next few, so that a lonely request is
answered at once and many share the work. Only after several it lingers for as many: who was
answered together asks again together, and the first of them would be answered alone.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

LINGER = 0.02
"""Seconds, after several were answered together, for the next as many to come."""
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class FullError(Exception):
    """As many items wait as may."""


class Batcher(Generic[Item, Outcome]):
    """Takes items from any thread and works on those that wait together, in their order."""

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Outcome]],
        *,
        max_batch: int,
        max_waiting: int,
    ) -> None:
        """Start the thread.

        Args:
            work: returns an outcome for each item, in their order. If it fails for several, it is
                tried for each by itself, so that one cannot spoil the others'.
            max_batch: items that it is given at most.
            max_waiting: items that may wait.
        """
        self._work, self._max_batch, self._max_waiting = work, max_batch, max_waiting
        self._waiting: deque[tuple[Item, Future[Outcome]]] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._last = 1
        """Items that were worked on together last."""
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether the next item would be refused."""
        return len(self._waiting) >= self._max_waiting

    def submit(self, item: Item) -> Future[Outcome]:
        """Let an item wait for its turn.

        Raises:
            FullError: as many wait as may, or no more is taken.
        """
        outcome: Future[Outcome] = Future()
        with self._changed:
            if self._is_closed or self.is_full:
                raise FullError
            self._waiting.append((item, outcome))
            self._changed.notify()
        return outcome

    def close(self) -> None:
        """Take no more; return when all that wait have their outcome."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next():
            # Who has gone away in the meantime needs no outcome.
            self._finish([one for one in batch if one[1].set_running_or_notify_cancel()])

    def _next(self) -> list[tuple[Item, Future[Outcome]]]:
        """Return what is next, as soon as there is something; nothing once it is closed."""
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    return []
                self._changed.wait()
            if self._last > 1:
                self._changed.wait_for(self._are_back, timeout=LINGER)
            self._last = count = min(self._max_batch, len(self._waiting))
            return [self._waiting.popleft() for _ in range(count)]

    def _are_back(self) -> bool:
        """Return whether as many wait as were answered last."""
        return self._is_closed or len(self._waiting) >= self._last

    def _finish(self, batch: Sequence[tuple[Item, Future[Outcome]]]) -> None:
        """Give each its outcome or, if there is none, its error."""
        if not batch:
            return
        try:
            items = [item for item, _ in batch]
            outcomes = list(zip(batch, self._work(items), strict=True))
        except Exception as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for one in batch:
                self._finish([one])
        else:
            for (_, future), outcome in outcomes:
                future.set_result(outcome)
