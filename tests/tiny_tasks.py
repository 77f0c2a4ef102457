"""Tasks of captioning a few pictures."""

from collections.abc import Sequence
from pathlib import Path

from caption.data.captioned import CaptionedImage
from caption.training.config import CaptionConfig
from caption.training.start import initial_model, trained_model
from caption.training.task import CaptionTask, task_of


def build_task(
    config: CaptionConfig,
    images: Sequence[CaptionedImage],
    *,
    features: Path | None = None,
    initial: str | None = None,
) -> CaptionTask:
    """Return the task of learning some images and of captioning the same."""
    trained = trained_model(config, initial)
    model = initial_model(config, images, trained=trained, encoder_weights="random")
    return task_of(config, model, train=images, validation=images, features=features)
