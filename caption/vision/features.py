"""What an encoder saw, as a value."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from caption.vision.concepts import ImageConcepts


@dataclass(frozen=True)
class ImageFeatures:
    """What the encoder saw, in the form every head reads."""

    grid: Float[Tensor, "batch position feature"]
    """Row-major grid positions, top-left first."""
    grid_size: tuple[int, int]
    """(rows, columns), so that attention can be drawn over the image."""
    encoder_id: str
    """Fingerprint of the encoder; a head refuses the features of another one."""
    concepts: ImageConcepts | None = None
    """What was recognised, where something recognises words."""
    beside: Float[Tensor, "batch place seen"] | None = None
    """The grid of a second encoder, where two look together."""

    @property
    def pooled(self) -> Float[Tensor, "batch feature"]:
        """What was seen in all places together: their mean, by which pictures are alike."""
        return self.grid.mean(dim=1)

    def __len__(self) -> int:
        return self.grid.shape[0]

    def __getitem__(self, rows: slice) -> "ImageFeatures":
        concepts = None if self.concepts is None else self.concepts[rows]
        beside = None if self.beside is None else self.beside[rows]
        return replace(self, grid=self.grid[rows], concepts=concepts, beside=beside)
