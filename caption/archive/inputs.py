"""Which images a person means: files, folders, patterns and tar shards."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from caption.errors import DataError
from caption.files.paths import SUFFIXES, ImageFile, list_images
from caption.files.tar import tar_members


def find_images(source: str) -> list[ImageFile]:
    """Return the image that a path names, or those of a folder, a tar shard or a pattern.

    Raises:
        DataError: there is none.
    """
    path = Path(source)
    if path.is_dir():
        found = [*list_images(path), *_in_shards(sorted(path.glob("*.tar")))]
    elif os.path.lexists(path) or not glob.has_magic(source):
        # The one door for images says what is wrong with any other file.
        found = _in_shards([path]) if path.suffix == ".tar" else [path]
    else:
        names = [Path(name) for name in sorted(glob.glob(source, recursive=True))]  # noqa: PTH207
        found = [file for file in names if file.is_file() and file.suffix != ".tar"]
        found += _in_shards([file for file in names if file.suffix == ".tar"])
    if not found:
        raise DataError(f"{source}: no images found; give images, a folder, shards or a pattern")
    return found


def _in_shards(shards: Iterable[Path]) -> list[ImageFile]:
    return [
        member
        for shard in shards
        for member in tar_members(shard)
        if Path(member.name).suffix.lower() in SUFFIXES
    ]
