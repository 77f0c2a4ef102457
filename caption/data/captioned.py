"""Captioned images, as every reader gives them and everything else takes them."""

from dataclasses import dataclass

from caption.files.locate import (
    Split,
)
from caption.files.paths import ImageFile
from caption.files.tables import (
    Problem,
)

PICTURES_ALONE = "pictures without captions"


@dataclass(frozen=True)
class Entry:
    """One image of a data set and what its owner wrote of it; nothing is checked but its place."""

    name: str
    """Its place in the folder, with which a manifest can name it."""
    source: ImageFile
    captions: tuple[str, ...]
    split: Split
    where: str
    """File and record that name it first."""


@dataclass(frozen=True)
class Manifest:
    """A data set as it was found."""

    form: str
    """What it is, for people."""
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    """What could not be read, or leads to no file."""

    @property
    def is_captioned(self) -> bool:
        """Whether anything is said of the images."""
        return self.form != PICTURES_ALONE
