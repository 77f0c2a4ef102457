"""Files written whole or not at all."""

import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption.errors import DataError


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path` and rename it: readers see the old one or the new one.

    The bytes are on the disk before the name is, so a power cut cannot leave an empty file.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        write(partial)
        put_in_place(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def put_in_place(partial: Path, path: Path) -> None:
    """Give a finished file its name, once its bytes are on the disk."""
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically, in a directory that is made when it is missing.

    Raises:
        DataError: the file cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None


def write_text(path: Path, text: str) -> None:
    """Write a text file as `write_whole` does."""
    write_whole(path, lambda partial: partial.write_text(text, "utf-8", newline=""))


def write_json(path: Path, content: Any, *, compact: bool = False) -> None:
    """Write a JSON file atomically.

    Args:
        path: of the file.
        content: plain values.
        compact: on one line, for what no person reads. It is ASCII then, so that names of files
            may be no valid Unicode.
    """
    text = json.dumps(content) if compact else json.dumps(content, indent=1, ensure_ascii=False)
    write_text(path, text + "\n")


@contextmanager
def replaced_directory(directory: Path) -> Iterator[Path]:
    """Give an empty directory to fill, which takes the place of `directory` when all went well."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        partial.chmod(0o755)  # mkdtemp's directories are private
        yield partial
        if directory.exists():
            old = partial.with_name(f"{partial.name}.old")
            directory.rename(old)
            partial.rename(directory)
            shutil.rmtree(old)
        else:
            partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_unfinished(path: Path) -> None:
    """Remove what a process left beside a file or directory that it was writing when it was killed.

    Only for those who are alone in writing it.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def sha256(path: Path) -> str:
    """Return the checksum of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock_of(path: Path) -> Path:
    """Return a file beside a file or directory, which who alone writes it holds meanwhile."""
    whole = path.resolve()
    return whole.with_name(f".{whole.name}.lock")
