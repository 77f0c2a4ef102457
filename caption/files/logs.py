"""What a process has written of its work, read while it goes on or after it has ended."""

from pathlib import Path

TAIL = 20_000
"""Bytes at the end of a log in which its last line is looked for."""


def last_line(log: Path) -> str:
    """Return the last line of a log that says something."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
