"""What beam search did in each of its rounds, for who wants to see how it got to its captions."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Round:
    """The best continuations of every hypothesis, and what became of them."""

    images: Int[Tensor, " image"]
    """Numbers of the images that are not done."""
    parents: Int[Tensor, "image continuation"]
    """Which of the image's hypotheses each continues."""
    words: Int[Tensor, "image continuation"]
    sums: Float[Tensor, "image continuation"]
    """Of the log-probabilities, the best first; -inf where there are no more."""
    ends: Bool[Tensor, "image continuation"]
    """Whether it finished a caption."""
    going_on: Int[Tensor, "image beam"]
    """Places of the continuations that became its hypotheses for the next round; none in the last
    round, in which captions are cut."""


Listener = Callable[[Round], None]
"""Is told of every round when it is over."""
