"""Captions ranked by what they name, beside how likely they are.

What a decoder finds likely leans towards what captions usually say. Another opinion of what is in
the picture, as recognised words are, can choose among the captions that beam search found.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from caption.search.config import SearchConfig
from caption.search.paths import rank_score
from caption.search.steps import Hypothesis

Worth = Float[Tensor, "image vocabulary"]
"""What naming each word once adds to the sum of a caption's log-probabilities."""


def ranked(
    captions: Sequence[Sequence[Hypothesis]], worth: Worth, config: SearchConfig
) -> list[list[Hypothesis]]:
    """Return the captions of each image, best first, with what they name in their scores.

    A finished caption still comes before all that were cut.
    """
    return [
        sorted(
            (replace(caption, score=_score(caption, row, config)) for caption in found),
            key=lambda caption: caption.rank,
            reverse=True,
        )
        for found, row in zip(captions, worth.cpu(), strict=True)
    ]


def _score(caption: Hypothesis, worth: Float[Tensor, " vocabulary"], config: SearchConfig) -> float:
    named = worth[sorted(set(caption.words))].tolist()
    return rank_score(math.fsum((*caption.log_probs, *named)), len(caption.log_probs), config)
