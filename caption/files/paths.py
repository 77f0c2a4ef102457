"""Names of images and their files, which never lead out of the folder that was given."""

import os
from pathlib import Path, PureWindowsPath

from caption.errors import DataError, ImageError
from caption.files.tar import TarMember

ImageId = int | str
"""What a data set calls an image."""
ImageFile = Path | TarMember
"""A picture on disk, by itself or in an archive."""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the pictures in a folder and its sub-folders by name, without hidden ones.

    Links that lead out of the folder are left out.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ImageError(f"there is no folder {root.name!r}; check the spelling")
    inside = root.resolve()
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
        and (not path.is_symlink() or path.resolve().is_relative_to(inside))
    )


def resolve_inside(root: Path, name: str) -> Path:
    """Return the path of a file that a data set names, provided it lies under the root.

    Raises:
        DataError: The name is no relative path, or a link on the way leads out of the root.
    """
    # Backslashes and drive letters count too: a data set may be written here and read elsewhere.
    windows = PureWindowsPath(name)
    if not windows.name or "\0" in name or windows.drive or windows.root or ".." in windows.parts:
        raise DataError(f"expected a file name relative to the image folder, got {name!r}")
    path = root / name
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"expected the name of an image file, got {name!r}") from error
    if not inside:
        raise DataError(f"expected a file in the image folder, but {name!r} is a link out of it")
    return path
