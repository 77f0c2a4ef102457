"""Captioned images, served in batches.

A batch holds a fixed number of captions for each image, so that the decoder reads an image once for
all of them; images with fewer captions are filled up with empty rows, which the mask leaves out.
"""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from caption.data.captioned import CaptionedImage
from caption.text.sides import name_sides
from caption.text.vocabulary import Vocabulary
from caption.vision.image import load_image
from caption.vision.store import FeatureStore
from caption.vision.transforms import Augment, Preprocess


class CaptionBatch(NamedTuple):
    """Images and, image-major, a fixed number of captions for each."""

    images: Float[Tensor, "image ..."]
    """Pixels [image, channel, row, column] or stored features [image, position, feature]."""
    words: Int[Tensor, "row length"]
    """What the decoder reads: the start id, then the caption."""
    targets: Int[Tensor, "row length"]
    """What it should say: the caption, then the end id."""
    mask: Bool[Tensor, "row length"]
    """True where the target is a real word."""
    styles: Int[Tensor, " row"]
    """The way of captioning; 0 is the model's own."""
    image_of: Int[Tensor, " row"]
    """Which of the task's images each row is of, in their order."""


ImageReader = Callable[[CaptionedImage, torch.Generator], Tensor]
"""Gives the decoder's side of an image, pixels or features; random where it augments."""


def read_pixels(preprocess: Preprocess, augment: Augment | None = None) -> ImageReader:
    """Return a reader of image files, with random changes if asked for."""
    rows, columns = preprocess.config.size

    def read(example: CaptionedImage, generator: torch.Generator) -> Tensor:
        image = load_image(example.source, at_least=(columns, rows))
        if augment is None:
            return preprocess(image)
        return augment(image, generator, mirror=not name_sides(example.captions))

    return read


def read_stored(store: FeatureStore) -> ImageReader:
    """Return a reader of stored features."""
    return lambda example, generator: store.grid(example.image_id)


class EncodedImage(NamedTuple):
    """An image with its captions as ids."""

    number: int
    """Its place among the task's images."""
    image: CaptionedImage
    captions: list[list[int]]


def encode_captions(
    images: Sequence[CaptionedImage], vocabulary: Vocabulary, *, max_length: int
) -> list[EncodedImage]:
    """Return images with their captions as ids, which every epoch needs and none changes.

    Args:
        images: with captions.
        vocabulary: gives the ids.
        max_length: words after which a caption is cut.
    """
    units = max_length * vocabulary.units_per_word
    return [
        EncodedImage(
            number, image, [vocabulary.encode(text, max_length=units) for text in image.captions]
        )
        for number, image in enumerate(images)
    ]


class CaptionItem(NamedTuple):
    """What the decoder reads of an image, and some of its captions as ids."""

    number: int
    image: Tensor
    captions: list[list[int]]
    style: int
    """The way of captioning."""


class CaptionDataset(Dataset[CaptionItem]):
    """Images, each with some of its captions as ids.

    Which captions and which augmentation is decided by seed, epoch and position alone, so that a
    resumed run sees what the unbroken one would have seen, with any number of workers.
    """

    def __init__(
        self,
        images: Sequence[EncodedImage],
        read: ImageReader,
        *,
        captions_per_image: int,
        seed: int,
    ) -> None:
        self.images = images
        self.read = read
        self.captions_per_image = captions_per_image
        self.seed = seed

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> CaptionItem:
        # hash() of a tuple of integers is the same in every process.
        generator = torch.Generator().manual_seed(hash((self.seed, index)) % 2**63)
        number, image, captions = self.images[index]
        if len(captions) > self.captions_per_image:
            order = torch.randperm(len(captions), generator=generator).tolist()
            captions = [captions[i] for i in order[: self.captions_per_image]]
        return CaptionItem(number, self.read(image, generator), captions, image.style)


class Collate:
    """Joins images and captions to a batch."""

    def __init__(self, vocabulary: Vocabulary, *, captions_per_image: int) -> None:
        self.start_id, self.pad_id = vocabulary.start_id, vocabulary.pad_id
        self.captions_per_image = captions_per_image

    def __call__(self, items: Sequence[CaptionItem]) -> CaptionBatch:
        """Return the items as one batch, captions as long as the longest of them."""
        rows: list[list[int]] = []
        for item in items:
            rows += item.captions + [[]] * (self.captions_per_image - len(item.captions))
        length = max(1, *map(len, rows))
        targets = torch.full((len(rows), length), self.pad_id)
        mask = torch.zeros(len(rows), length, dtype=torch.bool)
        for row, ids in enumerate(rows):
            targets[row, : len(ids)] = torch.tensor(ids, dtype=torch.long)
            mask[row, : len(ids)] = True
        words = targets.roll(1, dims=1)
        words[:, 0] = self.start_id
        styles = torch.tensor([item.style for item in items])
        numbers = torch.tensor([item.number for item in items])
        return CaptionBatch(
            torch.stack([item.image for item in items]),
            words,
            targets,
            mask,
            styles.repeat_interleave(self.captions_per_image),
            numbers.repeat_interleave(self.captions_per_image),
        )


def shuffled(length: int, *, seed: int, epoch: int) -> list[int]:
    """Return the order in which an epoch visits the examples."""
    order = list(range(length))
    random.Random(f"{seed} {epoch}").shuffle(order)
    return order
