"""A trained captioner goes on to learn pictures of one's own: how long, how deep, from which.

What is decided here is decided by the number of images; everything else is ordinary training.
"""

import copy
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from caption.annotations import CaptionedImage
from caption.config import BatchConfig, CaptionConfig, SearchConfig, TextConfig
from caption.data import read_pixels
from caption.engine.config import OptimConfig, Precision, TrainerConfig
from caption.engine.trainer import Trainer
from caption.errors import DataError
from caption.evaluate import evaluate_captions
from caption.formats import Entry
from caption.locate import divided
from caption.metrics.compare import compare
from caption.metrics.diagnostics import diagnose
from caption.model import CaptionModel
from caption.pretrained import install_model
from caption.report import Report, Rival
from caption.task import task_of
from caption.vision.encoder import ALL_STAGES
from caption.vision.image import ImageFile, Preprocess

ORIGINAL = "original"
"""The style that a model had before it was fine-tuned with replay."""

REPLAY_RATIO = 3
"""Old images for each new one in an epoch."""
REPLAY_POOL = 2000
"""Old images that are drawn from, unless it is said how many."""
MINIMUM_COUNT = 2
"""How often a word is to be seen before the model learns it."""
HUNDREDS, THOUSANDS = 100, 1500
"""Images from which on there are hundreds and thousands of them."""


@dataclass(frozen=True)
class Parts:
    """A data set by what its images are for; no picture is in two of them."""

    train: tuple[CaptionedImage, ...]
    validation: tuple[CaptionedImage, ...]
    """To stop in time."""
    held_out: tuple[CaptionedImage, ...]
    """To tell how good the outcome is: never looked at in training."""
    replay: tuple[CaptionedImage, ...] = ()
    """What the model learnt before, against forgetting."""

    @property
    def num_replayed(self) -> int:
        """How many of the old images an epoch shows."""
        return min(len(self.replay), REPLAY_RATIO * len(self.train))


def divide(
    entries: Sequence[Entry], digests: Mapping[ImageFile, str], *, held_out: float, seed: int
) -> Parts:
    """Divide a data set as it says itself, or else by chance, as `divided` does.

    Args:
        entries: the images.
        digests: of their pixels.
        held_out: share that is held out where the data set does not say.
        seed: of the chance.

    Raises:
        DataError: there are too few images.
    """
    parts = divided(
        entries,
        [entry.split for entry in entries],
        [digests.get(entry.source, str(entry.source)) for entry in entries],
        held_out=held_out,
        seed=seed,
    )
    return Parts(*(tuple(map(captioned, part)) for part in parts))


def captioned(entry: Entry) -> CaptionedImage:
    """Return an image of a data set as training wants it."""
    return CaptionedImage(entry.name, entry.source, entry.captions)


def replayed(
    entries: Sequence[Entry], count: int, *, style: int, seed: int
) -> tuple[CaptionedImage, ...]:
    """Return some images of the old data, with their captions in the old style."""
    usable = [entry for entry in entries if entry.captions and entry.split in ("train", "")]
    if not usable:
        raise DataError("the data to replay has no captioned images to train on")
    chosen = random.Random(seed).sample(usable, min(count, len(usable)))  # noqa: S311
    # In their own name space, as the same names may be in the new data.
    return tuple(
        replace(captioned(entry), image_id=f"replayed {entry.name}", style=style)
        for entry in chosen
    )


@dataclass(frozen=True)
class Stage:
    """One run of training."""

    name: str
    config: CaptionConfig

    @property
    def epochs(self) -> int:
        """How often the images are gone through, unless validation stops it."""
        return self.config.trainer.epochs


