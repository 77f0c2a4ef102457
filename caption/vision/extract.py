"""From pictures to features: at once for use, or stored for training with a frozen encoder."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from caption.errors import FeatureStoreError
from caption.files.paths import ImageFile, ImageId
from caption.vision.concepts import ConceptHead
from caption.vision.encoder import ImageEncoder
from caption.vision.features import ImageFeatures
from caption.vision.image import ImageSource, load_image
from caption.vision.store import FeatureStore, StorePlan, write_store
from caption.vision.transforms import Preprocess

CPU_IMAGES = 8
"""Images that a CPU encodes at once: more need more memory and are slower, out of its caches."""


class FeatureExtractor:
    """Turns pictures of any kind into the features that captions and answers are read from.

    It looks with the encoder as it is when the first picture comes, on the device where it is then.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        head: ConceptHead | None = None,
        beside: ImageEncoder | None = None,
    ) -> None:
        """Prepare to look.

        Args:
            encoder: what sees.
            head: what recognises words in what it sees, if something does.
            beside: what else sees the same pixels, if something does.
        """
        self.encoder = encoder.eval()
        self.head = None if head is None else head.eval()
        self.look_beside(beside)
        self.encoder_id = encoder.fingerprint()
        self._preprocess = Preprocess(encoder.config.preprocess)

    def __call__(self, images: Sequence[ImageSource]) -> ImageFeatures:
        """Look at some images.

        Raises:
            ImageError: one of them cannot be read.
        """
        return self.encode_pixels(torch.stack([self.read(image) for image in images]))

    def look_beside(self, encoder: ImageEncoder | None) -> None:
        """Let another encoder see the same pixels from now on, or none."""
        self.beside, self.beside_id = encoder, None if encoder is None else encoder.fingerprint()
        self.__dict__.pop("_quick_beside", None)

    @torch.inference_mode()
    def encode_pixels(self, pixels: UInt8[Tensor, "image channel row column"]) -> ImageFeatures:
        """Look at images that have the encoder's size already."""
        grid = encode_few_by_few(self._quick, pixels, self._preprocess)
        concepts = None if self.head is None else self.head.recognise(grid)
        beside = None
        if self._quick_beside is not None:
            beside = encode_few_by_few(self._quick_beside, pixels, self._preprocess)
        return ImageFeatures(grid, self.encoder.grid_size, self.encoder_id, concepts, beside)

    @cached_property
    def _quick(self) -> ImageEncoder:
        """What looks: the encoder, which is not trained while it is used."""
        return self.encoder.folded()

    @cached_property
    def _quick_beside(self) -> ImageEncoder | None:
        return None if self.beside is None else self.beside.folded()

    def read(self, image: ImageSource) -> UInt8[Tensor, "channel row column"]:
        """Return bytes: what torch computes on many threads is left to the thread that has them."""
        return self.fit(self.load(image))

    def load(self, image: ImageSource) -> Image.Image:
        """Return the picture, decoded as large as the encoder needs it or larger.

        Raises:
            ImageError: it cannot be read.
        """
        rows, columns = self._preprocess.config.size
        return load_image(image, at_least=(columns, rows))

    def fit(self, picture: Image.Image) -> UInt8[Tensor, "channel row column"]:
        """Return what `load` gave at the encoder's size."""
        return self._preprocess.fit(picture)

    def check(self, features: ImageFeatures) -> None:
        """Refuse the features of another encoder.

        Raises:
            FeatureStoreError: they are.
        """
        if features.encoder_id != self.encoder_id:
            raise FeatureStoreError(
                f"these features are of encoder {features.encoder_id}, the model's is "
                f"{self.encoder_id}; encode the images with this model"
            )


def encode_few_by_few(
    encoder: ImageEncoder,
    pixels: UInt8[Tensor, "image channel row column"],
    preprocess: Preprocess,
) -> Float[Tensor, "image position feature"]:
    """Return the grids of images of the encoder's size, so many at once as its device likes."""
    device = next(encoder.parameters()).device
    few = CPU_IMAGES if device.type == "cpu" else len(pixels)
    return torch.cat(
        [encoder(preprocess.normalise(some.to(device))) for some in torch.split(pixels, few)]
    )


def store_features(
    encoder: ImageEncoder,
    images: Mapping[ImageId, ImageFile],
    directory: Path,
    *,
    batch_images: int = 64,
    workers: int = 2,
) -> FeatureStore:
    """Store the features of images, going on where an earlier run stopped.

    Args:
        encoder: in eval mode; the features carry its fingerprint.
        images: the files by image.
        directory: of the store.
        batch_images: images that are encoded at once.
        workers: processes that read images.
    """
    plan = StorePlan(
        image_ids=tuple(images),
        grid_size=encoder.grid_size,
        feature_dim=encoder.feature_dim,
        encoder_id=encoder.fingerprint(),
    )
    preprocess, quick = Preprocess(encoder.config.preprocess), encoder.folded()

    @torch.inference_mode()
    def encode(image_ids: Sequence[ImageId]) -> Iterator[Tensor]:
        files = ImageFiles([images[image_id] for image_id in image_ids], preprocess)
        count = readers(workers, len(files), batch_images)
        loader = DataLoader(files, batch_size=batch_images, num_workers=count)
        for pixels in tqdm(loader, desc=f"{directory}, {plan.num_bytes / 1e6:.0f} MB"):
            yield encode_few_by_few(quick, pixels, preprocess)

    return write_store(directory, plan, encode)


def readers(workers: int, num_images: int, batch_images: int) -> int:
    """Return how many processes should read images; to start them for a few takes longer."""
    return workers if num_images > 2 * batch_images else 0


class ImageFiles(Dataset[Tensor]):
    """Image files at an encoder's size, by position, as bytes."""

    def __init__(self, files: Sequence[ImageFile], preprocess: Preprocess) -> None:
        self.files, self.preprocess = files, preprocess

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> UInt8[Tensor, "channel row column"]:
        rows, columns = self.preprocess.config.size
        return self.preprocess.fit(load_image(self.files[index], at_least=(columns, rows)))
