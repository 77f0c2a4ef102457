"""Settings of the caption writers; apart from them, so that `--help` need not load torch."""

from dataclasses import dataclass


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
