"""Ctrl-C and a polite kill as a request, so that a run ends with its state on the disk."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class StopRequest:
    """Whether someone asked the run to stop."""

    requested: bool = False


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Turn Ctrl-C and a polite kill into a request; a second Ctrl-C stops at once, as usual."""
    request = StopRequest()

    def ask(number: int, frame: FrameType | None) -> None:
        request.requested = True
        signal.signal(number, before[number])

    before = {int(number): signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
