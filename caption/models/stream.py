"""Files captioned in a stream: decoded ahead of the model, looked at once in batches."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from caption.errors import ImageError
from caption.files.paths import ImageFile
from caption.models.caption import Caption
from caption.vision.extract import FeatureExtractor
from caption.vision.features import ImageFeatures

READERS = 2
"""Threads that decode files while the model works; decoding leaves Python's lock alone."""


@dataclass(frozen=True, eq=False)
class DescribedFile:
    """What became of one file: a caption or the reason why not."""

    source: ImageFile
    caption: Caption | None
    error: str | None
    pooled: Float[np.ndarray, " feature"] | None = None
    """What was seen in all places together, by which pictures are alike."""
    also: tuple[Caption, ...] = ()
    """Captions in the other languages that were asked for."""

    @property
    def captions(self) -> tuple[Caption, ...]:
        """Its captions, one for each language; none of a file that could not be read."""
        return () if self.caption is None else (self.caption, *self.also)


Glance = Callable[[ImageFile, Image.Image], object]
"""Is shown each picture as it was decoded for the model, in the thread that read it."""
Describe = Callable[[ImageFeatures], Iterable[tuple[Caption, ...]]]
"""Writes of each image a caption in each language."""
Waiting = tuple[ImageFile, "Future[Tensor | str]"]


def described_files(
    files: Iterable[ImageFile],
    extract: FeatureExtractor,
    describe: Describe,
    *,
    batch_images: int,
    glance: Glance | None = None,
) -> Iterator[DescribedFile]:
    """Caption any number of files; what cannot be read becomes an error row.

    Args:
        files: to caption.
        extract: looks at them.
        describe: writes of what was seen.
        batch_images: files that are captioned at once.
        glance: sees the pictures pass by.
    """
    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[Waiting] = deque()
        names = iter(files)
        try:
            while True:
                for file in islice(names, 2 * batch_images - len(waiting)):
                    waiting.append((file, pool.submit(_read, file, extract, glance)))
                if not waiting:
                    return
                count = min(batch_images, len(waiting))
                batch = [waiting.popleft() for _ in range(count)]
                yield from _described(batch, extract, describe)
        finally:
            for _, unread in waiting:  # nobody wants the rest any more
                unread.cancel()


def _read(file: ImageFile, extract: FeatureExtractor, glance: Glance | None) -> Tensor | str:
    """Return the pixels of a file, or why there are none.

    The reason and not the error: kept by its future, an error would hold on to the frames that it
    passed through, and with them to the pixels of the whole batch.
    """
    try:
        picture = extract.load(file)
    except ImageError as error:
        return str(error)
    if glance is not None:
        glance(file, picture)
    return extract.fit(picture)


def _described(
    files: Sequence[Waiting], extract: FeatureExtractor, describe: Describe
) -> Iterator[DescribedFile]:
    pixels: list[Tensor] = []
    rows: list[DescribedFile] = []
    for file, future in files:
        found = future.result()
        if isinstance(found, str):
            rows.append(DescribedFile(file, None, found))
        else:
            pixels.append(found)
            rows.append(DescribedFile(file, None, None))
    # In place of the unreadable the last picture is captioned again: batches of ever other sizes
    # need ever other buffers, and memory would grow with the number of broken files.
    pixels += pixels[-1:] * (len(files) - len(pixels))
    described: Iterator[tuple[tuple[Caption, ...], np.ndarray]] = iter(())
    if pixels:
        features = extract.encode_pixels(torch.stack(pixels))
        described = zip(describe(features), features.pooled.cpu().numpy(), strict=True)
    for row in rows:
        if row.error:
            yield row
        else:
            (caption, *also), pooled = next(described)
            # Its own numbers: a view would keep those of the whole batch.
            yield replace(row, caption=caption, also=tuple(also), pooled=pooled.copy())
