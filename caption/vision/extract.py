"""From image files to stored features: what a frozen encoder sees need be computed only once."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from caption.vision.encoder import ImageEncoder
from caption.vision.features import FeatureStore, ImageId, StorePlan, write_store
from caption.vision.image import Preprocess, load_image


def store_features(
    encoder: ImageEncoder,
    images: Mapping[ImageId, Path],
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
    device = next(encoder.parameters()).device
    preprocess = Preprocess(encoder.config.preprocess)

    @torch.inference_mode()
    def encode(image_ids: Sequence[ImageId]) -> Iterator[Tensor]:
        files = ImageFiles([images[image_id] for image_id in image_ids], preprocess)
        loader = DataLoader(files, batch_size=batch_images, num_workers=workers)
        for pixels in tqdm(loader, desc=f"{directory}, {plan.num_bytes / 1e6:.0f} MB"):
            yield encoder(pixels.to(device))

    return write_store(directory, plan, encode)


class ImageFiles(Dataset[Tensor]):
    """Image files as an encoder wants them, by position."""

    def __init__(self, paths: Sequence[Path], preprocess: Preprocess) -> None:
        self.paths, self.preprocess = paths, preprocess

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Float[Tensor, "channel row column"]:
        rows, columns = self.preprocess.config.size
        return self.preprocess(load_image(self.paths[index], at_least=(columns, rows)))
