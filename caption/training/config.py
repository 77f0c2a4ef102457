"""Settings of the captioner and of its training, composed from those of its parts.

Settings are apart from what they configure, and this module and its like in `engine` and `vision`
import nothing heavy: `--help` shows them all in well under a second, importing torch takes several.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

import tyro

from caption.engine.config import Schedule, TrainerConfig
from caption.networks.config import DecoderConfig
from caption.search.config import SearchConfig
from caption.text.vocabulary import Unit
from caption.vision.config import AugmentConfig, ConceptConfig, EncoderConfig

SelectBy = Literal["cider_d", "log_likelihood"]
Phase = Literal["cross_entropy", "unfreezing", "self_critical"]
Baseline = Literal["others", "greedy"]
OwnWordsCourse = Literal["linear", "exponential", "inverse_sigmoid"]
CANDIDATES = 8
"""Words that are drawn for each sentence without a picture, of which few are added."""


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
    """What training on true captions minimises."""

    label_smoothing: float = 0.1
    """Share of the target's probability that is spread over all words."""
    doubly_stochastic: float = 0.0
    """Weight of the penalty that makes attention visit the whole picture (Xu et al. 2015, eq. 14);
    the paper's is 1."""
    consensus: float = 0.0
    """Share of a caption's weight that is its CIDEr-D against the image's other captions, so that
    more is learnt from what people agree on (Phan et al. 2017, weighted cross-entropy)."""
    word_dropout: float = 0.0
    """Share of the words read that are replaced by the unknown one (Bowman et al. 2016)."""
    own_words: float = 0.0
    """Scheduled sampling (Bengio et al. 2015): share of the words read, at the end of training,
    that are the model's own instead of the true ones; 0.25 is usual."""
    own_words_course: OwnWordsCourse = "linear"
    """How that share rises."""

    def __post_init__(self) -> None:
        for name in ("label_smoothing", "word_dropout", "own_words"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if not 0 <= self.consensus <= 1:
            raise ValueError(f"consensus must be in [0, 1], got {self.consensus}")
        if self.doubly_stochastic < 0:
            raise ValueError(f"doubly_stochastic must be at least 0, got {self.doubly_stochastic}")


@dataclass(frozen=True, kw_only=True)
class SelfCriticalConfig:
    """How captions are drawn, rewarded and compared (Rennie et al. 2017)."""

    captions: int = 5
    """Captions drawn for an image."""
    baseline: Baseline = "others"
    """What a reward is compared with: the mean of the image's other captions (Luo 2020), or the
    reward of the greedy caption, which costs a second pass."""
    bleu_share: float = 0.0
    """Share of BLEU-4 in the reward; the rest is CIDEr-D."""
    temperature: float = 0.5
    """Captions are drawn from scores divided by this; 1 is as published. Label smoothing makes
    flatter distributions than captions deserve, and most of what is drawn from them is noise."""
    cross_entropy: float = 0.15
    """Weight of the true captions' cross-entropy beside the rewards (Wu et al. 2016, equation 9); 0
    is as published. It keeps captions of few pictures from becoming all alike, and an encoder that
    learns too from forgetting what it sees."""
    epochs: int = 10
    """Passes over the training images."""
    learning_rate: float = 3e-5
    """Peak learning rate of everything but the encoder."""
    encoder_learning_rate: float = 2e-6
    """Peak learning rate of the encoder's trainable stages."""
    schedule: Schedule | None = None
    """Course of the learning rate; by default as the trainer's settings say."""

    def __post_init__(self) -> None:
        if self.captions < 1 or self.epochs < 1:
            raise ValueError(
                f"captions and epochs must be at least 1, got {self.captions} and {self.epochs}"
            )
        if self.baseline == "others" and self.captions < 2:
            raise ValueError(
                "baseline 'others' compares the captions of an image: draw at least 2, "
                f"got {self.captions}"
            )
        if self.cross_entropy < 0:
            raise ValueError(f"cross_entropy must be at least 0, got {self.cross_entropy}")
        if not 0 <= self.bleu_share <= 1:
            raise ValueError(f"bleu_share must be in [0, 1], got {self.bleu_share}")
        for name in ("temperature", "learning_rate", "encoder_learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class RecognitionConfig:
    """How a model learns to recognise words in pictures, where it does."""

    minimum_images: int = 25
    """Training pictures that a word must be known of to become one that is recognised."""
    weight: float = 1.0
    """Weight of the recognition's cross-entropy, summed over words, beside the captions'."""

    def __post_init__(self) -> None:
        if self.minimum_images < 1 or self.weight < 0:
            raise ValueError(
                "minimum_images must be at least 1 and weight not negative, "
                f"got {self.minimum_images} and {self.weight}"
            )


@dataclass(frozen=True, kw_only=True)
class SentencesConfig:
    """How sentences are learnt that have no picture: from what might have been recognised in it."""

    per_batch: int = 160
    """Sentences learnt beside each batch of pictures."""
    weight: float = 0.5
    """Weight of a sentence's word beside that of a captioned picture."""
    missed: float = 0.25
    """Share of the words of a sentence that are taken for not recognised."""
    added: float = 2.0
    """Words, on average, that are taken for recognised though nobody named them."""

    def __post_init__(self) -> None:
        if self.per_batch < 1 or self.weight <= 0:
            raise ValueError(
                "per_batch must be at least 1 and weight above 0, "
                f"got {self.per_batch} and {self.weight}"
            )
        if not 0 <= self.missed < 1 or not 0 <= self.added <= CANDIDATES:
            raise ValueError(
                f"missed must be in [0, 1) and added in 0 to {CANDIDATES}, "
                f"got {self.missed} and {self.added}"
            )


@dataclass(frozen=True, kw_only=True)
class UnfreezingConfig:
    """How the encoder's stages begin to learn, from the last towards the first."""

    stages: tuple[int, ...] = (4, -1)
    """Stages that learn in each of the phases, counted from the last; -1 for all."""
    epochs: int = 4
    """Passes over the training images, in each."""
    learning_rate: float = 5e-4
    """Peak learning rate of everything but the encoder."""
    encoder_learning_rate: float = 2e-4
    """Peak learning rate of the encoder's last stage."""

    def __post_init__(self) -> None:
        if not self.stages or 0 in self.stages or self.epochs < 1:
            raise ValueError(
                "stages must be numbers other than 0 and epochs at least 1, "
                f"got {self.stages} and {self.epochs}"
            )
        for name in ("learning_rate", "encoder_learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class CaptionConfig:
    """A captioner and how it is trained."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    concepts: ConceptConfig = field(default_factory=ConceptConfig)
    text: TextConfig = field(default_factory=TextConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    phases: Annotated[tuple[Phase, ...], tyro.conf.arg(aliases=["--phases"])] = ("cross_entropy",)
    """What follows what, each phase from the best model of the one before: 'cross_entropy' on true
    captions as the trainer's settings say, 'unfreezing' likewise while the encoder learns too, and
    'self_critical'."""
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    sentences: SentencesConfig = field(default_factory=SentencesConfig)
    unfreezing: UnfreezingConfig = field(default_factory=UnfreezingConfig)
    self_critical: SelfCriticalConfig = field(default_factory=SelfCriticalConfig)
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
        if not self.phases or len(set(self.phases)) < len(self.phases):
            raise ValueError(f"phases must be some of {get_args(Phase)}, got {self.phases}")
        if self.decoder.concepts and not self.concepts.keep:
            raise ValueError(
                "decoder.concepts needs words that are recognised: set concepts.keep, such as to 8"
            )
        if self.concepts.keep and self.text.unit == "char":
            raise ValueError("concepts are words, and text.unit is 'char'; set concepts.keep to 0")
        if self.truncate < 0:
            raise ValueError(f"truncate must be at least 1, or 0 for no limit, got {self.truncate}")
