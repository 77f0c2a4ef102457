"""One page for both heads, which needs no other file: scores, and pictures with what was said.

`page.html` is its template; whatever a page shows of a stranger's data is escaped there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from jinja2 import Environment

from caption.evaluation.tables import ScoreTable
from caption.files.paths import ImageFile
from caption.files.writing import write_text
from caption.vision.thumbnail import thumbnail


@dataclass(frozen=True)
class Card:
    """A picture and what was said of it."""

    picture: ImageFile | None
    title: str
    lines: Sequence[str] = ()
    """What else there is to say."""
    notes: Sequence[str] = ()
    """What people said, as a list."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page shows, from the top."""

    title: str
    protocol: Mapping[str, str]
    """How the figures were come by."""
    language: str = "en"
    """Of what is said of the pictures, by its code."""
    scores: ScoreTable
    facts: Sequence[tuple[str, str]] = ()
    """More figures, each with its name."""
    groups: Mapping[str, Sequence[Card]] = field(default_factory=dict)
    """Pictures under a heading each."""


def write_page(path: Path, page: Page) -> None:
    """Write a page; a picture that cannot be read is left out."""
    template = resources.files("caption.evaluation").joinpath("page.html").read_text("utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    files = {card.picture for cards in page.groups.values() for card in cards if card.picture}
    pictures = {file: thumbnail(file) for file in files}
    write_text(path, environment.from_string(template).render(page=page, pictures=pictures))
