"""What a run leaves to read: one JSON object a line in `metrics.jsonl`."""

import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path

Value = float | int | str | None


class MetricsLog:
    """Appends records to a file, each with the seconds since the log was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = time.monotonic()

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self._path.stat().st_size if self._path.exists() else 0

    def cut(self, size: int) -> None:
        """Drop what was written after the file had that size, such as half a line."""
        if self.size > size:
            os.truncate(self._path, size)

    def write(self, record: Mapping[str, Value]) -> None:
        """Append one record; it is on the disk when this returns. JSON has no NaN: null it is."""
        seconds = round(time.monotonic() - self._began, 1)
        values = {name: _finite(value) for name, value in record.items()}
        line = json.dumps({**values, "seconds": seconds})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def _finite(value: Value) -> Value:
    return value if not isinstance(value, float) or math.isfinite(value) else None
