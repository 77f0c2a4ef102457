"""Scores of one model, or of two and how much better one is: as values and as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from caption.metrics.bootstrap import Difference


@dataclass(frozen=True)
class Row:
    """One metric."""

    name: str
    score: float
    other: float | None = None
    """Of what it is compared with."""
    difference: Difference | None = None
    guessed: float | None = None
    """Of what takes no skill."""


@dataclass(frozen=True)
class ScoreTable:
    """Some metrics, of one thing or of two."""

    rows: Sequence[Row]
    other: str = ""
    """What it is compared with, if it is."""
    guess: str = ""
    """What takes no skill, if it is compared with that too."""

    def lines(self) -> Iterator[str]:
        """Yield the table as text for the screen."""
        width = max(10, *(len(row.name) for row in self.rows))
        if self.other:
            guess = f" {self.guess:>7}" if self.guess else ""
            yield f"{'':<{width}}   score   other{guess}  difference [95 %]             p"
        for row in self.rows:
            line = f"{row.name:<{width}} {row.score:7.4f}"
            if row.other is not None:
                line += f" {row.other:7.4f}"
            if row.guessed is not None:
                line += f" {row.guessed:{max(7, len(self.guess))}.4f}"
            if row.difference is not None:
                low, high = row.difference.interval
                line += f"  {row.difference.difference:+.4f} [{low:+.4f}, {high:+.4f}]"
                line += f"  {row.difference.p_value:.4f}"
            yield line
