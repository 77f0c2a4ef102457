"""A run is done by processes of its own, one after the other.

Their memory is given back when they end, and one that crashes takes no other with it.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from caption.ablation.runs import Run
from caption.ablation.schedule import RunFailed, Turn, Work
from caption.files.logs import last_line

POLL = 0.2
"""Seconds between two looks at whether to stop."""
Command = Sequence[str]


def in_processes(
    commands: Callable[[Run], Iterable[Command]], environment: Mapping[str, str]
) -> Work:
    """Return work that is done by commands, whose output goes to the log of the run.

    Args:
        commands: those that take a run to its end from where it is now.
        environment: variables for them, besides those of this process.
    """

    def work(run: Run, turn: Turn) -> None:
        for command in commands(run):
            status = _status_of(command, run.log, turn, {**os.environ, **environment})
            if status != 0:
                ending = f"ended by signal {-status}" if status < 0 else f"status {status}"
                raise RunFailed(f"{last_line(run.log)} ({ending}; {run.log} says more)")

    return work


def _status_of(command: Command, log: Path, turn: Turn, environment: Mapping[str, str]) -> int:
    """Run a command to its end, or ask it to end when all should stop; return its status."""
    with (
        log.open("ab") as said,
        subprocess.Popen(  # noqa: S603 - they are our own commands
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=[turn.lock.fileno()],
        ) as child,
    ):
        while child.poll() is None:
            if turn.stopping.wait(POLL):
                child.terminate()
                break
    return child.returncode


@contextmanager
def stopped_politely() -> Iterator[None]:
    """Let a request to end, as schedulers of machines send it, do what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
