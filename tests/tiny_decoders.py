"""Decoders of every kind, so small that a law is proven in milliseconds."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from caption.networks.config import DecoderConfig
from caption.networks.decoder import Decoder, build_decoder

KINDS = ("soft_attention", "att2in", "updown", "nic")
CELLS_OF_TESTS = {"mean": f"{__name__}:RunningMean"}
FEATURE_DIM, POSITIONS, VOCABULARY_SIZE = 8, 6, 11
WORDS = torch.tensor([[1, 4, 5], [1, 6, 0], [1, 7, 8], [1, 9, 10]])
"""Two captions for each of two images."""


def decoder_of(kind: str, *, cell: str = "lstm", **settings: Any) -> Decoder[Any]:
    """Return a decoder in training mode; no size in it is another's."""
    config = DecoderConfig(
        **{"kind": kind, "cell": cell, "word_dim": 5, "visual_dim": 6, "state_dim": 7}
        | {"attention_dim": 4}
        | settings
    )
    return build_decoder(config, feature_dim=FEATURE_DIM, vocabulary_size=VOCABULARY_SIZE)


def assert_forced_as_searched(decoder: Decoder[Any], words: Tensor, features: Tensor) -> None:
    """Teacher forcing of two captions of each image takes the same steps as search."""
    scores, weights = decoder(words, features)
    state = decoder.start(features, captions_per_image=2)
    for position, column in enumerate(words.unbind(dim=1)):
        score, state, looked = decoder.step(column, state)
        assert_close(scores[:, position], score)
        assert_close(None if weights is None else weights[:, position], looked)


def features_of(images: int = 2) -> Tensor:
    """Return random features."""
    return torch.rand(images, POSITIONS, FEATURE_DIM)


class RunningMean(nn.Module):
    """A cell whose hidden state is all that it remembers, a running mean."""

    @staticmethod
    def initial_dim(state_dim: int) -> int:
        return state_dim

    def __init__(self, input_dim: int, state_dim: int) -> None:
        super().__init__()
        self.read = nn.Linear(input_dim, state_dim)

    def start(self, initial: Tensor) -> tuple[Tensor, ...]:
        return (initial,)

    def step(self, inputs: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return ((state[0] + torch.tanh(self.read(inputs))) / 2,)
