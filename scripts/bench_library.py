"""Search a library of made rows, add photos beside `glimpse caption`, kill it again and again."""

import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.run import run
from caption.errors import DataError

if TYPE_CHECKING:
    from caption.library.library import Library

GLIMPSE = [sys.executable, "-c", "from vqa.commands import main; main()"]
SEARCHES = (
    *("dog", "a dog on the beach", '"on the beach"', "do*", "a", "a man -dog", "-dog", "zebra"),
    *("white sailboat", "the"),
)
"""From what few captions say to what nearly all do."""
ADJECTIVES = ("white", "black", "brown", "small", "large", "young", "old", "red", "wooden")
NOUNS = (
    *("dog", "man", "woman", "child", "cat", "boat", "horse", "bus", "train", "bird", "sailboat"),
    *("bench", "zebra"),
)
"""The first are the most frequent."""
VERBS = ("runs", "sits", "stands", "plays", "waits", "sleeps", "jumps", "rides")
PLACES = ("beach", "street", "grass", "snow", "water", "table", "field", "road", "pier")
FEATURES = 1280
"""Of the encoder of `small`; that of `base` has 448."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Search a library of made rows, add photos beside `glimpse caption`, kill it again and again.

    On a machine that does other work, the ratio holds and the times do not.
    """

    images: Path
    """Folder of photos to add."""
    model: str | None = None
    """What captions them; by default the model that comes with the package."""
    rows: int = 100_000
    """Made rows to search."""
    files: int = 1000
    """Photos to add, under as many names as it takes."""
    kills: int = 20
    """How often adding is killed, at random moments; 0 leaves it out."""
    runs: int = 5
    """How often each search, and adding, is timed."""
    seed: int = 0
    """Of the made rows and of the moments."""


def main(args: Args) -> None:
    """Print what was found."""
    photos = sorted(args.images.glob("*.jpg"))
    if not photos:
        raise DataError(f"{args.images}: no photos (*.jpg)")
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(dir=args.images.parent) as place:
        root = Path(place)
        _search(root / "made.db", args, rng)
        folder = root / "photos"
        folder.mkdir()
        for number, photo in zip(range(args.files), cycle(photos), strict=False):
            shutil.copyfile(photo, folder / f"{number:06}.jpg")
        (folder / "broken.jpg").write_bytes(b"no picture")
        seconds = _add(root, folder, args)
        if args.kills:
            _kill(root, folder, args, rng, longest=seconds)


def _search(path: Path, args: Args, rng: random.Random) -> None:
    """Make a library and time opening, searching and comparing."""
    from caption.library.library import Library

    begun = time.perf_counter()
    with Library(path) as library:
        _make(library, args.rows, rng)
    print(
        f"{args.rows} rows made in {time.perf_counter() - begun:.0f} s, {path.stat().st_size:,} B"
    )
    opening = time.perf_counter()
    with Library(path) as library:
        library.search("dog")
        print(f"opened and searched in {time.perf_counter() - opening:.3f} s")
        begun = time.perf_counter()
        library.similar(1)
        print(
            f"the first example, and reading all features, in {time.perf_counter() - begun:.3f} s"
        )
        for text in SEARCHES:
            took = _median(lambda text=text: library.search(text), args.runs)  # type: ignore[misc]
            print(f"search {text!r}: {1000 * took:.1f} ms")
        print(f"by example: {1000 * _median(lambda: library.similar(1), args.runs):.1f} ms")


