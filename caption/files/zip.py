"""Files inside zip archives, taken out by name.

Nothing but the files that are asked for is ever written, always as ordinary files inside the
folder, and no more bytes than the archive declares: `zipfile` stops there and compares checksums.
"""

import zlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from tqdm import tqdm

from caption.errors import DataError
from caption.files.download import partial_of, size_of
from caption.files.paths import resolve_inside

MOST_LISTED = 8 * 2**20
"""Bytes of an archive's list of its files, some 80,000; in memory it takes several times that."""
_END, _END_OF_LARGE = b"PK\5\6", b"PK\6\7"
_LONGEST_END = 22 + 2**16
"""Bytes at the end of an archive where its list is said to be; a comment may follow."""
_DAMAGED = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What `zipfile` raises for broken, unknown and encrypted files."""


def find_members(archive: Path, names: Collection[str], *, max_bytes: int) -> list[ZipInfo]:
    """Return the files of these names in an archive.

    Args:
        archive: to look in.
        names: with their folders.
        max_bytes: a file that declares to be larger is refused.

    Raises:
        DataError: it is no zip archive, or lacks one of the files.
    """
    with _opened(archive) as zipped:
        members = {info.filename: info for info in zipped.infolist() if not info.is_dir()}
    absent = [name for name in names if name not in members]
    if absent:
        raise DataError(
            f"{archive}: has no {absent[0]!r} ({len(absent)} of {len(names)} are missing); get the "
            "archive again"
        )
    for name in names:
        if members[name].file_size > max_bytes:
            raise DataError(
                f"{archive}: {name!r} declares {members[name].file_size} bytes, expected at most "
                f"{max_bytes}; get the archive again"
            )
    return [members[name] for name in names]


def list_members(archive: Path) -> list[ZipInfo]:
    """Return the files in an archive from a stranger.

    Raises:
        DataError: it is no zip archive, or its list of files would fill the memory.
    """
    if archive.is_file():
        with archive.open("rb") as file:
            file.seek(max(0, archive.stat().st_size - _LONGEST_END))
            end = file.read()
        place = end.rfind(_END)
        listed = int.from_bytes(end[place + 12 : place + 16], "little") if place >= 0 else 0
        if listed > MOST_LISTED or _END_OF_LARGE in end[max(0, place - 20) : max(0, place)]:
            raise DataError(f"{archive.name}: too many files, or too large; unpack it yourself")
    with _opened(archive) as zipped:
        return [info for info in zipped.infolist() if not info.is_dir()]


def is_hidden(parts: Iterable[str]) -> bool:
    """Return whether a file is hidden that has these folders and this name, also as Macs hide some.

    What lies in __MACOSX has the names of pictures and is none.
    """
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def members_within(archive: Path, *, most: int, max_bytes: int) -> list[ZipInfo]:
    """Return the files of an archive that nobody has seen yet, but no hidden ones.

    Args:
        archive: to look in.
        most: files that it may have.
        max_bytes: that they may declare together.

    Raises:
        DataError: it is no zip archive, or has more.
    """
    members = [i for i in list_members(archive) if not is_hidden(i.filename.split("/"))]
    size = sum(member.file_size for member in members)
    if len(members) > most or size > max_bytes:
        raise DataError(
            f"{archive}: has {len(members):,} files, {size / 1e6:,.0f} MB unpacked, expected at "
            f"most {most:,} files and {max_bytes / 1e6:,.0f} MB; make an archive of some of them"
        )
    return members


def read_member(archive: Path, name: str, *, max_bytes: int) -> bytes:
    """Return one file of an archive.

    Raises:
        DataError: as for `find_members`, or it is damaged.
    """
    (member,) = find_members(archive, [name], max_bytes=max_bytes)
    with _opened(archive) as zipped:
        return _read(zipped, member, archive)


def unextracted(members: Iterable[ZipInfo], folder: Path) -> list[ZipInfo]:
    """Return those that are not in the folder with the right size.

    Raises:
        DataError: a name leads out of the folder.
    """

    def is_there(member: ZipInfo) -> bool:
        path = resolve_inside(folder, member.filename)
        return path.is_file() and size_of(path) == member.file_size

    return [member for member in members if not is_there(member)]


def extract(
    archive: Path, members: Sequence[ZipInfo], folder: Path, *, quietly: bool = False
) -> None:
    """Write files of an archive to a folder, each whole or not at all.

    Args:
        archive: that has them.
        members: what to write.
        folder: where to, below it as their names say.
        quietly: whether to show nothing of it.

    Raises:
        DataError: one is damaged, its name leads out of the folder, or the disk takes no more.
    """
    with _opened(archive) as zipped:
        for member in tqdm(members, desc=archive.name, unit="", disable=quietly):
            path = resolve_inside(folder, member.filename)
            data = _read(zipped, member, archive)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                # Not waited for until it is on the disk: of 120,000 photos each would take longer
                # than its writing, and one that a power cut leaves short is written again.
                partial_of(path).write_bytes(data)
                partial_of(path).replace(path)
            except OSError as error:
                raise DataError(f"{path}: cannot be written ({error.strerror})") from None


def _opened(archive: Path) -> ZipFile:
    if not archive.is_file():  # a pipe or a device might never end
        raise DataError(f"{archive}: not a regular file; expected a zip archive")
    try:
        return ZipFile(archive)
    except (*_DAMAGED, OSError, ValueError) as error:
        raise DataError(f"{archive}: not a whole zip archive ({error}); get it again") from None


def _read(zipped: ZipFile, member: ZipInfo, archive: Path) -> bytes:
    try:
        return zipped.read(member)
    except (*_DAMAGED, OSError) as error:
        raise DataError(
            f"{archive}: {member.filename!r} is damaged ({error}); get the archive again"
        ) from None
