"""Captioned images, served in batches.

A batch holds a fixed number of captions for each image, so that the decoder reads an image once for
all of them; images with fewer captions are filled up with empty rows, which the mask leaves out.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from caption.annotations import CaptionedImage
from caption.text.vocabulary import Vocabulary
from caption.vision.encoder import ImageEncoder
from caption.vision.features import FeatureStore, ImageId, StorePlan, write_store
from caption.vision.image import Augment, Preprocess, load_image


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


ImageReader = Callable[[CaptionedImage, torch.Generator], Tensor]
"""Gives the decoder's side of an image, pixels or features; random where it augments."""


def read_pixels(preprocess: Preprocess, augment: Augment | None = None) -> ImageReader:
    """Return a reader of image files, with random changes if asked for."""
    rows, columns = preprocess.config.size

    def read(example: CaptionedImage, generator: torch.Generator) -> Tensor:
        image = load_image(example.path, at_least=(columns, rows))
        return preprocess(image) if augment is None else augment(image, generator)

    return read


def read_stored(store: FeatureStore) -> ImageReader:
    """Return a reader of stored features."""
    return lambda example, generator: store.grid(example.image_id)


class CaptionDataset(Dataset[tuple[Tensor, list[list[int]]]]):
    """An image with some of its captions as ids.

    Which captions and which augmentation is decided by seed, epoch and position alone, so that a
    resumed run sees what the unbroken one would have seen, with any number of workers.
    """

    def __init__(
        self,
        examples: Sequence[CaptionedImage],
        read: ImageReader,
        vocabulary: Vocabulary,
        *,
        captions_per_image: int,
        max_length: int,
        seed: int,
    ) -> None:
        self.examples = examples
        self.read = read
        self.captions_per_image = captions_per_image
        self.seed = seed
        max_length *= vocabulary.units_per_word
        self.ids = [
            [vocabulary.encode(caption, max_length=max_length) for caption in example.captions]
            for example in examples
        ]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Tensor, list[list[int]]]:
        # hash() of a tuple of integers is the same in every process.
        generator = torch.Generator().manual_seed(hash((self.seed, index)) % 2**63)
        captions = self.ids[index]
        if len(captions) > self.captions_per_image:
            order = torch.randperm(len(captions), generator=generator).tolist()
            captions = [captions[i] for i in order[: self.captions_per_image]]
        return self.read(self.examples[index], generator), captions


class Collate:
    """Joins images and captions to a batch."""

    def __init__(self, vocabulary: Vocabulary, *, captions_per_image: int) -> None:
        self.start_id, self.pad_id = vocabulary.start_id, vocabulary.pad_id
        self.captions_per_image = captions_per_image

    def __call__(self, items: Sequence[tuple[Tensor, list[list[int]]]]) -> CaptionBatch:
        """Return the items as one batch, captions as long as the longest of them."""
        rows: list[list[int]] = []
        for _, captions in items:
            rows += captions + [[]] * (self.captions_per_image - len(captions))
        length = max(map(len, rows))
        targets = torch.full((len(rows), length), self.pad_id)
        mask = torch.zeros(len(rows), length, dtype=torch.bool)
        for row, ids in enumerate(rows):
            targets[row, : len(ids)] = torch.tensor(ids, dtype=torch.long)
            mask[row, : len(ids)] = True
        words = targets.roll(1, dims=1)
        words[:, 0] = self.start_id
        return CaptionBatch(torch.stack([image for image, _ in items]), words, targets, mask)


def shuffled(length: int, *, seed: int, epoch: int) -> list[int]:
    """Return the order in which an epoch visits the examples."""
    order = list(range(length))
    random.Random(f"{seed} {epoch}").shuffle(order)  # noqa: S311  (no secret depends on it)
    return order


def store_features(
    encoder: ImageEncoder,
    examples: Sequence[CaptionedImage],
    directory: Path,
    *,
    batch_images: int = 64,
    workers: int = 2,
) -> FeatureStore:
    """Store the features of a data set's images, going on where an earlier run stopped.

    Args:
        encoder: in eval mode; the features carry its fingerprint.
        examples: the images.
        directory: of the store.
        batch_images: images that are encoded at once.
        workers: processes that read images.
    """
    by_id = {example.image_id: example for example in examples}
    plan = StorePlan(
        image_ids=tuple(by_id),
        grid_size=encoder.grid_size,
        feature_dim=encoder.feature_dim,
        encoder_id=encoder.fingerprint(),
    )
    device = next(encoder.parameters()).device
    read = read_pixels(Preprocess(encoder.config.preprocess))

    @torch.inference_mode()
    def encode(image_ids: Sequence[ImageId]) -> Iterator[Tensor]:
        images = _Images([by_id[image_id] for image_id in image_ids], read)
        loader = DataLoader(images, batch_size=batch_images, num_workers=workers)
        for pixels in tqdm(loader, desc=f"{directory}, {plan.num_bytes / 1e6:.0f} MB"):
            yield encoder(pixels.to(device))

    return write_store(directory, plan, encode)


class _Images(Dataset[Tensor]):
    """Images alone, read by position."""

    def __init__(self, examples: Sequence[CaptionedImage], read: ImageReader) -> None:
        self.examples, self.read = examples, read

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Tensor:
        return self.read(self.examples[index], torch.Generator())
