"""What reads a question, and what looks where it points."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from vqa.config import HeadConfig


class QuestionEncoder(nn.Module):
    """Reads a question word by word and remembers what was asked."""

    def __init__(self, config: HeadConfig, *, vocabulary_size: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary_size, config.word_dim)
        recurrence = {"lstm": nn.LSTM, "gru": nn.GRU}[config.cell]
        self.recurrence = recurrence(
            config.word_dim,
            config.state_dim // (2 if config.bidirectional else 1),
            num_layers=config.num_layers,
            bidirectional=config.bidirectional,
            batch_first=True,
            dropout=config.dropout if config.num_layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, words: Int[Tensor, "question length"], lengths: Int[Tensor, " question"]
    ) -> Float[Tensor, "question state"]:
        """Return the last state of each question; padding after its length is not read."""
        embedded = torch.tanh(self.dropout(self.embed(words)))
        packed = nn.utils.rnn.pack_padded_sequence(
            embedded, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        _, state = self.recurrence(packed)
        hidden = state[0] if isinstance(state, tuple) else state
        directions = 2 if self.recurrence.bidirectional else 1
        return torch.cat(tuple(hidden[-directions:]), dim=-1)


class GlimpseAttention(nn.Module):
    """Looks at all places several times at once, each time where the question points."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.comparison = config.comparison
        self.project_grid = nn.Linear(config.visual_dim, config.attention_dim, bias=False)
        self.project_query = nn.Linear(config.state_dim, config.attention_dim)
        self.score = nn.Linear(config.attention_dim, config.num_glimpses)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        query: Float[Tensor, "question state"],
        places: Float[Tensor, "question place visual"],
        mask: Bool[Tensor, "question place"] | None = None,
    ) -> tuple[Float[Tensor, "question seen"], Float[Tensor, "question glimpse place"]]:
        """Return what all glimpses saw, side by side, and their weights, which sum to 1 each.

        Args:
            query: what is asked.
            places: of the grid, and recognised words.
            mask: which of them there are; all by default.
        """
        own, asked = self.project_grid(places), self.project_query(query).unsqueeze(1)
        compared = (
            torch.tanh(own + asked)
            if self.comparison == "additive"
            else (F.relu(own) * F.relu(asked))
        )
        scores = self.score(self.dropout(compared))
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-1), -torch.inf)
        weights = scores.softmax(dim=1).transpose(1, 2)
        return (weights @ places).flatten(1), weights
