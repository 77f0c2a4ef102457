"""From a picture to the pixels that an encoder reads, in use and in training."""

import math

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from caption.vision.config import AugmentConfig, PreprocessConfig


class Preprocess:
    """A picture to the encoder's input, the same in evaluation and in use."""

    def __init__(self, config: PreprocessConfig) -> None:
        self.config = config
        self._mean = 255 * torch.tensor(config.mean).reshape(3, 1, 1)
        self._std = 255 * torch.tensor(config.std).reshape(3, 1, 1)

    def __call__(self, image: Image.Image) -> Float[Tensor, "channel row column"]:
        """Return the normalised pixels of an RGB image."""
        return self.normalise(self.fit(image))

    def fit(self, image: Image.Image) -> UInt8[Tensor, "channel row column"]:
        """Return an RGB image at the encoder's size, as bytes."""
        return self.resize(image, *self.window(image), left=0.5, top=0.5)

    def window(self, image: Image.Image) -> tuple[float, float]:
        """Return the width and height of the part that the encoder is to see."""
        if self.config.resize == "squash":
            return float(image.width), float(image.height)
        rows, columns = self.config.size
        scale = min(image.width / columns, image.height / rows)
        return columns * scale, rows * scale

    def resize(
        self, image: Image.Image, width: float, height: float, *, left: float, top: float
    ) -> UInt8[Tensor, "channel row column"]:
        """Return a part at the encoder's size; left and top share out the rest, 0.5 centres it."""
        # Rounding must not carry the box over an edge by 1e-13, which Pillow refuses.
        x, y = max(0.0, left * (image.width - width)), max(0.0, top * (image.height - height))
        box = (x, y, min(x + width, image.width), min(y + height, image.height))
        rows, columns = self.config.size
        resample = Image.Resampling[self.config.interpolation.upper()]
        return F.pil_to_tensor(image.resize((columns, rows), resample, box))

    def normalise(
        self, pixels: UInt8[Tensor, "*batch channel row column"]
    ) -> Float[Tensor, "*batch channel row column"]:
        """Return floating point around zero."""
        mean, std = self._mean.to(pixels.device), self._std.to(pixels.device)
        return pixels.float().sub_(mean).div_(std)


class Augment:
    """A picture to the encoder's input in training: a random part, perhaps mirrored or tinted."""

    def __init__(self, preprocess: PreprocessConfig, config: AugmentConfig) -> None:
        self.config = config
        self._preprocess = Preprocess(preprocess)

    def __call__(
        self, image: Image.Image, generator: torch.Generator, *, mirror: bool = True
    ) -> Float[Tensor, "channel row column"]:
        """Return normalised pixels; draws equally many numbers whatever the config.

        Args:
            image: in RGB.
            generator: of the chance.
            mirror: whether it may be mirrored.
        """
        area, aspect, left, top, flip, *tint = torch.rand(8, generator=generator).tolist()
        low, high = self.config.scale
        area = low + area * (high - low)
        # The aspect varies from 3/4 to 4/3 of the window's own, as in most ImageNet training.
        aspect = (3 / 4) ** (1 - 2 * aspect)
        width, height = self._preprocess.window(image)
        width = min(width * math.sqrt(area * aspect), width)
        height = min(height * math.sqrt(area / aspect), height)
        pixels = self._preprocess.resize(image, width, height, left=left, top=top)
        if mirror and flip < self.config.flip:
            pixels = pixels.flip(-1)
        if self.config.colour:
            brightness, contrast, saturation = (
                1 + self.config.colour * (2 * value - 1) for value in tint
            )
            pixels = F.adjust_brightness(pixels, brightness)
            pixels = F.adjust_contrast(pixels, contrast)
            pixels = F.adjust_saturation(pixels, saturation)
        return self._preprocess.normalise(pixels)
