"""Captioned images: one type, which every reader gives and everything else takes."""

from dataclasses import dataclass

from caption.files.locate import Split
from caption.files.paths import ImageFile, ImageId
from caption.files.tables import Problem

PICTURES_ALONE = "pictures without captions"
ENDLESS = 10_000
"""Characters of what is no caption, and is not read any further."""


@dataclass(frozen=True)
class CaptionedImage:
    """One image and what people said of it."""

    image_id: ImageId
    """What its data set calls it: an id where it has ids, else its name."""
    source: ImageFile
    captions: tuple[str, ...]
    name: str = ""
    """Its place in the folder, by which a list can name it."""
    split: Split = ""
    """What its data set says that it is for."""
    where: str = ""
    """File and record that name it first."""
    style: int = 0
    """The way in which they said it, as the model numbers its own; 0 is its main one."""


@dataclass(frozen=True)
class DataSet:
    """Captioned images as they were found; nothing is checked but that the files are there."""

    form: str
    """What it is, for people."""
    images: tuple[CaptionedImage, ...]
    problems: tuple[Problem, ...]
    """What could not be read, or leads to no file."""

    @property
    def is_captioned(self) -> bool:
        """Whether anything is said of the images."""
        return self.form != PICTURES_ALONE

    def of(self, *splits: Split) -> tuple[CaptionedImage, ...]:
        """Return the images that are for one of these."""
        return tuple(image for image in self.images if image.split in splits)
