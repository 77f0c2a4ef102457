"""The page or the server for programs, in a process of its own, for those who measure it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from caption.errors import GlimpseError

GLIMPSE = (sys.executable, "-c", "from vqa.commands import main; main()")
PATIENCE = 300.0
"""Seconds to wait until it is there."""
_POLL = 0.1


class Started(NamedTuple):
    """A server that answers."""

    address: str
    process: "subprocess.Popen[bytes]"
    seconds: float
    """Until it answered."""


@contextmanager
def started(*words: str, environment: Mapping[str, str]) -> Iterator[Started]:
    """Start a command that serves, at a free port of this machine; it ends with the block.

    Args:
        words: the command with its options, but for the port.
        environment: variables for it, besides those of this process.

    Raises:
        GlimpseError: it does not answer.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    address, began = f"http://127.0.0.1:{port}", time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - it is our own command
        [*GLIMPSE, *words, "--port", port], env=os.environ | environment, stdout=subprocess.DEVNULL
    )
    try:
        while not _is_there(address):
            if process.poll() is not None or time.perf_counter() - began > PATIENCE:
                raise GlimpseError("the server did not start; what it said is above")
            time.sleep(_POLL)
        yield Started(address, process, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait()


def _is_there(address: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{address}/health").is_success
    except httpx.TransportError:
        return False
