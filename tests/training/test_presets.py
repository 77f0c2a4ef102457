"""Presets do what was published."""

import pytest
import torch
from torch import nn

from caption.engine.optim import build_optimizer, build_schedule
from caption.networks.decoder import build_decoder
from caption.training.phases import stages_of
from caption.training.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_the_learning_rate_takes_the_published_course(name) -> None:
    first, second = stages_of(PRESETS[name])
    assert rates(first.config)[:7] == pytest.approx([5e-4] * 3 + [4e-4] * 3 + [3.2e-4])
    assert len(rates(first.config)) == 30
    assert rates(second.config) == pytest.approx([5e-5] * 20)


def rates(config) -> list[float]:
    """Return the learning rate at the beginning of each epoch of two updates."""
    epochs, optim = config.trainer.epochs, config.trainer.optim
    optimizer = build_optimizer(nn.Linear(1, 1), optim, {})
    schedule = build_schedule(optimizer, optim, epochs=epochs, updates_per_epoch=2)
    found = []
    for _ in range(epochs):
        found += schedule.get_last_lr()[:1]
        for _ in range(2):
            optimizer.step()
            schedule.step()
    return found


@pytest.mark.parametrize(("name", "millions"), [("coco-resnet101", 15.5), ("coco-updown", 52.1)])
def test_a_decoder_is_as_large_as_the_published_one(name, millions) -> None:
    """Those of self-critical.pytorch project the mean feature by weights of its own."""
    config = PRESETS[name].decoder
    of_the_mean = 2049 * config.visual_dim / 1e6
    with torch.device("meta"):
        decoder = build_decoder(config, feature_dim=2048, vocabulary_size=9488)
    ours = sum(p.numel() for p in decoder.parameters()) / 1e6
    assert ours + of_the_mean == pytest.approx(millions, abs=0.06)
