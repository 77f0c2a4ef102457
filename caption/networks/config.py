"""Settings of the caption writers; apart from them, so that `--help` need not load torch."""

from dataclasses import dataclass

from caption.networks.registry import CELLS, DECODERS, check_name


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Which caption writer, and its sizes; a kind of writer leaves out what it has no use for."""

    kind: str = "soft_attention"
    """Which network writes. For every word, soft_attention looks at the picture (Xu et al. 2015),
    att2in lets what it saw into the cell's input alone (Rennie et al. 2017), and updown looks with
    one recurrence and writes with another (Anderson et al. 2018); nic looks once, before the first
    word (Vinyals et al. 2015)."""
    cell: str = "lstm"
    """Which recurrence it is built around: rnn, gru, lstm, layer_norm_lstm or state_space."""
    layers: int = 1
    """Recurrences one above the other; each adds to what the one below it says."""
    word_dim: int = 300
    """Size of a word's embedding."""
    visual_dim: int = 512
    """Size that the encoder's feature vectors are projected to before anything reads them."""
    state_dim: int = 512
    """Size of the recurrence's state."""
    attention_dim: int = 256
    """Size of the space in which state and features are compared."""
    dropout: float = 0.5
    """Share of words, features and outputs that are zeroed in training."""
    variational_dropout: bool = False
    """One mask for all words of a caption, which holds for the recurrence too (Gal & Ghahramani
    2016); otherwise dropout draws anew for each word."""
    concepts: bool = False
    """Read the words that were recognised in the picture, as further places to look at; for kinds
    that look for every word."""
    copying: bool = False
    """Raise the scores of the recognised words, so that they may be said although they have seldom
    been; needs concepts."""
    tied: bool = False
    """Score a word by the vector that it is read as (Press & Wolf 2017), which halves the weights
    of the vocabulary."""
    styles: tuple[str, ...] = ()
    """Names of styles, ways of captioning, that the model has learnt besides its own."""

    def __post_init__(self) -> None:
        check_name(self.kind, DECODERS, "kind")
        check_name(self.cell, CELLS, "cell")
        if self.concepts and self.kind == "nic":
            raise ValueError("kind 'nic' looks once and cannot read concepts; choose another kind")
        if self.copying and not self.concepts:
            raise ValueError("copying needs concepts to copy; set concepts too")
        for name in ("layers", "word_dim", "visual_dim", "state_dim", "attention_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")
