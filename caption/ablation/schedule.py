"""Which run comes next: several at once, each after what it starts from, none done twice.

Several ablations may work on the same folder, on one machine or on many that share a disk. Each
takes the lock of a run before it begins; what another has taken is looked at again later, and taken
over if the other is gone.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event
from typing import TextIO

from caption.ablation.lock import holder, take
from caption.ablation.runs import Run, begin, is_done
from caption.files.writing import write_text

POLL = 1.0
"""Seconds between two looks at what other processes have taken."""


class RunFailed(Exception):  # noqa: N818 - it is what became of a run, and the others go on
    """A run has come to nothing; the message is what it said last."""


@dataclass(frozen=True)
class Turn:
    """What whoever works on a run is given beside it."""

    lock: TextIO
    """To pass to child processes, which thereby hold the run too."""
    stopping: Event
    """Set when all should stop."""


Work = Callable[[Run, Turn], None]
"""Takes a run to its end, from where an earlier turn stopped; raises RunFailed."""
Watch = Callable[[Run, str], None]
"""Is told what becomes of a run: that it is begun, done, failed, or in other hands."""


def carry_out(runs: Sequence[Run], work: Work, *, processes: int = 1, watch: Watch) -> None:
    """Take all runs to their end, or to their failure.

    Args:
        runs: to carry out; one that starts from another is among them with it.
        work: takes one to its end; it is called in threads.
        processes: runs at a time.
        watch: is told what becomes of each.
    """
    schedule = _Schedule(list(runs), work, processes, watch)
    with ThreadPoolExecutor(processes) as pool:
        try:
            schedule.carry_out(pool)
        finally:
            schedule.stopping.set()


@dataclass
class _Schedule:
    """One call of `carry_out`, with the state it shares between its parts."""

    todo: list[Run]
    work: Work
    processes: int
    watch: Watch
    working: dict["Future[None]", Run] = field(default_factory=dict)
    failed: set[Run] = field(default_factory=set)
    elsewhere: set[Run] = field(default_factory=set)
    stopping: Event = field(default_factory=Event)

    def carry_out(self, pool: ThreadPoolExecutor) -> None:
        while self.todo or self.working:
            for run in list(self.todo):
                self._look_at(run, pool)
            if self.working:
                done, _ = wait(self.working, timeout=POLL, return_when=FIRST_COMPLETED)
                for future in done:
                    self._finish(future)
            elif self.todo:
                time.sleep(POLL)

    def _look_at(self, run: Run, pool: ThreadPoolExecutor) -> None:
        """Begin a run, or leave it out, or leave it for later."""
        if is_done(run):
            self.todo.remove(run)
        elif run.after in self.failed:
            self._pass_over(run)
        elif len(self.working) < self.processes and (run.after is None or is_done(run.after)):
            self._begin(run, pool)

    def _begin(self, run: Run, pool: ThreadPoolExecutor) -> None:
        lock = take(run.lock)
        if lock is None:
            if run not in self.elsewhere:
                self.elsewhere.add(run)
                self.watch(run, f"in the hands of {holder(run.lock)}")
        elif is_done(run):  # since we looked
            lock.close()
            self.todo.remove(run)
        else:
            self.todo.remove(run)
            self.working[pool.submit(self._do, run, lock)] = run
            self.watch(run, f"begun; {run.log} says more")

    def _do(self, run: Run, lock: TextIO) -> None:
        """Take a run to its end; its lock is held until what became of it is on disk."""
        with lock:
            begin(run)
            try:
                self.work(run, Turn(lock, self.stopping))
            except RunFailed as failure:
                if not self.stopping.is_set():
                    write_text(run.failure, str(failure))
                raise

    def _finish(self, future: "Future[None]") -> None:
        run = self.working.pop(future)
        try:
            future.result()
        except RunFailed as failure:
            self.failed.add(run)
            self.watch(run, f"failed: {failure}")
        else:
            self.watch(run, "done")

    def _pass_over(self, run: Run) -> None:
        """Fail a run that starts from one that failed."""
        self.todo.remove(run)
        self.failed.add(run)
        why = f"it starts from {run.after}, which failed"
        write_text(run.failure, why)
        self.watch(run, f"failed: {why}")
