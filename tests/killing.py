"""Processes that are killed without warning at a line of some rooms' code."""

import os
import signal
import sys
from collections.abc import Callable
from types import CodeType


def in_child(work: Callable[[], object]) -> int:
    """Fork, do the work in the child, and return the signal that ended it; 0 is a good end."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def killed_at(number: int, rooms: tuple[str, ...]) -> Callable:
    """Return a tracer that kills the process at that line of the rooms' code."""
    left = number
    ours: dict[CodeType, bool] = {}

    def trace(frame, event, argument):
        nonlocal left
        code = frame.f_code
        if code not in ours:
            ours[code] = any(room in code.co_filename for room in rooms)
        if not ours[code]:
            return None
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace
