"""Captioned photos to compare models on: dropped files, or a folder of this machine."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PureWindowsPath
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from caption.errors import DataError

if TYPE_CHECKING:
    from caption.data.captioned import CaptionedImage

MOST_PHOTOS = 200
"""That are captioned by both models: more would take minutes, and tell hardly more."""
MOST_FILES, MOST_BYTES = 20_000, 512 * 2**20
"""Of what is dropped, unpacked."""
MOST_IN_FOLDER = 200_000
"""Files and folders that are looked through for photos."""
LISTS = (".json", ".jsonl", ".csv", ".tsv", ".txt", ".token", ".tar")
"""What may say the captions."""


class Dropped(NamedTuple):
    """A file that came through the browser."""

    name: str
    """As it was called where it came from."""
    path: Path
    """Where it is."""


@dataclass(frozen=True)
class Chosen:
    """The photos to compare on, and what else there was."""

    images: "Sequence[CaptionedImage]"
    notes: Sequence[str]
    """What is to be known of those that are not among them."""


@contextmanager
def laid_out(dropped: Sequence[Dropped]) -> Iterator[Path]:
    """Lay dropped files in a folder of their own, archives unpacked; it is gone afterwards.

    Raises:
        DataError: they are too many or too large, two have the same name, or one is damaged.
    """
    if len(dropped) > MOST_FILES:
        raise DataError(f"these are more than {MOST_FILES:,} files; drop some of them")
    with TemporaryDirectory(prefix="glimpse-") as name:
        folder, room = Path(name), MOST_BYTES
        for file in dropped:
            try:
                room -= _lay(file, folder, room)
            except DataError as error:
                raise DataError(without_folder(error.message, file.path.parent)) from None
        entries = list(folder.iterdir())
        is_one_folder = len(entries) == 1 and entries[0].is_dir()
        try:
            yield entries[0] if is_one_folder else folder
        except DataError as error:
            raise DataError(without_folder(error.message, folder)) from None


def _lay(file: Dropped, folder: Path, room: int) -> int:
    """Lay a file in a folder that has room for so many bytes; return how many it took."""
    from caption.files.paths import SUFFIXES, resolve_inside
    from caption.files.zip import extract, members_within

    name = PureWindowsPath(file.name).name  # whichever way it parts folders
    if name.lower().endswith(".zip"):
        wanted = (*SUFFIXES, *LISTS)
        members = members_within(file.path, most=MOST_FILES, max_bytes=room)
        members = [member for member in members if member.filename.lower().endswith(wanted)]
        extract(file.path, members, folder)
        return sum(member.file_size for member in members)
    place = resolve_inside(folder, name)
    if place.exists():
        raise DataError(f"two files are called {name!r}; give each a name of its own")
    try:
        size = file.path.stat().st_size
        if size > room:
            raise DataError(f"these files are more than {MOST_BYTES:,} bytes; drop some of them")
        shutil.copyfile(file.path, place)
    except OSError as error:
        raise DataError(f"{name!r} cannot be kept ({error.strerror})") from None
    return size


def named(text: str) -> Path:
    """Return the folder that a person named, if it can be looked through.

    Raises:
        DataError: there is none, it cannot be read, or it has too many files.
    """
    folder = Path(text.strip())
    try:
        folder = folder.expanduser()
        is_there = bool(text.strip()) and folder.is_dir()
        entries = islice(folder.rglob("*"), MOST_IN_FOLDER + 1) if is_there else ()
        count = sum(1 for _ in entries)
    except (OSError, RuntimeError, ValueError):
        count = 0
    if not count:
        raise DataError(
            f"there is no folder {text.strip()!r} with files that can be read; check the spelling"
        )
    if count > MOST_IN_FOLDER:
        raise DataError(
            f"{folder} has more than {MOST_IN_FOLDER:,} files; give the folder of the photos alone"
        )
    return folder


def choose(folder: Path) -> Chosen:
    """Return the captioned photos of a folder, by lot if they are many.

    Raises:
        DataError: there are none.
    """
    from caption.data.captioned import PICTURES_ALONE
    from caption.data.forms import read_captions

    data_set = read_captions(folder)
    if not data_set.is_captioned:
        perhaps = "".join(f"; {problem}" for problem in data_set.problems[:1])
        raise DataError(
            f"{PICTURES_ALONE}, so nobody can tell which model says it better: add a list of "
            f"captions, such as a table with the columns image and caption{perhaps}"
        )
    images = [said for said in map(_said, data_set.images) if said.captions]
    notes = []
    lacking = [str(problem) for problem in data_set.problems if problem.fatal]
    if lacking:
        notes.append(f"{len(lacking)} left out, the first of them: {lacking[0]}")
    if len(images) > MOST_PHOTOS:
        notes.append(f"These are {MOST_PHOTOS} of the {len(images):,} photos, drawn by lot.")
        images = Random(0).sample(images, MOST_PHOTOS)  # the same for everybody
    return Chosen(images, [without_folder(note, folder) for note in notes])


def _said(image: "CaptionedImage") -> "CaptionedImage":
    """Return an image with those of its captions that say something."""
    from caption.data.captioned import ENDLESS

    texts = (text for text in image.captions if len(text) <= ENDLESS)
    return replace(image, captions=tuple(text for text in texts if any(map(str.isalnum, text))))


def without_folder(message: str, folder: Path) -> str:
    """Return a message that does not say where files lie that people did not put there."""
    return message.replace(f"{folder}/", "").replace(f"{folder}: ", "").replace(str(folder), ".")
