"""The ways that hypotheses have come."""

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from caption.search.config import SearchConfig
from caption.search.steps import Hypothesis, State, Step

Total = TypeVar("Total", float, Tensor)


def rank_score(total: Total, length: int, config: SearchConfig) -> Total:
    """Return what captions are ranked by (Wu et al. 2016, equation 14, without its constant 5)."""
    return total / length**config.length_penalty


@dataclass(frozen=True)
class Paths:
    """The ways that hypotheses of equal length have come, one row each."""

    words: Int[Tensor, "row length"]
    log_probs: Float[Tensor, "row length"]
    trace: Float[Tensor, "row length position"] | None

    @classmethod
    def start(cls, step: Step[State]) -> "Paths":
        """Return paths without words, for rows and traces like those of the first step."""
        nothing = step.log_probs.new_empty(len(step.log_probs), 0)
        trace = None if step.trace is None else step.trace.unsqueeze(1)[:, :0]
        return cls(nothing.long(), nothing.float(), trace)

    @property
    def length(self) -> int:
        """Number of words so far."""
        return self.words.shape[1]

    def select(self, rows: Int[Tensor, " selected"]) -> "Paths":
        """Return the paths of these rows, which may repeat."""
        trace = None if self.trace is None else self.trace[rows]
        return Paths(self.words[rows], self.log_probs[rows], trace)

    def extend(
        self,
        words: Int[Tensor, " row"],
        log_probs: Float[Tensor, " row"],
        trace: Float[Tensor, "row position"] | None,
    ) -> "Paths":
        """Return the paths one word further."""
        if self.trace is not None and trace is not None:
            trace = torch.cat([self.trace, trace.unsqueeze(1)], dim=1)
        return Paths(
            torch.cat([self.words, words.unsqueeze(1)], dim=1),
            torch.cat([self.log_probs, log_probs.unsqueeze(1)], dim=1),
            trace,
        )

    def hypotheses(
        self,
        rows: Int[Tensor, " selected"],
        config: SearchConfig,
        *,
        end_log_probs: Float[Tensor, " selected"] | None = None,
    ) -> list[tuple[int, Hypothesis]]:
        """Return each row with its caption, finished if the end is given, otherwise cut."""
        if len(rows) == 0:
            return []  # as after most steps
        paths = self.select(rows)
        log_probs = paths.log_probs
        if end_log_probs is not None:
            log_probs = torch.cat([log_probs, end_log_probs.unsqueeze(1)], dim=1)
        traces = [None] * len(rows) if paths.trace is None else paths.trace.cpu()
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
                traces,
                strict=True,
            )
        ]
