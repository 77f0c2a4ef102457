"""Where the files are that a data set names, and what its images are for."""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from caption.errors import DataError
from caption.files.paths import ImageFile, resolve_inside
from caption.files.tar import TarMember, tar_members

Split = Literal["train", "validation", "test", ""]
"""What an image is for; empty where the data set does not say."""
IMAGE_FIELDS = (
    *("file_name", "image", "filename", "file", "image_path", "path", "image_name", "image_file"),
    *("img", "filepath"),
)
"""How people call the column that names the image."""
_SPLIT_WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "restval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def split_of(name: str) -> Split:
    """Return which split a file name or a split's own name speaks of."""
    words = re.findall(r"[a-z]+", name.lower())
    return next((_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS), "")


def inside(path: Path, data: Path) -> str:
    """Return a path as people know it: relative to the folder if it is inside."""
    return path.relative_to(data).as_posix() if path.is_relative_to(data) else str(path)


def name_of(file: ImageFile, data: Path) -> str:
    """Return the place of a file in the folder: the name that leads to it."""
    if isinstance(file, Path):
        return inside(file, data)
    return f"{inside(file.archive, data)}/{file.name}"


def is_inside(path: Path, data: Path) -> bool:
    """Return whether there is such a file and no link leads out of the folder to it."""
    return path.is_file() and path.resolve().is_relative_to(data.resolve())


def folders_of(manifest: Path, data: Path) -> list[Path]:
    """Return where a manifest's file names may begin, relative to the folder of the data."""
    own = manifest.parent.relative_to(data) if manifest.is_relative_to(data) else Path()
    split = split_of(inside(manifest, data))
    same = [word for word, meant in _SPLIT_WORDS.items() if meant == split] if split else []
    tops = [own, Path(), Path("images"), Path("Images"), Path("imgs"), Path("photos")]
    places = [*tops, *(top / word for top in tops for word in same)]
    return [place for place in dict.fromkeys(places) if (data / place).is_dir()]


def best_folder(data: Path, folders: Sequence[Path], names: Sequence[str]) -> Path:
    """Return the folder in which most of the names are files."""
    return max(folders, key=lambda folder: sum(_exists(data, folder, name) for name in names))


def _exists(data: Path, folder: Path, name: str) -> bool:
    try:
        return find_file(data, folder, name) is not None
    except DataError:
        return False


def find_file(data: Path, folder: Path, name: str) -> ImageFile | None:
    """Return the file that a name means, or None if there is none.

    Args:
        data: what nothing may lead out of.
        folder: where the name begins, relative to the data.
        name: of a file, or of one in an archive: "photos.tar/a.jpg".

    Raises:
        DataError: the name leads out of the folder.
    """
    resolve_inside(data, name)
    name = name.replace("\\", "/")  # it may have been written on Windows
    path = resolve_inside(data, (folder / name).as_posix())
    before, tar, member = name.partition(".tar/")
    archive = data / folder / f"{before}.tar"
    try:
        if tar and is_inside(archive, data):
            return _members(archive).get(member)
        return path if path.is_file() else None
    except OSError:  # a name that is too long for any file
        return None


@lru_cache(maxsize=64)
def _members(archive: Path) -> dict[str, TarMember]:
    return {member.name: member for member in tar_members(archive)}
