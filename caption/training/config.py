"""Settings of the captioner and of its training, composed from those of its parts.

Settings are apart from what they configure, and this module and its like in `engine` and `vision`
import nothing heavy: `--help` shows them all in well under a second, importing torch takes several.
"""

from dataclasses import dataclass, field
from typing import Literal

from caption.engine.config import TrainerConfig
from caption.networks.config import DecoderConfig
from caption.search.config import SearchConfig
from caption.text.vocabulary import Unit
from caption.vision.config import AugmentConfig, EncoderConfig

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
    truncate: int = 0
    """Steps through which gradients flow back at most, 0 for all; for captions that are long, such
    as of characters (truncated back-propagation through time, Williams & Peng 1990)."""

    def __post_init__(self) -> None:
        if self.truncate < 0:
            raise ValueError(f"truncate must be at least 1, or 0 for no limit, got {self.truncate}")