def _make(library: "Library", rows: int, rng: random.Random) -> None:
    """Fill a library with rows like those of photos."""
    import numpy as np

    from caption.library.examples import write_features
    from caption.library.photos import refresh

    numbers = np.random.default_rng(rng.getrandbits(32))
    for start in range(1, rows + 1, 1000):
        photo_ids = range(start, min(start + 1000, rows + 1))
        with library.database.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO roots VALUES (1, x'2f6e6f7768657265')")
            for photo_id in photo_ids:
                connection.execute(
                    "INSERT INTO photos (id, root, name, size, modified, generated) "
                    "VALUES (?, 1, ?, 0, 0, ?)",
                    (photo_id, f"{photo_id}.jpg".encode(), _sentence(rng)),
                )
                connection.execute(
                    "INSERT INTO thumbnails VALUES (?, ?)", (photo_id, numbers.bytes(6000))
                )
                vector = numbers.standard_normal(FEATURES, dtype=np.float32)
                write_features(connection, photo_id, "made", vector)
            refresh(connection, photo_ids)


def _sentence(rng: random.Random) -> str:
    """Return a made caption; some of its words are rare."""
    noun = NOUNS[min(int(rng.expovariate(0.4)), len(NOUNS) - 1)]
    return f"a {rng.choice(ADJECTIVES)} {noun} {rng.choice(VERBS)} on the {rng.choice(PLACES)}"


def _median(call: Callable[[], object], runs: int) -> float:
    took = []
    for _ in range(runs):
        begun = time.perf_counter()
        call()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def _add(root: Path, folder: Path, args: Args) -> float:
    """Print how fast photos are added, as a ratio to `glimpse caption`; return the seconds."""
    from caption.archive.inputs import find_images
    from caption.archive.lines import describe_archive
    from caption.library.indexing import index
    from caption.library.library import Library
    from caption.predict import Captioner

    captioner = Captioner.from_pretrained(args.model)
    files = find_images(str(folder))
    list(captioner.describe_files(files[:64]))  # what is done once is done
    ratios, added = [], []
    for number in range(args.runs):
        begun = time.perf_counter()
        describe_archive(captioner, files, root / f"{number}.jsonl", batch_images=64)
        between = time.perf_counter()
        with Library(root / f"{number}.db") as library:
            library.add_folder(folder)
            index(library, captioner)
        ended = time.perf_counter()
        added.append(ended - between)
        ratios.append((between - begun) / (ended - between))
    print(
        f"adding {len(files)} photos: {statistics.median(ratios):.2f} of the rate of glimpse "
        f"caption ({min(ratios):.2f} to {max(ratios):.2f})"
    )
    return statistics.median(added)


def _kill(root: Path, folder: Path, args: Args, rng: random.Random, *, longest: float) -> None:
    """Kill adding so often, editing in between, then finish, and print what is wrong."""
    from caption.library.library import Library

    path = root / "killed.db"
    command = [*GLIMPSE, "library", "add", str(folder), "--batch-images", "8"]
    command += [] if args.model is None else ["--model", args.model]
    (root / "nothing").mkdir()
    begun = time.perf_counter()
    nothing = [*command, str(root / "nothing"), "--library", str(root / "nothing.db")]
    nothing.remove(str(folder))
    subprocess.run(nothing, check=True, capture_output=True)  # noqa: S603
    start = time.perf_counter() - begun
    command += ["--library", str(path)]
    killed, edits = 0, {}
    for number in range(args.kills):
        killed += _killed(command, rng.uniform(0.5, start + longest / args.kills))
        with Library(path) as library:
            for photo in library.photos("captioned")[-2:]:
                edits[photo.name] = f"edit {number} of {photo.name}"
                library.edit(photo.photo_id, edits[photo.name])
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    with Library(path) as library:
        names: Sequence[str] = [photo.name for photo in library.photos()]
        found = {photo.name: photo.edited for photo in library.photos("edited")}
    lost = len(list(folder.iterdir())) - len(set(names))
    print(
        f"killed {killed} times: {lost} photos lost, {len(names) - len(set(names))} twice, "
        f"{sum(found.get(name) != text for name, text in edits.items())} of {len(edits)} edits lost"
    )


def _killed(command: Sequence[str], after: float) -> bool:
    """Start a command and kill it; return whether it was still there."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


if __name__ == "__main__":
    run(main, Args)
