"""What the rest of the house knows of a network that writes captions, and no more.

A decoder reads an image's features once (`start`) and then one word after the other (`step`). What
it remembers in between is its own affair: others carry its state along, and select rows of it. The
same steps are taken in training (`forward`) and in search.
"""

from typing import Any, Protocol, TypeVar, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor

from caption.networks.cells.cell import CellState
from caption.networks.concepts import Concepts
from caption.networks.config import DecoderConfig
from caption.networks.registry import DECODERS, class_of

Own = TypeVar("Own")


@runtime_checkable
class DecoderState(Protocol):
    """What a decoder carries from word to word: a row for each caption, image-major."""

    def select(
        self: Own, rows: Int[Tensor, " row"], images: Int[Tensor, " image"] | None = None, /
    ) -> Own:
        """Return the state of these rows, which may repeat, and of these images if not of all."""
        ...


State = TypeVar("State", bound=DecoderState)
State_contra = TypeVar("State_contra", bound=DecoderState, contravariant=True)


@runtime_checkable
class Decoder(Protocol[State]):
    """A network that scores the next word, given an image's features and the words so far.

    It is an `nn.Module` made with `(config, *, feature_dim, vocabulary_size)`.
    """

    config: DecoderConfig
    word_tables: tuple[str, ...]
    """Names of its weights that have a row for each word: these grow with the vocabulary."""
    style_tables: tuple[str, ...]
    """Names of its weights that have a row for its own style and each of `config.styles`."""
    has_attention: bool
    """Whether it attends to the grid and says where; what it traces is None if not."""
    truncate: int
    """Steps through which gradients flow back in `forward` at most, 0 for all. Training sets it: it
    is no part of a model."""

    def start(
        self,
        features: Float[Tensor, "image position feature"],
        *,
        captions_per_image: int = 1,
        styles: Int[Tensor, " row"] | None = None,
    ) -> State:
        """Return the state before the first word, the rows of an image side by side.

        Args:
            features: of the images.
            captions_per_image: rows for each of them.
            styles: the style of each row, 0 for the model's own; by default all are that.
        """
        ...

    def step(
        self, words: Int[Tensor, " row"], state: State
    ) -> tuple[Float[Tensor, "row vocabulary"], State, Float[Tensor, "row place"] | None]:
        """Read a word of each row; return scores of the next, the state and where it looked."""
        ...

    def __call__(
        self,
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"],
        styles: Int[Tensor, " row"] | None = None,
    ) -> tuple[Float[Tensor, "row length vocabulary"], Float[Tensor, "row length place"] | None]:
        """Score every next word given the true previous ones (teacher forcing).

        Says where it looked for each, too.
        """
        ...


@runtime_checkable
class Recurrent(Protocol[State_contra]):
    """A decoder that is built around a recurrence and lets others see it; none has to."""

    def recurrent_state(self, state: State_contra, /) -> CellState:
        """Return the recurrence's part of a state: the very tensors that the next step reads.

        The first is the hidden state, from which the word is written.
        """
        ...


@runtime_checkable
class ScoresSome(Protocol):
    """A decoder that can score only the words that are asked for; none has to."""

    def scores_at(
        self,
        mask: Bool[Tensor, "row length"],
        words: Int[Tensor, "row length"],
        features: Float[Tensor, "image position feature"] | None,
        styles: Int[Tensor, " row"] | None = None,
        concepts: Concepts | None = None,
    ) -> tuple[Float[Tensor, "word vocabulary"], Float[Tensor, "row length place"] | None]:
        """Return what a call of the decoder does, with the scores where the mask is True alone.

        Concepts are given to those whose config reads them, and to them perhaps without features.
        """
        ...


def build_decoder(config: DecoderConfig, *, feature_dim: int, vocabulary_size: int) -> Decoder[Any]:
    """Return a new decoder of the kind that the config names."""
    kind = class_of(config.kind, DECODERS)
    return kind(config, feature_dim=feature_dim, vocabulary_size=vocabulary_size)
