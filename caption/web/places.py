"""What pages say of files: how they are called, and not where they lie."""

import re
from collections.abc import Iterable
from pathlib import Path

_FOLDERS = re.compile(r"(?<![\w/.:~-])/(?:[^/\s'\":;,()]+/)+")
"""Of a path from the root, all but its last part."""


def names_only(message: str, folders: Iterable[Path] = ()) -> str:
    """Return a message in which paths are names of files and folders alone.

    Args:
        message: for people who have no business with the folders of this machine.
        folders: that it may speak of; those with spaces in their names are recognised by it.
    """
    for folder in sorted(map(str, folders), key=len, reverse=True):
        message = message.replace(f"{folder}/", "").replace(folder, Path(folder).name)
    return _FOLDERS.sub("", message)
