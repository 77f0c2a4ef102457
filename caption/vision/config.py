"""Settings of the eye; apart from what they configure, so that `--help` need not load torch."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

Padding = Literal["symmetric", "same"]
MAX_SIDE = 4096
"""Rows or columns of an encoder's input; a size from a file must not fill the memory."""


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig:
    """How pictures become what an encoder was trained on."""

    size: tuple[int, int] = (224, 224)
    """Rows and columns of the encoder's input."""
    resize: Literal["squash", "crop"] = "squash"
    """squash: the whole picture whatever its aspect, so that attention can fall on all of it;
    crop: the centre, undistorted."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Subtracted from red, green and blue in 0 to 1; ImageNet's."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Red, green and blue are divided by these; ImageNet's."""
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    """How pixels are resized, always with antialiasing."""

    def __post_init__(self) -> None:
        for name, length in (("size", 2), ("mean", 3), ("std", 3)):
            if len(getattr(self, name)) != length:
                raise ValueError(f"{name} must be {length} numbers, got {getattr(self, name)}")
        if not all(1 <= length <= MAX_SIDE for length in self.size):
            raise ValueError(f"size must be two numbers from 1 to {MAX_SIDE}, got {self.size}")
        if self.resize not in ("squash", "crop"):
            raise ValueError(f"resize must be 'squash' or 'crop', got {self.resize!r}")
        if not all(map(math.isfinite, self.mean)):
            raise ValueError(f"mean must be finite, got {self.mean}")
        if not all(0 < value < math.inf for value in self.std):
            raise ValueError(f"std must be positive and finite, got {self.std}")
        if self.interpolation not in ("bilinear", "bicubic"):
            raise ValueError(
                f"interpolation must be 'bilinear' or 'bicubic', got {self.interpolation!r}"
            )


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How training pictures are varied."""

    flip: float = 0.5
    """Probability of a mirror image; pictures whose captions name a side are never mirrored."""
    scale: tuple[float, float] = (0.75, 1.0)
    """Least and greatest share of the picture's area to be seen."""
    colour: float = 0.2
    """Brightness, contrast and saturation vary by up to this share; 0 leaves colours alone."""

    def __post_init__(self) -> None:
        low, high = self.scale
        if not 0 <= self.flip <= 1:
            raise ValueError(f"flip must lie in 0 to 1, got {self.flip}")
        if not 0 < low <= high <= 1:
            raise ValueError(f"scale must be two rising numbers in 0 to 1, got {self.scale}")
        if not 0 <= self.colour < 1:
            raise ValueError(f"colour must be at least 0 and below 1, got {self.colour}")


@dataclass(frozen=True, kw_only=True)
class ConceptConfig:
    """How what is recognised in a picture becomes a short list of words."""

    keep: int = 0
    """Words that are kept of each picture, the likeliest; 0 for a model that recognises none."""
    threshold: float = 0.05
    """Probability below which a word is not kept."""
    hidden_dim: int = 768
    """Size of the layer between the encoder's feature vectors and the words."""
    noise: float = 1.0
    """Spread of what training adds to the log-odds of each word before the likeliest are kept: of
    pictures that it learns from a model is surer than it will be of others."""

    def __post_init__(self) -> None:
        if self.keep < 0 or self.hidden_dim < 1:
            raise ValueError(
                "keep must be at least 0 and hidden_dim at least 1, "
                f"got {self.keep} and {self.hidden_dim}"
            )
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold must be in [0, 1), got {self.threshold}")
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"noise must be finite and not negative, got {self.noise}")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Which network looks at the picture, and how finely."""

    architecture: str = "mobilenet_v2"
    """Any classification CNN of torchvision, by its name there."""
    stage: str | None = None
    """Layer whose output is the grid, such as 'layer3' or 'features.13'; by default the last."""
    grid_size: tuple[int, int] | None = None
    """Rows and columns to average the grid to; by default as the network makes it."""
    padding: Padding = "symmetric"
    """How strided convolutions pad: 'same' for weights that were trained with TensorFlow, which
    puts the odd pixel below and right."""
    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    """What is done to a picture before the network sees it; kept with the model, so that training
    and use cannot drift apart."""

    def __post_init__(self) -> None:
        if self.padding not in get_args(Padding):
            raise ValueError(f"padding must be one of {get_args(Padding)}, got {self.padding!r}")
        if self.grid_size is not None:
            rows, columns = self.grid_size
            if rows < 1 or columns < 1:
                raise ValueError(
                    f"grid_size must be two positive numbers (rows, columns), got {self.grid_size}"
                )
