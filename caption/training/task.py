"""Learning to caption by cross-entropy: the problem that the trainer is given."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from caption.data.batches import (
    CaptionBatch,
    CaptionDataset,
    Collate,
    ImageReader,
    read_pixels,
    read_stored,
    shuffled,
)
from caption.data.coco import CaptionedImage, read_captions
from caption.engine.trainer import LossTerms
from caption.errors import DataError
from caption.evaluation.run import evaluate_captions, token_loss
from caption.models.captioner import CaptionModel
from caption.text.vocabulary import Vocabulary
from caption.training.config import CaptionConfig, TextConfig
from caption.vision.extract import store_features
from caption.vision.transforms import Augment, Preprocess


@dataclass(frozen=True)
class Split:
    """Images with captions and how they are read."""

    examples: Sequence[CaptionedImage]
    read: ImageReader
    pool: Sequence[CaptionedImage] = ()
    """More images, of which every epoch shows others."""
    from_pool: int = 0
    """How many."""

    def of_epoch(self, epoch: int, *, seed: int) -> Sequence[CaptionedImage]:
        """Return the images that an epoch shows."""
        if not self.from_pool:
            return self.examples
        drawn = random.Random(f"{seed} {epoch} pool").sample(self.pool, self.from_pool)
        return (*self.examples, *drawn)


class CaptionTask:
    """Cross-entropy on the training captions; free-running captions of the others are scored."""

    def __init__(
        self, config: CaptionConfig, model: CaptionModel, *, train: Split, validation: Split
    ) -> None:
        self.select_by: str = config.select_by
        self.config, self.model = config, model
        self.train, self.validation = train, validation
        model.encoder.set_trainable(
            config.trainable_stages, freeze_batch_norm=config.freeze_batch_norm
        )
        self._collate = Collate(
            model.vocabulary, captions_per_image=config.batch.captions_per_image
        )

    def loader(self, epoch: int) -> "DataLoader[Any]":
        """Return the training images of an epoch in batches."""
        batch, seed = self.config.batch, self.config.trainer.seed
        dataset = CaptionDataset(
            self.train.of_epoch(epoch, seed=seed),
            self.train.read,
            self.model.vocabulary,
            captions_per_image=batch.captions_per_image,
            max_length=self.config.text.max_length,
            seed=hash((seed, epoch)),
        )
        return DataLoader(
            dataset,
            batch_size=batch.images,
            sampler=shuffled(len(dataset), seed=seed, epoch=epoch),
            num_workers=batch.workers,
            collate_fn=self._collate,
            # Of its own, or starting the loader would draw from the generator that dropout uses.
            generator=torch.Generator(),
        )

    def count(self, batch: CaptionBatch) -> Tensor:
        """Return the number of words that are learnt from a batch."""
        return batch.mask.sum()

    def loss(self, model: nn.Module, batch: CaptionBatch) -> LossTerms:
        """Return the cross-entropy of a batch, smoothed and with the attention's penalty added."""
        objective = self.config.objective
        scores, weights = model(batch.images, batch.words, batch.styles)
        scores = scores.float()
        total = token_loss(
            scores, batch.targets, batch.mask, label_smoothing=objective.label_smoothing
        )
        if objective.doubly_stochastic:
            total = total + objective.doubly_stochastic * doubly_stochastic(weights, batch.mask)
        with torch.no_grad():
            reported = token_loss(scores, batch.targets, batch.mask)
        return LossTerms(total, reported)

    def validate(self) -> Mapping[str, float]:
        """Caption the validation images and score the captions."""
        report = evaluate_captions(
            self.model,
            self.validation.examples,
            self.validation.read,
            search=self.config.search,
            max_length=self.config.text.max_length,
            workers=self.config.batch.workers,
        )
        return report.metrics()

    def save(self, directory: Path, metrics: Mapping[str, float]) -> None:
        """Write the model directory."""
        scores = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        self.model.save_pretrained(directory, card=CARD.format(scores=scores or "not yet scored"))


