"""The part of an archive that one of several machines does."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caption.errors import DataError
from caption.files.paths import ImageFile


@dataclass(frozen=True)
class Shard:
    """The part of the work that one of several machines does."""

    index: int
    """Which, counted from 0."""
    count: int
    """Of how many."""

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str] = os.environ) -> "Shard":
        """Return the shard that 'i/n' names, or that 'auto' finds in the environment.

        torchrun says RANK and WORLD_SIZE, a SLURM array SLURM_ARRAY_TASK_ID, _MIN and _COUNT.

        Raises:
            DataError: it is none.
        """
        if text == "auto":
            text = _shard_of(environment)
        first, slash, second = text.partition("/")
        if not (slash and first.isdecimal() and second.isdecimal()):
            raise DataError(f"shard {text!r}: expected i/n such as 0/4, or auto")
        if not int(first) < int(second):
            raise DataError(
                f"shard {text!r}: expected i/n with i from 0 to n - 1; count from 0, as RANK and "
                "JOB_COMPLETION_INDEX do"
            )
        return cls(int(first), int(second))

    def of(self, files: Sequence[ImageFile], chunk: int) -> Sequence[ImageFile]:
        """Return a run of whole chunks: the shards one after the other are all files in order."""
        chunks = -(-len(files) // chunk)
        start, end = (chunks * i // self.count for i in (self.index, self.index + 1))
        return files[start * chunk : end * chunk]

    def named(self, output: Path) -> Path:
        """Return the name of this shard's own output."""
        return output.with_name(f"{output.stem}-{self.index}-of-{self.count}{output.suffix}")


def _shard_of(environment: Mapping[str, str]) -> str:
    if "RANK" in environment:
        return f"{environment['RANK']}/{environment.get('WORLD_SIZE', '')}"
    if "SLURM_ARRAY_TASK_ID" in environment:
        first = environment.get("SLURM_ARRAY_TASK_MIN", "0")
        index = int(environment["SLURM_ARRAY_TASK_ID"]) - int(first)
        return f"{index}/{environment.get('SLURM_ARRAY_TASK_COUNT', '')}"
    raise DataError(
        "shard 'auto': neither torchrun's RANK nor SLURM_ARRAY_TASK_ID is set; give i/n, with "
        "Kubernetes $(JOB_COMPLETION_INDEX)/n"
    )
