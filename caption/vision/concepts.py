"""What the eyes know: from a grid of features to probabilities of everyday words.

Every place of the grid says how much it looks like each word, and the picture as a whole is as much
like a word as its places are, the best of them above all: log-mean-exp pooling (Pinheiro &
Collobert 2015, "From Image-level to Pixel-level Labeling with Convolutional Networks"). So it is
also known where in the picture a word was recognised.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from caption.errors import ModelError
from caption.vision.config import ConceptConfig

RARE = -3.0
"""Log-odds that a new head gives every word: most pictures show none of most words."""


@dataclass(frozen=True)
class ImageConcepts:
    """How probable each of some words is in each image."""

    words: tuple[str, ...]
    probabilities: Float[Tensor, "image word"]

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, rows: slice) -> "ImageConcepts":
        return replace(self, probabilities=self.probabilities[rows])


class ConceptHead(nn.Module):
    """Recognises words in what an encoder saw."""

    word_tables = ("classify.weight", "classify.bias", "scale", "shift")
    """Names of its weights that have a row for each word."""

    def __init__(self, config: ConceptConfig, words: Sequence[str], *, feature_dim: int) -> None:
        super().__init__()
        self.config, self.words = config, tuple(words)
        if not words:
            raise ModelError("there are no words to recognise; give some, or set keep to 0")
        if len(set(words)) < len(words):
            twice = next(word for word in words if self.words.count(word) > 1)
            raise ModelError(f"the concepts have {twice!r} more than once")
        self.hidden = nn.Sequential(
            nn.LayerNorm(feature_dim), nn.Linear(feature_dim, config.hidden_dim), nn.SiLU()
        )
        self.classify = nn.Linear(config.hidden_dim, len(words))
        nn.init.constant_(self.classify.bias, RARE)
        self.sharpness = nn.Parameter(torch.zeros(()))
        self.dropout = nn.Dropout(0.3)
        self.register_buffer("scale", torch.ones(len(words)))
        self.register_buffer("shift", torch.zeros(len(words)))

    scale: Tensor
    shift: Tensor

    def places(
        self, grid: Float[Tensor, "image position feature"]
    ) -> Float[Tensor, "image position word"]:
        """Return how much each place looks like each word, as log-odds that are not calibrated."""
        return self.classify(self.dropout(self.hidden(grid)))

    def log_odds(
        self, grid: Float[Tensor, "image position feature"]
    ) -> Float[Tensor, "image word"]:
        """Return the log-odds of each word in each image, not calibrated: what is trained."""
        places = self.places(grid).float()
        sharpness = self.sharpness.exp()
        pooled = (sharpness * places).logsumexp(dim=1) - math.log(places.shape[1])
        return pooled / sharpness

    def forward(self, grid: Float[Tensor, "image position feature"]) -> Float[Tensor, "image word"]:
        """Return the probability of each word in each image, calibrated word for word.

        In training the log-odds are disturbed, as `ConceptConfig.noise` says.
        """
        log_odds = self.scale * self.log_odds(grid) + self.shift
        if self.training and self.config.noise:
            log_odds = log_odds + self.config.noise * torch.randn_like(log_odds)
        return log_odds.sigmoid()

    def recognise(self, grid: Float[Tensor, "image position feature"]) -> ImageConcepts:
        """Return what is recognised, with the words that the probabilities are of."""
        return ImageConcepts(self.words, self(grid))
