"""Files inside tar archives, as webdataset's shards hold them, read where they lie.

Only uncompressed archives: of these any file can be read without those before it.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from caption.errors import DataError


@dataclass(frozen=True, order=True)
class TarMember:
    """One file of an archive."""

    archive: Path
    name: str
    offset: int
    """Bytes of the archive before those of the file."""
    size: int
    """Bytes of the file."""

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"

    def read(self, limit: int) -> bytes:
        """Return the file's first bytes, at most so many.

        Raises:
            OSError: the archive cannot be read.
        """
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            return file.read(min(self.size, limit))


def tar_members(archive: Path) -> Iterator[TarMember]:
    """Yield the ordinary files of an archive in their order.

    Raises:
        DataError: it is not an uncompressed tar archive.
    """
    if not archive.is_file():  # a pipe or a device might never end
        raise DataError(f"{archive}: not a regular file; expected a tar archive")
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                if member.isreg() and not member.issparse():
                    yield TarMember(archive, member.name, member.offset_data, member.size)
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{archive}: not an uncompressed tar archive that can be read "
            f"({type(error).__name__}); decompress it, or get it again"
        ) from None