CARD = """\
---
library_name: glimpse
pipeline_tag: image-to-text
---
# An image captioner

Written by Glimpse's `glimpse train captions`. Validation: {scores}.

    from caption import Captioner
    print(Captioner.from_pretrained("this directory")("photo.jpg").text)
"""


def doubly_stochastic(weights: Tensor, mask: Tensor) -> Tensor:
    """Return sum over captions and positions of (1 - total attention)^2 (Xu et al. 2015, eq. 14).

    Args:
        weights: attention [row, length, position].
        mask: [row, length], True at real words.
    """
    looked = (weights * mask.unsqueeze(-1)).sum(dim=1)
    real = mask.any(dim=1)
    return (1 - looked[real]).square().sum()


def build_vocabulary(config: TextConfig, examples: Sequence[CaptionedImage]) -> Vocabulary:
    """Return the vocabulary of the training captions."""
    return Vocabulary.build(
        (caption for example in examples for caption in example.captions),
        minimum_count=config.minimum_count,
        unit=config.unit,
    )


DataSource = tuple[Path, Path]
"""A COCO captions file and the directory of its images."""


def build_task(
    config: CaptionConfig,
    *,
    train: DataSource,
    validation: DataSource,
    features: Path | None = None,
    initial: str | None = None,
    encoder_weights: str = "imagenet",
    device: torch.device | None = None,
) -> CaptionTask:
    """Read the data, build or load the model, and store features if asked to.

    Args:
        config: how to train; sizes and vocabulary are the initial model's where there is one.
        train: what to learn.
        validation: what to select the best model by.
        features: directory for stored features, if the encoder stays as it is.
        initial: model directory or hub id to start from.
        encoder_weights: 'imagenet', 'random' or a safetensors file, for a new encoder.
        device: where features are extracted; the trainer moves the model to its own.
    """
    examples, held_out = read_captions(*train), read_captions(*validation)
    torch.manual_seed(config.trainer.seed)
    if initial is not None:
        model = CaptionModel.from_pretrained(initial)
    else:
        vocabulary = build_vocabulary(config.text, examples)
        model = CaptionModel(config.encoder, config.decoder, vocabulary)
        if encoder_weights != "random":
            model.encoder.load_weights(encoder_weights)
    return task_of(
        config, model, train=examples, validation=held_out, features=features, device=device
    )


def task_of(
    config: CaptionConfig,
    model: CaptionModel,
    *,
    train: Sequence[CaptionedImage],
    validation: Sequence[CaptionedImage],
    pool: Sequence[CaptionedImage] = (),
    from_pool: int = 0,
    features: Path | None = None,
    device: torch.device | None = None,
) -> CaptionTask:
    """Return the task of training a model on some images.

    Args:
        config: how to train.
        model: to start from.
        train: what to learn.
        validation: what to select the best model by.
        pool: more to learn, of which every epoch shows others.
        from_pool: how many.
        features: directory for stored features, if the encoder stays as it is.
        device: where features are extracted; the trainer moves the model to its own.
    """
    if features is None:
        preprocess = model.encoder.config.preprocess
        readers = [
            read_pixels(Preprocess(preprocess), Augment(preprocess, config.augment)),
            read_pixels(Preprocess(preprocess)),
        ]
    elif config.trainable_stages:
        raise DataError(
            "stored features are for a frozen encoder, but config.trainable_stages is "
            f"{config.trainable_stages}; leave one of the two out"
        )
    else:
        encoder = model.encoder.to(device).eval()
        readers = [
            read_stored(
                store_features(encoder, {e.image_id: e.source for e in some}, features / name)
            )
            for name, some in (("train", (*train, *pool)), ("validation", validation))
        ]
    return CaptionTask(
        config,
        model,
        train=Split(train, readers[0], pool, from_pool),
        validation=Split(validation, readers[1]),
    )
