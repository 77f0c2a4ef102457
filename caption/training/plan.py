"""How long and how deep to fine-tune, by the number of images."""

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from caption.engine.config import OptimConfig, Precision, TrainerConfig
from caption.models.captioner import CaptionModel
from caption.text.language import Language
from caption.training.config import BatchConfig, CaptionConfig
from caption.training.phases import Stage
from caption.vision.encoder import ALL_STAGES

HUNDREDS, THOUSANDS = 100, 1500
"""Images from which on there are hundreds and thousands of them."""


def stages_for(
    num_images: int,
    *,
    num_replayed: int = 0,
    new_words: bool = False,
    epochs: int | None = None,
    deeper: bool | None = None,
    seed: int = 0,
) -> list[Stage]:
    """Return how to fine-tune on so many images: a frozen encoder first, deeper with thousands.

    Args:
        num_images: to learn from.
        num_replayed: old images that an epoch shows besides.
        new_words: whether the words are those of another language, all of them new.
        epochs: how often they are gone through with a frozen encoder; by default the fewer images,
            the more often, and longer for new words.
        deeper: whether the encoder learns too, afterwards; by default with thousands of images.
        seed: of everything that is left to chance.
    """
    shown = num_images + num_replayed
    batch = 8 if shown < 5 * HUNDREDS else 16 if shown < THOUSANDS else 32
    usual = 20 if num_images < HUNDREDS else 14 if num_images < THOUSANDS else 8
    epochs = epochs or (2 * usual if new_words else usual)
    updates = epochs * math.ceil(shown / batch)
    frozen = CaptionConfig(
        batch=BatchConfig(images=batch, workers=0),
        trainer=TrainerConfig(
            epochs=epochs,
            patience=4,
            precision=quick_precision(),
            seed=seed,
            optim=OptimConfig(
                learning_rate=1e-3 if new_words else 2e-4, warmup_steps=max(1, updates // 20)
            ),
        ),
        # CIDEr-D of a few captions jumps up and down; the likelihood of many words does not.
        select_by="log_likelihood" if num_images < THOUSANDS else "cider_d",
    )
    first = Stage("with a frozen encoder", frozen)
    if not (num_images >= THOUSANDS if deeper is None else deeper):
        return [first]
    whole = replace(
        frozen,
        batch=BatchConfig(images=batch),
        trainable_stages=ALL_STAGES,
        trainer=replace(
            frozen.trainer,
            epochs=4,
            optim=replace(frozen.trainer.optim, learning_rate=1e-4, encoder_learning_rate=5e-5),
        ),
    )
    return [first, Stage("with all of it", whole)]


def in_another_language(model: CaptionModel, language: Language) -> str:
    """Return what is kept of a model that is to write in another language, in a sentence."""
    before = model.vocabulary.language
    concepts = f"; the words that it recognises are {before}, and are given up"
    return (
        f"the model writes {before}: its eyes and its attention are kept, and the {language.unit}s "
        f"of {language} are begun anew, which takes longer{concepts if model.concepts else ''}"
    )


def in_its_language(language: Language) -> str:
    """Return what is kept of a model that writes a language already, in a sentence."""
    return f"the model writes {language} already: its eyes and its {language.unit}s are kept"


def quick_precision() -> Precision:
    """Return bf16 where the processor multiplies it in hardware, which is twice as fast or more."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "no"
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "no"


def time_needed(model: CaptionModel, stages: Sequence[Stage], num_images: int) -> float:
    """Return how many seconds the stages will take here, about: one update of each is timed."""
    return sum(
        _seconds_of_update(model, stage.config)
        * math.ceil(num_images / stage.config.batch.images)
        * stage.epochs
        for stage in stages
    )


def _seconds_of_update(model: CaptionModel, config: CaptionConfig) -> float:
    """Return the seconds that a batch takes forwards and backwards."""
    model = copy.deepcopy(model)
    model.encoder.set_trainable(config.trainable_stages)
    num_images, num_rows = config.batch.images, 5 * config.batch.images
    rows, columns = model.encoder.grid_size
    images = (
        torch.rand(num_images, 3, *model.encoder.config.preprocess.size)
        if config.trainable_stages
        else torch.rand(num_images, rows * columns, model.encoder.feature_dim)
    ).to(model.device)
    words = torch.randint(4, len(model.vocabulary), (num_rows, 18), device=model.device)
    seconds = math.inf
    for _ in range(3):  # the first is slow to start
        begun = time.perf_counter()
        with torch.autocast(
            model.device.type, torch.bfloat16, enabled=config.trainer.precision == "bf16"
        ):
            scores, _ = model.train()(images, words)
            loss = scores.float().logsumexp(dim=-1).sum()
        loss.backward()
        loss.item()  # a GPU may still be at work
        seconds = min(seconds, time.perf_counter() - begun)
    return seconds
