"""The pictures of a data set, decoded once: which are broken, which are there twice."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from tqdm import tqdm

from caption.data.captioned import CaptionedImage
from caption.errors import ImageError
from caption.files.locate import Split
from caption.files.paths import ImageFile, ImageId
from caption.files.tables import Problem
from caption.vision.image import load_image, pixel_digest

READERS = 2


def uncaptioned(
    images: Mapping[ImageId, ImageFile], splits: Mapping[ImageId, Split]
) -> list[CaptionedImage]:
    """Return the images of a data set that says other things of them than captions."""
    return [
        CaptionedImage(image, source, (), str(source), splits.get(image, ""), str(source))
        for image, source in images.items()
    ]


def look(images: Sequence[CaptionedImage]) -> tuple[dict[ImageFile, str], list[Problem]]:
    """Decode every picture; return digests of the pixels, and what is broken or there twice."""
    digests: dict[ImageFile, str] = {}
    faults = []
    for image, found in tqdm(_ahead(images), total=len(images), desc="pictures", unit=""):
        if isinstance(found, ImageError):
            faults.append(Problem("unreadable picture", image.where, str(found)))
        else:
            digests[image.source] = found
    return digests, [*faults, *_repeated(images, digests)]


def _ahead(images: Iterable[CaptionedImage]) -> Iterator[tuple[CaptionedImage, str | ImageError]]:
    """Yield what each picture is, decoding a few at once but never holding many."""
    with ThreadPoolExecutor(READERS) as pool:
        rest = iter(images)
        while some := list(islice(rest, 16 * READERS)):
            yield from zip(some, pool.map(_digest, [e.source for e in some]), strict=True)


def _digest(source: ImageFile) -> str | ImageError:
    try:
        image = load_image(source)
    except ImageError as error:
        return error
    return pixel_digest(image).hex()


def _repeated(
    images: Sequence[CaptionedImage], digests: Mapping[ImageFile, str]
) -> Iterator[Problem]:
    """Yield the pictures that are there under two names."""
    first: dict[str, CaptionedImage] = {}
    for image in images:
        if image.source not in digests:
            continue
        other = first.setdefault(digests[image.source], image)
        if other is image:
            continue
        same = f"has the same pixels as {other.name!r}"
        if image.split != other.split:
            yield Problem(
                "same picture in two splits",
                image.where,
                f"{image.name!r} ({image.split or 'no split'}) {same} "
                f"({other.split or 'no split'}): what is learnt from one would be tested on the "
                "other; remove one of them",
            )
        else:
            yield Problem(
                "picture twice", image.where, f"{image.name!r} {same}; one is enough", fatal=False
            )
