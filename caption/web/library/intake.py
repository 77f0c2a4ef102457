"""Photos that are dropped on the page: each is kept whole, in the folder that is given, or refused.

What is dropped twice is there once: a picture by its name and content, an archive by its content.
"""

import secrets
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO
from zipfile import ZipInfo

from caption.errors import DataError, GlimpseError
from caption.files.paths import SUFFIXES, resolve_inside
from caption.files.writing import put_in_place, sha256
from caption.files.zip import extract, is_hidden, list_members, unextracted
from caption.web.library.quota import COMING, Quota, Share

ARCHIVE = ".zip"
MAX_ARCHIVE_BYTES = 2**30
MAX_UNPACKED_BYTES = 4 * 2**30
"""Of all pictures in an archive."""
MAX_PICTURES = 20_000
"""In an archive."""
_LONGEST_NAME = 60
"""Characters, of four bytes at most: file systems take 255 bytes."""
_settling = threading.Lock()
"""Two of one name come one after the other, and neither takes the place of the other."""


@dataclass(frozen=True)
class TakenIn:
    """What became of a file that was dropped."""

    num_pictures: int
    num_passed_over: int
    """Files in an archive that are no pictures, or whose names lead elsewhere."""


def most_bytes(name: str) -> int:
    """Return how large a file may be that is called so.

    Raises:
        DataError: it is neither a picture nor an archive.
    """
    from caption.vision.image import MAX_BYTES

    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ARCHIVE:
        return MAX_ARCHIVE_BYTES
    if suffix in SUFFIXES:
        return MAX_BYTES
    raise DataError(f"{name!r}: expected a JPEG, PNG, WebP, GIF, BMP or TIFF, or a zip")


class Arriving:
    """A file that is coming in, beside where it will be."""

    def __init__(self, name: str, here: Path, file: BinaryIO, share: Share) -> None:
        self.name, self._here = name, here
        self._most, self._file, self._share = most_bytes(name), file, share

    def write(self, data: bytes) -> None:
        """Take some more of it.

        Raises:
            DataError: it is too large, or there is no room for more.
            OSError: the disk is full.
        """
        if self._file.tell() + len(data) > self._most:
            raise DataError(f"{self.name!r}: larger than {self._most // 2**20} MB")
        self._share.take(size=len(data))
        self._file.write(data)

    def settle(self) -> TakenIn:
        """Keep what has come, now that all of it has.

        Raises:
            DataError: it is an archive that cannot be unpacked, or there is no room for it.
        """
        self._file.close()
        with _settling:
            return self._settled()

    def _settled(self) -> TakenIn:
        here, wanted = self._here, self._here.with_name(self.name)
        if wanted.suffix.lower() == ARCHIVE:
            folder = wanted.with_name(f"{wanted.stem}-{sha256(here)[:8]}")
            return _unpack(here, folder, self._share)
        place = _free_place(here, wanted)
        if place is not None:
            self._share.take(files=1)
            put_in_place(here, place)
            self._share.keep(files=1, size=place.stat().st_size)
        return TakenIn(1, 0)


@contextmanager
def arriving(name: str, folder: Path, quota: Quota) -> Iterator[Arriving]:
    """Give what takes a file in; nothing is left of it that was not settled.

    Args:
        name: what a stranger calls it.
        folder: where it is to be.
        quota: of the folder.

    Raises:
        DataError: it is neither a picture nor an archive, or the folder cannot be written to.
    """
    name = _plain(name)
    most_bytes(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        here = folder / f"{COMING}{secrets.token_hex(8)}"
        with quota.share() as share:
            try:
                with here.open("xb") as file:
                    yield Arriving(name, here, file, share)
            finally:
                here.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{name!r}: cannot be kept ({error.strerror}); nothing of it was") from None


def _plain(name: str) -> str:
    """Return the last part of a name from a stranger, which is no path and not hidden."""
    last = PureWindowsPath(name.replace("/", "\\")).name
    kept = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').lstrip(". ")
    path = PurePosixPath(kept or "photo")
    return f"{path.stem[:_LONGEST_NAME]}{path.suffix}"


def _free_place(file: Path, place: Path) -> Path | None:
    """Return where a picture can be; None where the same is there already."""
    number, wanted = 1, place
    while place.exists():
        if sha256(place) == sha256(file):
            return None
        number += 1
        place = wanted.with_stem(f"{wanted.stem}-{number}")
    return place


def _unpack(archive: Path, folder: Path, share: Share) -> TakenIn:
    """Take the pictures out of an archive, and nothing else."""
    listed = list_members(archive)
    pictures = [member for member in listed if _is_picture(member, folder)]
    if not pictures:
        raise DataError("this archive holds no pictures")
    size = sum(member.file_size for member in pictures)
    if len(pictures) > MAX_PICTURES or size > MAX_UNPACKED_BYTES:
        raise DataError(
            f"this archive holds {len(pictures)} pictures of {size / 2**30:.1f} GB; expected at "
            f"most {MAX_PICTURES} of {MAX_UNPACKED_BYTES // 2**30} GB; unpack it and add its folder"
        )
    if size > shutil.disk_usage(folder.parent).free:
        raise DataError(f"the disk has no room for {size / 2**20:.0f} MB of pictures; free some")
    new = unextracted(pictures, folder)
    num_bytes = sum(member.file_size for member in new)
    if new:
        share.take(files=len(new), size=num_bytes)
    try:
        extract(archive, new, folder, quietly=True)
    except DataError as error:
        # The file has a name that means nothing to anybody; what follows it says what is wrong.
        raise DataError(error.message.removeprefix(f"{archive}: ")) from None
    share.keep(files=len(new), size=num_bytes)
    return TakenIn(len(pictures), len(listed) - len(pictures))


def _is_picture(member: ZipInfo, folder: Path) -> bool:
    """Return whether a file of an archive is called like a picture that belongs in the folder."""
    from caption.vision.image import MAX_BYTES

    parts = PurePosixPath(member.filename).parts
    if PurePosixPath(member.filename).suffix.lower() not in SUFFIXES:
        return False
    if is_hidden(parts):
        return False
    if stat.S_ISLNK(member.external_attr >> 16) or member.file_size > MAX_BYTES:
        return False
    try:
        resolve_inside(folder, member.filename)
    except GlimpseError:
        return False
    return True
