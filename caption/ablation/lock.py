"""A file that those who work on something hold, so that nobody else does it too.

The lock is the kernel's, and children to whom the open file is passed hold it with their parent:
when an ablation is killed but the training that it started goes on, the run stays taken until that
ends too. The usual packages for locks keep the file from children. There is nothing stale to be
cleared away, since the kernel lets go of a lock when the last process that held it is gone.
"""

import fcntl
import os
import socket
from pathlib import Path
from typing import TextIO


def take(path: Path) -> TextIO | None:
    """Return the file, which is held until it is closed; None if somebody else holds it."""
    try:
        return _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def wait_for(path: Path) -> TextIO:
    """Return the file, which is held until it is closed, as soon as nobody else holds it."""
    return _locked(path, fcntl.LOCK_EX)


def holder(path: Path) -> str:
    """Return who held the file last."""
    return path.read_text("utf-8").strip()


def _locked(path: Path, how: int) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        file.close()
        raise
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    file.flush()
    return file
