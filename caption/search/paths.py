"""The ways that hypotheses have come."""

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from caption.search.config import SearchConfig
from caption.search.steps import Hypothesis

Total = TypeVar("Total", float, Tensor)


def rank_score(total: Total, length: int, config: SearchConfig) -> Total:
    """Return what captions are ranked by (Wu et al. 2016, equation 14, without its constant 5)."""
    return total / length**config.length_penalty


@dataclass(frozen=True)
class Paths:
    """The ways that hypotheses of equal length have come, one row each."""

    words: Int[Tensor, "row length"]
    log_probs: Float[Tensor, "row length"]
    trace: Float[Tensor, "row length position"]

    @classmethod
    def start(cls, trace: Float[Tensor, "row position"]) -> "Paths":
        """Return paths without words, for rows with traces like these."""
        nothing = trace.new_empty(len(trace), 0)
        return cls(nothing.long(), nothing.float(), trace.unsqueeze(1)[:, :0])

    @property
    def length(self) -> int:
        """Number of words so far."""
        return self.words.shape[1]

    def select(self, rows: Int[Tensor, " selected"]) -> "Paths":
        """Return the paths of these rows, which may repeat."""
        return Paths(self.words[rows], self.log_probs[rows], self.trace[rows])

    def extend(
        self,
        words: Int[Tensor, " row"],
        log_probs: Float[Tensor, " row"],
        trace: Float[Tensor, "row position"],
    ) -> "Paths":
        """Return the paths one word further."""
        return Paths(
            torch.cat([self.words, words.unsqueeze(1)], dim=1),
            torch.cat([self.log_probs, log_probs.unsqueeze(1)], dim=1),
            torch.cat([self.trace, trace.unsqueeze(1)], dim=1),
        )

    def hypotheses(
        self,
        rows: Int[Tensor, " selected"],
        config: SearchConfig,
        *,
        end_log_probs: Float[Tensor, " selected"] | None = None,
    ) -> list[tuple[int, Hypothesis]]:
        """Return each row with its caption, finished if the end is given, otherwise cut."""
        paths = self.select(rows)
        log_probs = paths.log_probs
        if end_log_probs is not None:
            log_probs = torch.cat([log_probs, end_log_probs.unsqueeze(1)], dim=1)
        return [
            (
                row,
                Hypothesis(
                    words=tuple(words),
                    log_probs=tuple(values),
                    finished=end_log_probs is not None,
                    score=rank_score(math.fsum(values), len(values), config),
                    trace=trace,
                ),
            )
            for row, words, values, trace in zip(
                rows.tolist(),
                paths.words.tolist(),
                log_probs.tolist(),
                paths.trace.cpu(),
                strict=True,
            )
        ]
