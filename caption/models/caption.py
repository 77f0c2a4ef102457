"""A caption for people: a sentence, with where the model looked for every word."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from caption.errors import ModelError
from caption.models.confidence import Trust
from caption.networks.attention import attention_entropy
from caption.text.language import ENGLISH, Language

SOURCE_SHARE = 0.15
"""Of the attention, from which on a word is said to come from the concept that it went to."""
KEYWORD = 0.5
"""Probability from which on a recognised word becomes a keyword."""


@dataclass(frozen=True, eq=False)
class Caption:
    """A sentence about an image, and why."""

    text: str
    """The sentence, for people."""
    words: tuple[str, ...]
    """What the model wrote, one unit of its vocabulary each."""
    log_probs: tuple[float, ...]
    """Natural logarithm of the probability that the model gave each word."""
    trace: Float[np.ndarray, "word row column"] | None
    """The attention to the grid, where the model's decoder has one."""
    score: float
    """What captions of the image are ranked by; higher is better."""
    concepts: tuple[tuple[str, float], ...] = ()
    """Words that were recognised, or told by people, with their probabilities; the likeliest first.
    The caption was written from these and the grid."""
    clues: tuple[float, ...] = ()
    """What the confidence is made of, as `caption_clues` gives it."""
    confidence: float | None = None
    """How good it is expected to be, from 0 to 1, which is as good as people's own; None where the
    model has not been calibrated, as `glimpse prepare confidence` does it."""
    is_guess: bool = False
    """Whether that is so little that only a quarter of the captions of photos have less."""
    concept_trace: Float[np.ndarray, "word concept"] | None = None
    """Share of the attention that went to each of them; the rest went to the grid."""
    alternatives: tuple["Caption", ...] = ()
    """The next best captions, best first."""
    spelling: tuple[str, ...] = ()
    """The words as people write them, where the model knows more of that than lower case."""
    language: Language = ENGLISH
    """In which it is written."""

    def __str__(self) -> str:
        return self.text

    @property
    def shown(self) -> tuple[str, ...]:
        """What the model wrote, for people."""
        return self.spelling or self.words

    @property
    def doubt(self) -> str | None:
        """What a person should be told of before believing it, if there is something."""
        return Trust(self.confidence, self.is_guess).doubt

    @property
    def keywords(self) -> tuple[str, ...]:
        """The recognised words that are likely enough to find the photo by."""
        return tuple(word for word, probability in self.concepts if probability >= KEYWORD)

    def is_below(self, minimum_confidence: float) -> bool:
        """Return whether it is expected to be worse than this; never where nothing is expected."""
        return self.confidence is not None and self.confidence < minimum_confidence

    @property
    def has_attention(self) -> bool:
        """Whether the model says where it looked."""
        return self.trace is not None

    @property
    def attention(self) -> Float[np.ndarray, "word row column"]:
        """Where it looked for each word: weights over the grid, which sum to 1.

        Raises:
            ModelError: the model's decoder does not attend to places.
        """
        if self.trace is None:
            raise ModelError(
                "this model's decoder does not say where it looks, so there is no attention to "
                "show; use a model whose decoder attends, such as the default one"
            )
        return self.trace

    @property
    def sources(self) -> tuple[str | None, ...]:
        """For every word the concept it came from, if `SOURCE_SHARE` of the attention went there.

        It is the one that most of the attention to concepts went to.
        """
        if self.concept_trace is None or not self.concepts:
            return (None,) * len(self.words)
        return tuple(
            self.concepts[row.argmax()][0] if row.max() >= SOURCE_SHARE else None
            for row in self.concept_trace
        )

    @property
    def attention_entropy(self) -> Float[np.ndarray, " word"]:
        """How spread the attention was for each word, in nats, as `attention_entropy` says it."""
        return attention_entropy(torch.from_numpy(self.attention).flatten(1)).numpy()

    @property
    def attention_spread(self) -> Float[np.ndarray, " word"]:
        """The entropy as a share of the most there could be: 1 is flat and says nothing."""
        most = math.log(math.prod(self.attention.shape[1:]))
        return self.attention_entropy / most if most else np.ones(len(self.words))
