"""Pictures of where the model looked for every word, and what it went by, one for each file."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from caption.predict import DescribedFile
from caption.vision.image import load_image
from caption.vision.overlay import word_sheet


def write_heat_maps(described: Iterable[DescribedFile], folder: Path) -> Iterator[DescribedFile]:
    """Pass the captions on, leaving a picture of each in the folder.

    Where there are several languages, its name says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in described:
        if file.caption is not None:
            image = load_image(file.source)
            for caption in file.captions:
                notes = [f"from {source!r}" if source else "" for source in caption.sources]
                sheet = word_sheet(image, caption.shown, caption.attention, notes=notes)
                which = f".{caption.language.code}" if file.also else ""
                name = f"{Path(os.fspath(file.source.name)).stem}{which}.jpg"
                sheet.save(folder / name, quality=90)
        yield file
