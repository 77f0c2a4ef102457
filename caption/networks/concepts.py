"""Recognised words as something to read and to copy, beside the grid of features.

Semantic attention (You et al. 2016, "Image Captioning with Semantic Attention") lets a writer read
words that were recognised in the picture; copying (Yao et al. 2017, "Incorporating Copying
Mechanism in Image Captioning for Learning Novel Objects") lets it say them although it has seldom
said them before. Here both are additions to any decoder that attends: the words are further places
of the memory that its attention reads, and some of the scores of the next word are theirs.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

MOST_SURE = 0.995
"""Probabilities above are read as this one, or log-odds would have no end."""


class Concepts(NamedTuple):
    """Words that were recognised in each image; people may change them."""

    words: Int[Tensor, "image concept"]
    """Ids in the decoder's vocabulary; any, where the probability is 0."""
    probabilities: Float[Tensor, "image concept"]
    """0 where an image has fewer words than others."""

    @property
    def mask(self) -> Bool[Tensor, "image concept"]:
        """True at real ones."""
        return self.probabilities > 0

    @property
    def sureness(self) -> Float[Tensor, "image concept"]:
        """Log-odds, as a number from about -1 to 1."""
        return self.probabilities.clamp(1 - MOST_SURE, MOST_SURE).logit() / SCALE


SCALE = math.log(MOST_SURE / (1 - MOST_SURE))


class ConceptReader(nn.Module):
    """Makes a place of the memory of each recognised word: what it means, and how sure it is."""

    def __init__(self, *, word_dim: int, visual_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(word_dim)
        self.project = nn.Linear(word_dim + 2, visual_dim)

    def forward(
        self, embedded: Float[Tensor, "image concept word"], concepts: Concepts
    ) -> Float[Tensor, "image concept visual"]:
        """Return the places, all zeros where there is no word."""
        known = torch.stack([concepts.probabilities, concepts.sureness], dim=-1)
        places = F.relu(self.project(torch.cat([self.norm(embedded), known], dim=-1)))
        return places * concepts.mask.unsqueeze(-1)


class Copied(NamedTuple):
    """What may be copied of each image."""

    words: Int[Tensor, "image concept"]
    vectors: Float[Tensor, "image concept word"]
    sureness: Float[Tensor, "image concept"]
    mask: Bool[Tensor, "image concept"]

    def select(self, images: Int[Tensor, " image"]) -> "Copied":
        """Return what may be copied of these images."""
        return Copied(*(part[images] for part in self))


class ConceptCopier(nn.Module):
    """Scores each recognised word as the next one, to be added to what the vocabulary gives it."""

    def __init__(self, *, output_dim: int, word_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(word_dim)
        self.query = nn.Linear(output_dim, word_dim)
        self.trust = nn.Linear(output_dim, 2)

    def prepare(self, embedded: Float[Tensor, "image concept word"], concepts: Concepts) -> Copied:
        """Return what is the same for every word of a caption."""
        vectors = self.norm(embedded) / math.sqrt(embedded.shape[-1])
        return Copied(concepts.words, vectors, concepts.sureness, concepts.mask)

    def forward(
        self, outputs: Float[Tensor, "row length output"], copied: Copied
    ) -> tuple[Int[Tensor, "row length concept"], Float[Tensor, "row length concept"]]:
        """Return the recognised words of each row and what their scores rise by.

        Args:
            outputs: what the vocabulary is scored with; rows are image-major.
            copied: of the images.
        """
        images, num_concepts = copied.words.shape
        rows, length, _ = outputs.shape
        queries = self.query(outputs).view(images, -1, self.query.out_features)
        scores = queries @ copied.vectors.to(queries.dtype).transpose(1, 2)
        always, if_sure = self.trust(outputs).view(images, -1, 2).chunk(2, dim=-1)
        scores = scores + always + if_sure * copied.sureness.to(scores.dtype).unsqueeze(1)
        scores = scores.masked_fill(~copied.mask.unsqueeze(1), 0.0)
        words = copied.words.unsqueeze(1).expand(-1, rows // images * length, -1)
        return (
            words.reshape(rows, length, num_concepts),
            scores.reshape(rows, length, num_concepts),
        )
