"""An encoder without its normalisations sees what it saw with them."""

import pytest
import torch
from torch import nn

from caption.vision.config import EncoderConfig, PreprocessConfig
from caption.vision.encoder import ImageEncoder
from caption.vision.extract import FeatureExtractor
from caption.vision.folding import fold_batch_norms

SMALL = PreprocessConfig(size=(64, 64))


def norms(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def disturbed(network: nn.Module) -> nn.Module:
    """Return a network whose normalisations do something."""
    for norm in norms(network):
        for tensor in (norm.weight, norm.running_var):
            nn.init.uniform_(tensor, 0.5, 2)
        for tensor in (norm.bias, norm.running_mean):
            nn.init.uniform_(tensor, -0.5, 0.5)
    return network.eval()


def moved(architecture: str, padding: str) -> ImageEncoder:
    config = EncoderConfig(architecture=architecture, padding=padding, preprocess=SMALL)
    return disturbed(ImageEncoder(config))


@pytest.mark.parametrize("padding", ["symmetric", "same"])
def test_folding_changes_no_feature_and_not_the_encoder(padding) -> None:
    encoder = moved("mobilenet_v2", padding)
    fingerprint, count = encoder.fingerprint(), len(norms(encoder))
    quick = encoder.folded()
    assert norms(quick) == []
    pixels = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(quick(pixels), encoder(pixels), rtol=1e-4, atol=1e-5)
    assert len(norms(encoder)) == count
    assert encoder.fingerprint() == fingerprint


class BeforeAndAfter(nn.Module):
    """Only the last of its normalisations is of a convolution, and of nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.convolve, self.second = (
            nn.BatchNorm2d(3),
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
        )
        self.last = nn.Sequential(nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5), nn.ReLU())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        convolved = self.convolve(self.first(pixels))
        return self.last(self.second(convolved) + convolved)


def test_what_is_not_of_one_convolution_alone_is_left() -> None:
    network = disturbed(BeforeAndAfter())
    quick, pixels = fold_batch_norms(network), torch.rand(2, 3, 8, 8)
    assert len(norms(quick)) == 2
    torch.testing.assert_close(quick(pixels), network(pixels))


def test_features_are_the_encoders_though_it_learns_later() -> None:
    encoder = moved("mobilenet_v2", "symmetric")
    extract = FeatureExtractor(encoder)
    pixels = torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8)
    before = extract.encode_pixels(pixels)
    assert before.encoder_id == encoder.fingerprint()
    with torch.no_grad():
        norms(encoder)[0].bias.add_(1)
    torch.testing.assert_close(extract.encode_pixels(pixels).grid, before.grid)
