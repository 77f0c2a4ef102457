"""Settings of the captioner and of its training, composed from those of its parts.

Settings are apart from what they configure, and this module and its like in `engine` and `vision`
import nothing heavy: `--help` shows them all in well under a second, importing torch takes several.
"""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from caption.engine.config import TrainerConfig
from caption.text.vocabulary import Unit
from caption.vision.config import AugmentConfig, EncoderConfig

Method = Literal["beam", "sample"]
SelectBy = Literal["cider_d", "log_likelihood"]


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """How captions become ids."""

    unit: Unit = "word"
    """What the model writes at a time."""
    minimum_count: int = 5
    """Units seen less often in training become unknown."""
    max_length: int = 20
    """Words of a caption that are learnt, or six times as many characters; longer ones are cut."""

    def __post_init__(self) -> None:
        if self.minimum_count < 1 or self.max_length < 1:
            raise ValueError(
                "minimum_count and max_length must be at least 1, "
                f"got {self.minimum_count} and {self.max_length}"
            )


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Sizes of the caption writer."""

    word_dim: int = 300
    """Size of a word's embedding."""
    visual_dim: int = 512
    """Size that the encoder's feature vectors are projected to before anything reads them."""
    state_dim: int = 512
    """Size of the LSTM's hidden and cell state."""
    attention_dim: int = 256
    """Size of the space in which state and features are compared."""
    dropout: float = 0.5
    """Share of words, features and outputs that are zeroed in training."""
    styles: tuple[str, ...] = ()
    """Names of ways of captioning that the model has learnt besides its own."""

    def __post_init__(self) -> None:
        for name in ("word_dim", "visual_dim", "state_dim", "attention_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """What one batch holds."""

    images: int = 32
    """Images in a batch."""
    captions_per_image: int = 5
    """Captions of each image in a batch; images with more show others in other epochs."""
    workers: int = 2
    """Processes that read images."""

    def __post_init__(self) -> None:
        if self.images < 1 or self.captions_per_image < 1 or self.workers < 0:
            raise ValueError(
                "images and captions_per_image must be at least 1 and workers at least 0, "
                f"got {self.images}, {self.captions_per_image} and {self.workers}"
            )


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What training minimises."""

    label_smoothing: float = 0.1
    """Share of the target's probability that is spread over all words."""
    doubly_stochastic: float = 0.0
    """Weight of the penalty that makes attention visit the whole picture (Xu et al. 2015, eq. 14);
    the paper's is 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1 or self.doubly_stochastic < 0:
            raise ValueError(
                "label_smoothing must be in [0, 1) and doubly_stochastic not negative, "
                f"got {self.label_smoothing} and {self.doubly_stochastic}"
            )


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
    """Words after which a caption is cut; characters count as a sixth of one, here and below."""
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
        for name in ("length_penalty", "no_repeat_ngram", "top_k"):
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
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0 and finite, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p}")


@dataclass(frozen=True, kw_only=True)
class CaptionConfig:
    """A captioner and how it is trained."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    text: TextConfig = field(default_factory=TextConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    """How validation captions are searched for."""
    select_by: SelectBy = "cider_d"
    """What the best model has most of: CIDEr-D of its captions, or log-likelihood of a reference's
    word, which says more where only a few images validate."""
    trainable_stages: int = 0
    """Stages of the encoder that learn, counted from the last; 0 for none, -1 for all."""
    freeze_batch_norm: bool = False
    """Keep the encoder's BatchNorm as it is, for batches of few images."""
