"""A tiny decoder that only the tests know: no attention, no styles, a state of its own making.

It scores the next word from the image's mean feature and the mean of the words so far. This file
and one line in the registry are all that it takes to train it, search with it, save and describe.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from caption.networks.config import DecoderConfig


@dataclass(frozen=True)
class BagState:
    """The sum of the words so far, how many they are, and the picture, a row for each caption."""

    total: Float[Tensor, "row word"]
    count: int
    picture: Float[Tensor, "row word"]

    def select(
        self, rows: Int[Tensor, " row"], images: Int[Tensor, " image"] | None = None
    ) -> "BagState":
        """Return the states of these rows."""
        return BagState(self.total[rows], self.count, self.picture[rows])


class BagDecoder(nn.Module):
    """Scores the next word by a bag of the words before it."""

    word_tables = ("table",)
    style_tables = ()
    has_attention = False
    truncate = 0

    def __init__(self, config: DecoderConfig, *, feature_dim: int, vocabulary_size: int) -> None:
        super().__init__()
        self.config = config
        self.look = nn.Linear(feature_dim, config.word_dim)
        self.table = nn.Parameter(0.5 * torch.randn(vocabulary_size, config.word_dim))
        self.mix = nn.Sequential(
            nn.Linear(3 * config.word_dim, config.state_dim),
            nn.ReLU(),
            nn.Linear(config.state_dim, config.word_dim),
        )

    def start(
        self,
        features: Float[Tensor, "image position feature"],
        *,
        captions_per_image: int = 1,
        styles: Int[Tensor, " row"] | None = None,
    ) -> BagState:
        """Look at the pictures once."""
        picture = torch.relu(self.look(features.mean(dim=1)))
        picture = picture.repeat_interleave(captions_per_image, dim=0)
        return BagState(torch.zeros_like(picture), 0, picture)

    def step(
        self, words: Int[Tensor, " row"], state: BagState
    ) -> tuple[Float[Tensor, "row vocabulary"], BagState, None]:
        """Add a word to the bag and score the next one."""
        word = self.table[words]
        total, count = state.total + word, state.count + 1
        mixed = self.mix(torch.cat([word, total / count, state.picture], dim=-1))
        return mixed @ self.table.T, BagState(total, count, state.picture), None

    def forward(
        self,
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"],
        styles: Int[Tensor, " row"] | None = None,
    ) -> tuple[Float[Tensor, "row length vocabulary"], None]:
        """Score every next word given the true previous ones."""
        state = self.start(features, captions_per_image=len(words) // len(features))
        scores = []
        for column in words.unbind(dim=1):
            score, state, _ = self.step(column, state)
            scores.append(score)
        return torch.stack(scores, dim=1), None