def stages_for(
    num_images: int,
    *,
    num_replayed: int = 0,
    epochs: int | None = None,
    deeper: bool | None = None,
    seed: int = 0,
) -> list[Stage]:
    """Return how to fine-tune on so many images: a frozen encoder first, deeper with thousands.

    Args:
        num_images: to learn from.
        num_replayed: old images that an epoch shows besides.
        epochs: how often they are gone through with a frozen encoder; by default the fewer images,
            the more often.
        deeper: whether the encoder learns too, afterwards; by default with thousands of images.
        seed: of everything that is left to chance.
    """
    shown = num_images + num_replayed
    batch = 8 if shown < 5 * HUNDREDS else 16 if shown < THOUSANDS else 32
    usual = 20 if num_images < HUNDREDS else 14 if num_images < THOUSANDS else 8
    epochs = epochs or usual
    updates = epochs * math.ceil(shown / batch)
    frozen = CaptionConfig(
        batch=BatchConfig(images=batch, workers=0),
        trainer=TrainerConfig(
            epochs=epochs,
            patience=4,
            precision=quick_precision(),
            seed=seed,
            optim=OptimConfig(learning_rate=2e-4, warmup_steps=max(1, updates // 20)),
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


def finetune(
    model: CaptionModel, parts: Parts, stages: Sequence[Stage], run: Path, *, resume: bool = False
) -> CaptionModel | None:
    """Train a model in stages and return the best that came of it, or None if a signal stopped it.

    Args:
        model: to start from, with the words of the new captions.
        parts: what to learn and what to validate by.
        stages: one run of training each.
        run: directory of the runs and of stored features.
        resume: continue where an earlier call was stopped.
    """
    best, best_score = model, -math.inf
    for number, stage in enumerate(stages):
        trainer = Trainer(stage.config.trainer)
        frozen = stage.config.trainable_stages == 0
        task = task_of(
            stage.config,
            best,
            train=parts.train,
            validation=parts.validation,
            pool=parts.replay,
            from_pool=parts.num_replayed,
            features=run / "features" if frozen else None,
            device=trainer.device,
        )
        directory = run / f"stage-{number}"
        begun = (directory / "state.pt").exists()
        outcome = trainer.fit(task, directory, resume=resume and begun)
        if not outcome.finished:
            return None
        if outcome.best > best_score:
            best, best_score = CaptionModel.from_pretrained(directory / "best"), outcome.best
    return best


def compare_models(
    new: CaptionModel, old: CaptionModel, images: Sequence[CaptionedImage], *, data: str
) -> Report:
    """Return how much better a model captions images than the one that it came from.

    Args:
        new: the one.
        old: the other, on the device that is to be used.
        images: that neither has learnt from.
        data: what they are, for the report.
    """
    search = SearchConfig()
    reports = [
        evaluate_captions(
            model.to(old.device).eval(),
            images,
            read_pixels(Preprocess(model.encoder.config.preprocess)),
            search=search,
            max_length=TextConfig().max_length,
        )
        for model in (new, old)
    ]
    after, before = reports
    rival = Rival("before", before.captions, before.scores, compare(after.scores, before.scores))
    return Report(
        protocol={
            "references": f"{data}, {len(images)} held-out images",
            "captions": f"after fine-tuning, beam {search.num_beams}; the other: before",
            "tokeniser": "official (PTB), lower case, no punctuation",
            "end of caption": "not scored",
            "rare words are those of": "these references",
        },
        captions=after.captions,
        references={image.image_id: image.captions for image in images},
        scores=after.scores,
        diagnostics=diagnose(after.captions.values(), None),
        perplexity=after.perplexity,
        rival=rival,
    )


CARD = """\
---
library_name: glimpse
pipeline_tag: image-to-text
---
# An image captioner, fine-tuned

Written by Glimpse's `scripts/finetune_caption.py` from {source}, on {data}: {num_train} images to
learn from. {num_held_out} held-out images, CIDEr-D {before:.3f} before and {after:.3f} after, a
difference of {difference:+.3f} (95 % interval {low:+.3f} to {high:+.3f}).

    from caption import Captioner
    print(Captioner.from_pretrained("this directory")("photo.jpg").text)
"""


def install(
    model: CaptionModel, directory: Path, report: Report, *, source: str, data: str, num_train: int
) -> None:
    """Write a model directory with its report, beside what is in the directory already.

    Args:
        model: to write.
        directory: where to; its `training` stays.
        report: of `compare_models`.
        source: the model that it came from, for the card.
        data: what it learnt, for the card.
        num_train: images that it learnt from.
    """
    if report.rival is None:
        raise ValueError("the report should compare the model with the one that it came from")
    change = report.rival.differences["cider_d"]
    card = CARD.format(
        source=source,
        data=data,
        num_train=num_train,
        num_held_out=len(report.captions),
        before=report.rival.scores.cider_d,
        after=report.scores.cider_d,
        difference=change.difference,
        low=change.interval[0],
        high=change.interval[1],
    )
    whole = directory / "training" / "model"
    model.save_pretrained(whole, card=card)
    install_model(whole, directory)
