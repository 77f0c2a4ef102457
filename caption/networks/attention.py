"""Additive attention over a grid of features (Bahdanau et al. 2015; Xu et al. 2015)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def attention_entropy(weights: Float[Tensor, "*row position"]) -> Float[Tensor, "*row"]:
    """Return how spread each row of attention is, in nats.

    0 is one position alone, log(positions) all of them alike.

    Args:
        weights: not negative, and each row's sum is 1.
    """
    return torch.special.entr(weights).sum(dim=-1)


class GridAttention(nn.Module):
    """Score every position of the grid against a query and average the grid by the scores.

    The grid's side of the score, the keys, does not depend on the query: `keys` computes it once
    for an image, however many queries read it.
    """

    def __init__(self, *, feature_dim: int, query_dim: int, attention_dim: int) -> None:
        super().__init__()
        self.project_features = nn.Linear(feature_dim, attention_dim, bias=False)
        self.project_query = nn.Linear(query_dim, attention_dim)
        self.score = nn.Linear(attention_dim, 1, bias=False)

    def keys(
        self, grid: Float[Tensor, "image position feature"]
    ) -> Float[Tensor, "image position attention"]:
        """Return the grid's side of the score."""
        return self.project_features(grid)

    def forward(
        self,
        query: Float[Tensor, "row query"],
        keys: Float[Tensor, "image position attention"],
        grid: Float[Tensor, "image position feature"],
        closed: Bool[Tensor, "image position"] | None = None,
    ) -> tuple[Float[Tensor, "row feature"], Float[Tensor, "row position"]]:
        """Return the attended feature of every query and its weights, which sum to 1.

        Rows are image-major: the first rows / images queries read the first image, and so on. So
        several captions of an image share its grid, and it is never copied. Where `closed` is True
        there is nothing to look at.
        """
        images, positions, _ = keys.shape
        queries = self.project_query(query).view(images, -1, 1, keys.shape[-1])
        logits = self.score(torch.tanh(keys.unsqueeze(1) + queries)).squeeze(-1)
        if closed is not None:
            logits = logits.masked_fill(closed.unsqueeze(1), -torch.inf)
        weights = logits.softmax(dim=-1)
        attended = weights @ grid
        return attended.flatten(0, 1), weights.reshape(-1, positions)
