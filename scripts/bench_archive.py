"""Caption an archive with broken files, whole, killed again and again, and in shards; compare."""

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from caption.commands.run import run
from caption.errors import DataError

GLIMPSE = [sys.executable, "-c", "from vqa.commands import main; main()"]


@dataclass(frozen=True, kw_only=True)
class Args:
    """Caption an archive with broken files, whole, killed again and again, and in shards; compare.

    Memory is read from /proc, so this runs on Linux.
    """

    images: Path
    """Folder of photos that the archive is made of, under as many names as it takes."""
    files: int = 5000
    """Files of the archive."""
    broken: float = 0.1
    """Share of them that is cut off, empty or no picture at all."""
    kills: int = 20
    """How often a second run is killed, at random moments; 0 leaves it out."""
    seed: int = 0
    """Of the files that are broken and of the moments."""


def main(args: Args) -> None:
    """Print what was found."""
    photos = sorted(args.images.glob("*.jpg"))
    if not photos:
        raise DataError(f"{args.images}: no photos (*.jpg)")
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(dir=args.images.parent) as place:
        root = Path(place)
        num_broken = _make(root / "archive", photos, args, rng)
        memory, start, seconds = _watched(root, "whole.jsonl")
        whole = (root / "whole.jsonl").read_bytes()
        rows, errors = whole.count(b"\n"), whole.count(b'"error": ')
        print(f"rows: {rows} of {args.files} files; error rows: {errors} of {num_broken} broken")
        rate = args.files / seconds
        print(f"{rate:.0f} files/s")
        early, late = max(memory[: len(memory) // 5]), max(memory)
        print(
            f"peak memory: {early / 1024:.0f} MiB in the first fifth of the time, "
            f"{late / 1024:.0f} MiB in all of it ({late / early - 1:+.1%})"
        )
        if args.kills:
            # No longer than its share each time, or it would be done before the last kill.
            longest = start + 0.9 * seconds / args.kills
            killed = _killed(root, "killed.jsonl", longest, args.kills, rng)
            same = (root / "killed.jsonl").read_bytes() == whole
            print(f"killed {killed} times: {'identical' if same else 'DIFFERENT'}")
        both = _side_by_side(root, "shards.jsonl") / rate
        together = b"".join(path.read_bytes() for path in sorted(root.glob("shards-*.jsonl")))
        print(
            f"two shards side by side: {'identical' if together == whole else 'DIFFERENT'}, "
            f"{both:.2f} of the files/s of one process"
        )


def _make(archive: Path, photos: list[Path], args: Args, rng: random.Random) -> int:
    """Write the archive and return how many of its files are broken."""
    archive.mkdir()
    num_broken = round(args.broken * args.files)
    broken = set(rng.sample(range(args.files), num_broken))
    for number, photo in zip(range(args.files), itertools.cycle(photos), strict=False):
        path = archive / f"{number:06}.jpg"
        if number not in broken:
            shutil.copyfile(photo, path)
            continue
        data = photo.read_bytes()
        path.write_bytes(rng.choice([b"", data[: len(data) // 2], b"no picture " * 50, data[:20]]))
    return num_broken


@contextmanager
def _describing(root: Path, output: str, *more: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [*GLIMPSE, "caption", "archive", "--output", output, *more]
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=root, stdout=log, stderr=log)  # noqa: S603
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _watched(root: Path, output: str) -> tuple[list[int], float, float]:
    """Run to the end; return the resident memory in KiB, the seconds of starting and of working."""
    memory: list[int] = []
    started = time.perf_counter()
    with _describing(root, output) as process:
        while not list(root.glob(f"{output}.parts/0*")) and process.poll() is None:
            time.sleep(0.05)
        begun = time.perf_counter()
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
            memory += map(int, found)
            time.sleep(0.1)
        seconds = time.perf_counter() - begun
    if process.returncode or len(memory) < 5:
        raise DataError(f"glimpse caption failed: {(root / 'log').read_text()[-500:]}")
    return memory, begun - started, seconds


def _side_by_side(root: Path, output: str) -> float:
    """Run two shards at once and return how many files they do in a second together."""
    names = [f"{Path(output).stem}-{number}-of-2.jsonl" for number in range(2)]
    with (
        _describing(root, output, "--shard", "0/2") as one,
        _describing(root, output, "--shard", "1/2") as two,
    ):
        while not all(_rows(root / name) for name in names):
            if one.poll() or two.poll():
                break
            time.sleep(0.05)
        begun, done = time.perf_counter(), sum(_rows(root / name) for name in names)
        if one.wait() or two.wait():
            raise DataError(f"glimpse caption failed: {(root / 'log').read_text()[-500:]}")
        seconds = time.perf_counter() - begun
    return (sum(map(_rows, (root / name for name in names))) - done) / seconds


def _rows(output: Path) -> int:
    """Return the lines of an output, or of its parts while it is made."""
    files = [output] if output.exists() else output.parent.glob(f"{output.name}.parts/0*")
    return sum(file.read_bytes().count(b"\n") for file in files)


def _killed(root: Path, output: str, longest: float, kills: int, rng: random.Random) -> int:
    """Kill a run so often at random moments, then let it finish; return how often it was killed."""
    killed = 0
    for _ in range(kills):
        with _describing(root, output) as process:
            try:
                # Starting takes some seconds too, and is killed into as well.
                process.wait(rng.uniform(0.5, longest))
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
    _finish(root, output)
    return killed


def _finish(root: Path, output: str, *more: str) -> None:
    with _describing(root, output, *more) as process:
        if process.wait():
            raise DataError(f"glimpse caption failed: {(root / 'log').read_text()[-500:]}")


if __name__ == "__main__":
    run(main, Args)
