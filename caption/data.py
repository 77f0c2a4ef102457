"""Captioned images: read from COCO-format annotations, served in batches.

A batch holds a fixed number of captions for each image, so that the decoder reads an image once for
all of them; images with fewer captions are filled up with empty rows, which the mask leaves out.
"""

import contextlib
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from pycocotools.coco import COCO
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from caption.errors import DataError
from caption.text.vocabulary import Vocabulary
from caption.vision.encoder import ImageEncoder
from caption.vision.features import FeatureStore, ImageId, StorePlan, write_store
from caption.vision.image import Augment, Preprocess, load_image, resolve_inside


@dataclass(frozen=True)
class CaptionedImage:
    """One image and what people said of it."""

    image_id: ImageId
    path: Path
    captions: tuple[str, ...]


def read_captions(annotations: Path, images: Path) -> list[CaptionedImage]:
    """Read a data set in the COCO captions format.

    Args:
        annotations: JSON file with `images` and `annotations`.
        images: directory that the file names in it are relative to.

    Raises:
        DataError: names the first record that is not as expected.
    """
    coco = _load_coco(annotations)
    examples = []
    for image_id, image in coco.imgs.items():
        path = resolve_inside(images, image["file_name"])
        if not path.is_file():
            raise DataError(
                f"{annotations}: image {image_id}: no file {image['file_name']!r} in {images}; "
                "check --images, or leave the image out of the annotations"
            )
        captions = tuple(record["caption"] for record in coco.imgToAnns[image_id])
        examples.append(CaptionedImage(image_id, path, captions))
    return examples


def _load_coco(annotations: Path) -> COCO:
    """Check the file record by record and index it with pycocotools."""
    coco = COCO()
    coco.dataset = _read_json(annotations)
    images = _image_records(coco.dataset, annotations)
    captions = _records(coco.dataset, "annotations", annotations)
    fields = {"image_id": (int, str), "caption": (str,)}
    _check_fields(captions, "annotation", fields, annotations)
    ids = (record["id"] for record in captions if "id" in record)
    _refuse_duplicates(ids, "annotation id", annotations)
    _check_captions(captions, [image["id"] for image in images], annotations)
    with contextlib.redirect_stdout(io.StringIO()):  # it reports its progress by printing
        coco.createIndex()
    return coco


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); expected a COCO captions JSON file"
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: line {error.lineno} is not JSON ({error.msg})") from None


def read_image_records(annotations: Path) -> list[dict[str, Any]]:
    """Return the image records, with `id` and `file_name`, of any COCO JSON file.

    Raises:
        DataError: names the first record that is not as expected.
    """
    return _image_records(_read_json(annotations), annotations)


def _image_records(dataset: Any, source: Path) -> list[dict[str, Any]]:
    records = _records(dataset, "images", source)
    _check_fields(records, "image", {"id": (int, str), "file_name": (str,)}, source)
    _refuse_duplicates((record["id"] for record in records), "image id", source)
    return records


def _records(dataset: Any, key: str, source: Path) -> list[Any]:
    records = dataset.get(key) if isinstance(dataset, dict) else None
    if not isinstance(records, list):
        raise DataError(
            f"{source}: expected an object with the lists 'images' and 'annotations', as in the "
            "COCO captions format"
        )
    return records


def _check_fields(
    records: Sequence[Any], kind: str, fields: Mapping[str, tuple[type, ...]], source: Path
) -> None:
    for number, record in enumerate(records):
        for name, types in fields.items():
            value = record.get(name) if isinstance(record, dict) else None
            if not isinstance(value, types) or isinstance(value, bool):
                raise DataError(
                    f"{source}: {kind} number {number}: expected {name!r} to be "
                    f"{' or '.join(t.__name__ for t in types)}, got {value!r}"
                )


def _refuse_duplicates(ids: Iterable[Any], kind: str, source: Path) -> None:
    repeated = [value for value, count in Counter(map(repr, ids)).items() if count > 1]
    if repeated:
        raise DataError(
            f"{source}: {kind} {repeated[0]} appears more than once ({len(repeated)} such); "
            "give every record its own id"
        )


def _check_captions(
    records: Sequence[dict[str, Any]], image_ids: Sequence[ImageId], source: Path
) -> None:
    known, captioned = set(image_ids), set()
    for number, record in enumerate(records):
        name = f"annotation {record.get('id', f'number {number}')}"
        # COCO's own index needs ids, which a hand-made file may lack.
        record.setdefault("id", number)
        if record["image_id"] not in known:
            raise DataError(
                f"{source}: {name}: its image_id {record['image_id']!r} is not among the images"
            )
        if not record["caption"].strip():
            raise DataError(
                f"{source}: {name}: the caption of image {record['image_id']!r} is empty; "
                "write one or remove the record"
            )
        captioned.add(record["image_id"])
    missing = [image_id for image_id in image_ids if image_id not in captioned]
    if missing:
        raise DataError(
            f"{source}: image {missing[0]!r} has no caption ({len(missing)} such); "
            "add one or remove the image"
        )


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
