"""A folder of scenes, and a library of it."""

from pathlib import Path

import pytest
from tiny import COLOURS, SIDES, scene

from caption.library.library import Library


@pytest.fixture
def photos(tmp_path) -> Path:
    """Six pictures and one that is broken."""
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    for colour in COLOURS:
        for side in SIDES:
            scene(colour, side).save(folder / "trip" / f"{colour}-{side}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.fixture
def library(tmp_path, photos):
    with Library(tmp_path / "library.db") as library:
        library.add_folder(photos)
        yield library
