"""A photo of the library as plain values, from which the browser draws it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from caption.files.records import as_unicode

if TYPE_CHECKING:
    from caption.library.library import Library
    from caption.library.photos import Photo

PAGE = 60
"""Photos that are shown at once."""
Shown = Literal["found", "edited", "broken", "missing", "duplicates"]
"""Which photos are shown: those that were searched for, or all of a kind."""
KINDS: tuple[Shown, ...] = get_args(Shown)


class Row(TypedDict):
    """What the browser draws of a photo; nothing in it says where its folder is."""

    photo: int
    name: str
    caption: str
    generated: str
    is_edited: bool
    confidence: float | None
    tags: list[str]
    problem: str
    """Why it cannot be read or found, if it cannot."""
    language: str
    """Of the caption; empty where it is not known: a person wrote it, or there is none."""
    is_right_to_left: bool


class Rows(TypedDict):
    """Photos to be shown, and how many there are in all."""

    rows: list[Row]
    total: int


def row_of(photo: "Photo") -> Row:
    """Return a photo as the browser draws it."""
    problem = photo.error or ("its file is not there any more" if photo.is_missing else "")
    return Row(
        photo=photo.photo_id,
        name=as_unicode(photo.name),  # which the name of a file need not be, and JSON must
        caption=photo.caption or "",
        generated=photo.generated or "",
        is_edited=photo.edited is not None,
        confidence=photo.confidence,
        tags=list(photo.tags),
        problem=problem,
        language="" if photo.edited or not photo.generated else photo.language.code,
        is_right_to_left=photo.language.is_right_to_left and photo.edited is None,
    )


def rows_of(photos: "Iterable[Photo]", total: int) -> Rows:
    """Return photos as the browser draws them."""
    return Rows(rows=[row_of(photo) for photo in photos], total=total)


def shown(library: "Library", text: str, kind: Shown = "found", *, offset: int = 0) -> Rows:
    """Return the photos that a person looks for, a page of them.

    Args:
        library: to look in.
        text: what is being typed, for those that are found.
        kind: which photos.
        offset: how many were shown already.

    Raises:
        DataError: the text is too long, or the library cannot be read.
    """
    if kind == "found":
        photos = library.search(text, limit=PAGE, offset=offset, as_typed=True)
        return rows_of(photos, library.count(text, as_typed=True))
    if kind == "duplicates":
        all_of_them = [photo for group in library.duplicates() for photo in group]
    else:
        all_of_them = library.photos(kind)
    return rows_of(all_of_them[offset : offset + PAGE], len(all_of_them))
