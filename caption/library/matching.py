"""Which of the photos that are there now are which of those that are known.

A photo is its content: a file that was moved or renamed keeps what is known of it, also where
another came in its place. To read all files for that would take hours, so a file is only read again
if its size or time has changed, and one at a new place only if a known one of its size is adrift.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Spot(NamedTuple):
    """A place in a library."""

    root: int
    name: str


class Stamp(NamedTuple):
    """What a file's folder says of it: as long as it is the same, the file is."""

    size: int
    modified: int
    """In nanoseconds."""


@dataclass(frozen=True)
class Known:
    """What a library knows of a photo."""

    photo_id: int
    spot: Spot
    stamp: Stamp
    content: bytes | None
    """A digest of its bytes; None of what could not be read."""
    is_missing: bool


@dataclass(frozen=True)
class Match:
    """What became of the photos."""

    settled: Mapping[int, Spot]
    """Known photos that are the same as ever, but touched, at another place, or back again."""
    replaced: Mapping[Spot, int]
    """Places of known photos where the file is another now."""
    new: tuple[Spot, ...]
    gone: frozenset[int]
    """Known photos that are nowhere any more."""
    num_unchanged: int


def match(
    known: Sequence[Known],
    found: Mapping[Spot, Stamp],
    digest: Callable[[Spot], bytes | None],
) -> Match:
    """Say which of the files found are which of the known photos.

    Args:
        known: photos, no two of which are at one place, but for missing ones.
        found: files.
        digest: reads a file; None where it cannot be read.
    """
    unchanged = {
        photo.spot
        for photo in known
        if not photo.is_missing and found.get(photo.spot) == photo.stamp
    }
    adrift = [photo for photo in known if photo.is_missing or photo.spot not in unchanged]
    adrift.sort(key=lambda photo: photo.is_missing)  # what was there the last time goes first
    left = {spot: stamp for spot, stamp in found.items() if spot not in unchanged}
    settled: dict[int, Spot] = {}
    for photo in adrift:
        if left.get(photo.spot) == photo.stamp:
            settled[photo.photo_id] = photo.spot
            del left[photo.spot]
    for photo_id, spot in _by_content(
        [photo for photo in adrift if photo.photo_id not in settled], left, digest
    ):
        settled[photo_id] = spot
        del left[spot]
    at = {photo.spot: photo.photo_id for photo in adrift if not photo.is_missing}
    replaced = {spot: at[spot] for spot in left if spot in at and at[spot] not in settled}
    return Match(
        settled,
        replaced,
        tuple(spot for spot in left if spot not in replaced),
        frozenset(at.values()).difference(settled, replaced.values()),
        len(unchanged),
    )


def _by_content(
    adrift: Sequence[Known],
    left: Mapping[Spot, Stamp],
    digest: Callable[[Spot], bytes | None],
) -> Iterator[tuple[int, Spot]]:
    """Yield which photo is which file, those first that have stayed at their place."""
    sizes = {photo.stamp.size for photo in adrift if photo.content is not None}
    contents = {spot: digest(spot) for spot, stamp in left.items() if stamp.size in sizes}
    elsewhere = []
    for photo in adrift:
        if photo.content is not None and contents.get(photo.spot) == photo.content:
            del contents[photo.spot]
            yield photo.photo_id, photo.spot
        else:
            elsewhere.append(photo)
    spots: defaultdict[bytes | None, list[Spot]] = defaultdict(list)
    for spot, content in contents.items():
        spots[content].append(spot)
    for photo in elsewhere:
        if photo.content is not None and spots[photo.content]:
            yield photo.photo_id, spots[photo.content].pop(0)
