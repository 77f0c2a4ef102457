"""Compiling changes how quickly a captioner learns, and not what."""

import functools
from collections.abc import Iterator

import pytest
import torch

from caption.models.captioner import CaptionModel

# Warnings of the compiler's own parts are no concern of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

LENGTHS = range(2, 14)


@pytest.fixture
def compiler(request, monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=request.param))
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def gradients(model: CaptionModel) -> list[torch.Tensor]:
    """Return what the model learns from captions of many lengths."""
    features = torch.rand(2, 6, model.encoder.feature_dim, generator=torch.Generator())
    model.zero_grad()
    for length in LENGTHS:
        words = torch.arange(4 * length).view(4, length) % len(model.vocabulary)
        scores, weights = model(features.to(model.device), words.to(model.device))
        (scores.square().mean() + weights[..., 0].mean()).backward()
    return [p.grad.clone() for p in model.decoder.parameters() if p.grad is not None]


def check(model: CaptionModel) -> None:
    from torch._dynamo.utils import counters  # slow to import

    counters.clear()
    expected = gradients(model)
    model.compile()
    for compiled, eager in zip(gradients(model), expected, strict=True):
        torch.testing.assert_close(compiled, eager, rtol=1e-4, atol=1e-5)
    # Compiled as a whole, it would be traced for every length.
    assert 1 <= counters["stats"]["unique_graphs"] < len(LENGTHS) / 2


# Tracing is quick; generating code for a processor takes minutes.
@pytest.mark.parametrize("compiler", ["eager"], indirect=True)
@pytest.mark.usefixtures("compiler")
def test_a_traced_captioner_learns_the_same_and_no_length_is_traced_anew(tiny_model) -> None:
    check(tiny_model)


@pytest.mark.gpu
@pytest.mark.parametrize("compiler", ["inductor"], indirect=True)
@pytest.mark.usefixtures("compiler")
def test_a_compiled_captioner_learns_the_same_on_the_gpu(tiny_model) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    check(tiny_model.cuda())
