"""What a run leaves to read: one JSON object a line in `metrics.jsonl`."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path


class MetricsLog:
    """Appends records to a file, each with the seconds since the log was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = time.monotonic()

    def write(self, record: Mapping[str, float | int | str | None]) -> None:
        """Append one record; it is on the disk when this returns."""
        line = json.dumps({**record, "seconds": round(time.monotonic() - self._began, 1)})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
