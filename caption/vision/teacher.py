"""What a trained classifier takes photos for, which smaller heads can learn from."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from caption.files.paths import ImageFile
from caption.vision.config import Padding, PreprocessConfig
from caption.vision.encoder import build_classifier, load_torchvision
from caption.vision.extract import CPU_IMAGES, ImageFiles, readers
from caption.vision.transforms import Preprocess


class Classifier:
    """A classification network of torchvision with its classes: what an encoder leaves out."""

    def __init__(self, architecture: str, weights: str, padding: Padding = "symmetric") -> None:
        """Build the network.

        Args:
            architecture: what torchvision calls it.
            weights: 'imagenet' for torchvision's best (downloaded on first use), or the path of a
                safetensors file with torchvision's names, in any floating type.
            padding: as the weights were trained with.

        Raises:
            ModelError: there is no such network, or the weights are not all of its.
        """
        self.network = build_classifier(architecture, padding)
        load_torchvision(self.network, architecture, weights)
        self.network.eval().to(memory_format=torch.channels_last)
        self.preprocess = Preprocess(PreprocessConfig())

    def probabilities(
        self, images: Sequence[ImageFile], *, batch_images: int = 64, workers: int = 2
    ) -> Iterator[Float[Tensor, "image class"]]:
        """Yield how likely each class is, a batch of images at a time.

        Args:
            images: the files.
            batch_images: images that are read and looked at together.
            workers: processes that read images.

        Raises:
            ImageError: one of them cannot be read.
        """
        loader = DataLoader(
            ImageFiles(images, self.preprocess),
            batch_size=batch_images,
            num_workers=readers(workers, len(images), batch_images),
        )
        for pixels in tqdm(loader, desc="photos", unit="batch"):
            yield self.look(pixels)

    @torch.inference_mode()
    def look(
        self, pixels: UInt8[Tensor, "image channel row column"]
    ) -> Float[Tensor, "image class"]:
        """Return how likely each class is: the mean over a photo and its mirror image."""
        device = next(self.network.parameters()).device
        few = CPU_IMAGES if device.type == "cpu" else len(pixels)
        seen = [self._look_at_few(some.to(device)) for some in torch.split(pixels, few)]
        return torch.cat(seen).cpu()

    def _look_at_few(
        self, pixels: UInt8[Tensor, "image channel row column"]
    ) -> Float[Tensor, "image class"]:
        normal = self.preprocess.normalise(pixels)
        both = torch.cat([normal, normal.flip(-1)])
        scores = self.network(both.contiguous(memory_format=torch.channels_last))
        straight, mirrored = scores.softmax(dim=-1).chunk(2)
        return (straight + mirrored) / 2
