"""How captions are searched for; apart from the search, so that `--help` is quick."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import tyro

Method = Literal["beam", "sample"]
MAX_REQUIRED = 4
"""Sets of words of which a caption must have one each; each doubles the work of the search."""


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """How captions are searched for once the decoder is trained."""

    method: Method = "beam"
    """'beam' looks for the likeliest captions, 'sample' draws them by chance."""
    num_captions: int = 1
    """Captions returned for an image."""
    num_beams: int = 3
    """Hypotheses kept per image by beam search; 1 is greedy search."""
    max_length: int = 20
    """Words after which a caption is cut; letters count as a sixth of one, here and below, and
    characters of scripts without spaces as a half to a quarter."""
    min_length: int = 0
    """Words before which a caption may not end."""
    length_penalty: float = 0.7
    """Exponent on the length, counting the end, when ranking: 0 ranks captions by the sum,
    1 by the mean log-probability."""
    no_repeat_ngram: int = 3
    """A caption may not contain the same n words in a row twice; 0 lets it."""
    style: str = ""
    """Way of captioning, where a model has learnt several: one that was fine-tuned with replay
    captions in its new way, and as before with 'original'."""
    allow_unknown: bool = False
    """Let captions contain the unknown word."""
    forbid_bad_endings: bool = False
    """Let no caption end in an article, a preposition or 'is'."""
    must_say: Annotated[tuple[str, ...], tyro.conf.arg(aliases=["--must-say"])] = ()
    """Words that every caption must contain, at most four, such as 'dog'; 'cat|kitten' asks for one
    of both. What cannot be said within max_length is left out. Needs beam search."""
    agreement: float = 6.0
    """What naming a recognised word adds to a caption's sum of log-probabilities, times how
    probable the word is, when beam search ranks what it found; 0 ranks by likelihood alone. Models
    that recognise no words have nothing to agree with."""
    temperature: float = 1.0
    """Sampling: below 1 prefers likely words, above 1 unlikely ones."""
    top_k: int = 0
    """Sampling: draw from the k likeliest words only; 0 draws from all."""
    top_p: float = 1.0
    """Sampling: draw from the fewest words that together have this probability."""

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"method must be one of {get_args(Method)}, got {self.method!r}")
        for name in ("num_captions", "num_beams", "max_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("length_penalty", "no_repeat_ngram", "agreement", "top_k"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.min_length <= self.max_length:
            raise ValueError(
                f"min_length must be in [0, max_length={self.max_length}], got {self.min_length}"
            )
        if self.method == "beam" and self.num_captions > self.num_beams:
            raise ValueError(
                f"{self.num_beams} beams cannot find {self.num_captions} captions; "
                "raise num_beams or lower num_captions"
            )
        if len(self.must_say) > MAX_REQUIRED:
            raise ValueError(
                f"must_say takes at most {MAX_REQUIRED} words or sets of words, "
                f"got {len(self.must_say)}"
            )
        for words in self.must_say:
            if not all(word.strip() for word in words.split("|")):
                raise ValueError(
                    f"must_say takes words such as 'dog' or 'cat|kitten', got {words!r}"
                )
        if self.must_say and self.method != "beam":
            raise ValueError(f"must_say needs method 'beam', got {self.method!r}")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0 and finite, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p}")
