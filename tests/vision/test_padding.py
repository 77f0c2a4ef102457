"""Strided convolutions pad as TensorFlow's "same" does, and nothing else changes by it."""

import hashlib
import json
from dataclasses import asdict

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from caption.models.directory import encoder_config
from caption.vision.config import EncoderConfig, PreprocessConfig
from caption.vision.encoder import ImageEncoder, build_classifier
from caption.vision.padding import SameConv2d, pad_as_tensorflow

SMALL = PreprocessConfig(size=(64, 96))


def encoder(architecture: str = "mobilenet_v2", **options) -> ImageEncoder:
    return ImageEncoder(EncoderConfig(architecture=architecture, preprocess=SMALL, **options))


def awake(network: nn.Module) -> nn.Module:
    """Let BatchNorm scale what passes by what it sees: random weights let almost nothing pass."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.rand(4, 3, 64, 96))
    return network.eval()


def padding_of_tensorflow(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return what its documentation says of "SAME"."""
    whole = max(kernel - (size % stride or stride), 0)
    return whole // 2, whole - whole // 2


sides = st.tuples(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4))


@settings(deadline=None, max_examples=60)
@given(rows=sides, columns=sides)
def test_a_convolution_is_that_of_a_picture_padded_as_tensorflow_says(rows, columns) -> None:
    sizes, kernels, strides = zip(rows, columns, strict=True)
    convolution = SameConv2d(2, 3, kernels, stride=strides)
    picture = torch.randn(1, 2, *sizes)
    above, below = padding_of_tensorflow(*rows)
    left, right = padding_of_tensorflow(*columns)
    padded = F.pad(picture, (left, right, above, below))
    expected = F.conv2d(padded, convolution.weight, convolution.bias, stride=strides)
    found = convolution(picture)
    assert_close(found, expected)
    assert found.shape[2:] == tuple(-(-s // t) for s, t in zip(sizes, strides, strict=True))


def test_the_odd_pixel_is_padded_below_and_right() -> None:
    convolution = SameConv2d(1, 1, 3, stride=2, bias=False)
    nn.init.ones_(convolution.weight)
    picture = torch.tensor([[[[1.0, 2, 3, 4]] * 4]])
    # Of four columns the windows are 1-3 and 3-4; torch, with one of zeros on each side, has 1-2.
    assert convolution(picture)[0, 0].tolist() == [[18, 21], [12, 14]]
    nn.Conv2d.__init__(convolution, 1, 1, 3, stride=2, padding=1, bias=False)
    nn.init.ones_(convolution.weight)
    assert nn.Conv2d.forward(convolution, picture)[0, 0].tolist() == [[6, 18], [9, 27]]


def test_only_strided_convolutions_change() -> None:
    plain = awake(build_classifier("mobilenet_v2", "symmetric"))
    network = build_classifier("mobilenet_v2", "same")
    names = {name for name, part in network.named_modules() if isinstance(part, SameConv2d)}
    strided = {
        name
        for name, part in plain.named_modules()
        if isinstance(part, nn.Conv2d) and part.stride != (1, 1)
    }
    assert names == strided
    assert len(names) == 5
    before, after = plain.state_dict(), network.state_dict()
    assert list(after) == list(before)
    odd = torch.rand(1, 3, 33, 65)  # padded alike on both sides, by both
    network.load_state_dict(before)
    with torch.no_grad():
        assert_close(network.eval()(odd), plain(odd))
        even = torch.rand(1, 3, 64, 64)
        assert not torch.allclose(network(even), plain(even))


def test_padding_a_network_twice_is_padding_it_once() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1))
    pad_as_tensorflow(network)
    once = network(torch.ones(1, 3, 8, 8))
    pad_as_tensorflow(network)
    assert network(torch.ones(1, 3, 8, 8)).equal(once)


def test_an_encoder_of_either_padding_has_the_same_weights_and_sees_differently() -> None:
    plain, same = encoder().eval(), encoder(padding="same").eval()
    awake(plain.network).eval()
    assert list(same.state_dict()) == list(plain.state_dict())
    assert (same.grid_size, same.stages) == (plain.grid_size, plain.stages)
    same.load_state_dict(plain.state_dict())
    pixels = torch.rand(1, 3, 64, 96)
    classifier = build_classifier("mobilenet_v2", "same").eval()
    classifier.load_state_dict(plain.network.state_dict(), strict=False)
    with torch.no_grad():
        found = same(pixels)
        assert float(found.mean()) > 0.1
        expected = classifier.features(pixels).flatten(2).transpose(1, 2)
        assert_close(found, expected, atol=1e-3, rtol=0)  # channels-last adds up otherwise
        assert (found - plain(pixels)).abs().max() > 0.1
    assert same.fingerprint() != plain.fingerprint()


def test_a_config_of_before_means_the_padding_of_before() -> None:
    values = asdict(EncoderConfig(preprocess=SMALL))
    del values["padding"]
    assert encoder_config(values) == EncoderConfig(preprocess=SMALL)


def test_the_fingerprint_of_an_encoder_of_before_is_what_it_was() -> None:
    network = encoder("shufflenet_v2_x0_5")
    config = asdict(network.config)
    assert config.pop("padding") == "symmetric"
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for name, tensor in sorted(network.network.state_dict().items()):
        if not name.endswith("num_batches_tracked"):
            digest.update(name.encode())
            digest.update(tensor.contiguous().numpy().tobytes())
    assert network.fingerprint() == digest.hexdigest()[:16]
