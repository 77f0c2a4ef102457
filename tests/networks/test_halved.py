"""Weights that half precision holds are read from there, and nothing changes."""

from collections.abc import Callable

import pytest
import torch
from tiny_decoders import KINDS, WORDS, decoder_of, features_of
from torch import nn
from torch.testing import assert_close

from caption.models.weights import restored, stored
from caption.networks.cells.lstm import LSTM
from caption.networks.halved import ENGINES, HalvedLinear, HalvedLSTM, halved

pytestmark = pytest.mark.skipif(
    torch.backends.quantized.engine not in ENGINES, reason="this processor has no such layers"
)


def in_half(weight: torch.Tensor) -> torch.Tensor:
    return weight.half().float()


def in_eight_bits(weight: torch.Tensor) -> torch.Tensor:
    flat = weight.reshape(len(weight), -1)
    rounded = restored(stored({"": flat}, torch.int8))[""]
    return rounded.view_as(weight)


def rounded(network: nn.Module, how: Callable[[torch.Tensor], torch.Tensor] = in_half) -> nn.Module:
    """Return a network with weights such as a shared model has."""
    with torch.no_grad():
        for parameter in network.parameters():
            nn.init.uniform_(parameter, -0.5, 0.5)
            if parameter.ndim > 1:
                parameter[:, 0] = 0.75
                parameter.copy_(how(parameter))
    return network.eval()


@pytest.mark.parametrize("how", [in_half, in_eight_bits])
@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_a_halved_decoder_writes_the_same(kind, how) -> None:
    decoder, features = rounded(decoder_of(kind), how), features_of()
    quick = halved(decoder)
    assert not {type(layer) for layer in quick.modules()} & {nn.Linear, LSTM}
    assert not any(isinstance(layer, HalvedLinear) for layer in decoder.modules())
    states = [each.start(features, captions_per_image=2) for each in (decoder, quick)]
    for column in WORDS.unbind(dim=1):
        expected, states[0], _ = decoder.step(column, states[0])
        scores, states[1], _ = quick.step(column, states[1])
        assert_close(scores, expected, rtol=1e-5, atol=1e-5)


def test_what_is_not_halved_is_shared() -> None:
    decoder = rounded(decoder_of("soft_attention"))
    quick = halved(decoder)
    assert isinstance(quick.cell, HalvedLSTM)
    assert quick.embed.weight is decoder.embed.weight


def test_what_half_precision_would_round_stays_as_it_is() -> None:
    decoder = rounded(decoder_of("soft_attention"))
    with torch.no_grad():
        decoder.output_words.weight[0, 0] = 1 / 3
    quick = halved(decoder)
    assert type(quick.output_words) is nn.Linear
    assert isinstance(quick.gate, HalvedLinear)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.uniform_()
    assert halved(decoder) is decoder
