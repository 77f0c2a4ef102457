"""The pictures of a data set, decoded once: which are broken, which are there twice."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from tqdm import tqdm

from caption.data.captioned import Entry
from caption.errors import ImageError
from caption.files.locate import Split
from caption.files.paths import ImageFile, ImageId
from caption.files.tables import Problem
from caption.vision.image import load_image

READERS = 2


def uncaptioned(
    images: Mapping[ImageId, ImageFile], splits: Mapping[ImageId, Split]
) -> list[Entry]:
    """Return the images of a data set that says other things of them than captions."""
    return [
        Entry(str(source), source, (), splits.get(image, ""), str(source))
        for image, source in images.items()
    ]


def look(entries: Sequence[Entry]) -> tuple[dict[ImageFile, str], list[Problem]]:
    """Decode every picture; return digests of the pixels, and what is broken or there twice."""
    digests: dict[ImageFile, str] = {}
    faults = []
    for entry, found in tqdm(_ahead(entries), total=len(entries), desc="pictures", unit=""):
        if isinstance(found, ImageError):
            faults.append(Problem("unreadable picture", entry.where, str(found)))
        else:
            digests[entry.source] = found
    return digests, [*faults, *_repeated(entries, digests)]


def _ahead(entries: Iterable[Entry]) -> Iterator[tuple[Entry, str | ImageError]]:
    """Yield what each picture is, decoding a few at once but never holding many."""
    with ThreadPoolExecutor(READERS) as pool:
        rest = iter(entries)
        while some := list(islice(rest, 16 * READERS)):
            yield from zip(some, pool.map(_digest, [e.source for e in some]), strict=True)


def _digest(source: ImageFile) -> str | ImageError:
    try:
        image = load_image(source)
    except ImageError as error:
        return error
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()


def _repeated(entries: Sequence[Entry], digests: Mapping[ImageFile, str]) -> Iterator[Problem]:
    """Yield the pictures that are there under two names."""
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.source not in digests:
            continue
        other = first.setdefault(digests[entry.source], entry)
        if other is entry:
            continue
        same = f"has the same pixels as {other.name!r}"
        if entry.split != other.split:
            yield Problem(
                "same picture in two splits",
                entry.where,
                f"{entry.name!r} ({entry.split or 'no split'}) {same} "
                f"({other.split or 'no split'}): what is learnt from one would be tested on the "
                "other; remove one of them",
            )
        else:
            yield Problem(
                "picture twice", entry.where, f"{entry.name!r} {same}; one is enough", fatal=False
            )
