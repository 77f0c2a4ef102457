"""Settings of the question answerer and of its training; imports nothing heavy."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from caption.engine.config import OptimConfig, TrainerConfig

Inputs = Literal["both", "question", "image"]
Cell = Literal["lstm", "gru"]
Comparison = Literal["additive", "product"]
Fusion = Literal["concatenation", "hadamard", "residual"]
Outputs = Literal["softmax", "sigmoid"]
LearnFrom = Literal["all", "train"]
"""What fine-tuning learns in the end: with or without the questions that told when to stop."""


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """How question and picture become an answer."""

    inputs: Inputs = "both"
    """What the answer may depend on; a model that reads the question only shows how much can be
    guessed without looking, one that sees the image only how much without listening."""
    cell: Cell = "lstm"
    """Recurrence over the words of the question."""
    word_dim: int = 300
    """Size of a word's embedding."""
    state_dim: int = 1024
    """Size of the question's state, of both directions together."""
    num_layers: int = 1
    """Recurrences on top of each other."""
    bidirectional: bool = False
    """Read the question backwards too."""
    visual_dim: int = 512
    """Size that the encoder's feature vectors are projected to."""
    normalise: bool = True
    """Scale every position's feature vector to length 1 first."""
    comparison: Comparison = "product"
    """How question and position are compared: tanh(a + b) or relu(a) * relu(b)."""
    attention_dim: int = 512
    """Size of the space in which they are compared."""
    num_glimpses: int = 2
    """Looks at the picture, each with attention of its own."""
    fusion: Fusion = "residual"
    """How the question q joins what was seen, v: relu(q + v), relu(q) * relu(v), or the question
    with what was seen added, relu(q) * (1 + relu(v))."""
    fused_dim: int = 1024
    """Size of both together."""
    outputs: Outputs = "softmax"
    """softmax: exactly one answer is right; sigmoid: each is right or wrong by itself."""
    history_turns: int = 4
    """Questions of a dialog, with their answers, that are read before the one to answer."""
    concepts: int = 0
    """Words recognised in the picture that are read beside its places; 0 for none."""
    dropout: float = 0.5
    """Share of words, features and joint values that are zeroed in training."""

    def __post_init__(self) -> None:
        for name, choices in (
            ("inputs", Inputs),
            ("cell", Cell),
            ("comparison", Comparison),
            ("fusion", Fusion),
            ("outputs", Outputs),
        ):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(
                    f"{name} must be one of {get_args(choices)}, got {getattr(self, name)!r}"
                )
        for name in (
            *("word_dim", "state_dim", "num_layers", "visual_dim", "attention_dim"),
            *("num_glimpses", "fused_dim"),
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.bidirectional and self.state_dim % 2:
            raise ValueError(f"two directions cannot share a state_dim of {self.state_dim}")
        for name in ("history_turns", "concepts"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")

    @property
    def reads_concepts(self) -> bool:
        """Whether recognised words are read; a model that does not look reads none."""
        return self.concepts > 0 and self.inputs != "question"


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Which words and answers are learnt."""

    minimum_count: int = 1
    """Words of questions seen less often in training become unknown."""
    max_length: int = 40
    """Words of a question that are read."""
    max_answers: int = 3000
    """The most frequent answers become the classes; others cannot be given."""

    def __post_init__(self) -> None:
        for name in ("minimum_count", "max_length", "max_answers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class VqaConfig:
    """A question answerer and how it is trained."""

    head: HeadConfig = field(default_factory=HeadConfig)
    text: TextConfig = field(default_factory=TextConfig)
    batch_questions: int = 128
    """Questions in a batch."""
    asked_together: int = 4
    """Questions about an image that follow each other in training: it is read once for them."""
    trainer: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(epochs=20, optim=OptimConfig(warmup_steps=100))
    )

    def __post_init__(self) -> None:
        for name in ("batch_questions", "asked_together"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
