"""Learning to caption: the problem that the trainer is given."""

import random
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from caption.data.batches import (
    CaptionBatch,
    CaptionDataset,
    Collate,
    ImageReader,
    encode_captions,
    read_pixels,
    read_stored,
    shuffled,
)
from caption.data.captioned import CaptionedImage
from caption.engine.task import LossTerms
from caption.errors import DataError, ModelError
from caption.evaluation.run import evaluate_captions
from caption.models.captioner import CaptionModel
from caption.training.config import CaptionConfig
from caption.training.knowledge import (
    Knowledge,
    Recognition,
    WithKnowledge,
    refuse_unlearnable,
)
from caption.training.objectives import CrossEntropy, Objective
from caption.training.self_critical import SelfCritical, reward_of
from caption.training.sentences import SentenceObjective
from caption.vision.extract import store_features
from caption.vision.transforms import Augment, Preprocess


@dataclass(frozen=True)
class Pool:
    """More images to learn from, of which every epoch shows others."""

    images: Sequence[CaptionedImage]
    """Without captions they teach no more than what is to be recognised in them."""
    shown: int
    """How many an epoch shows; more than there are shows some again."""

    def of_epoch(self, chance: random.Random) -> list[int]:
        """Return the places of the images that are drawn for an epoch."""
        again, rest = divmod(self.shown, len(self.images))
        places = range(len(self.images))
        return [*chance.sample(places, rest), *(place for _ in range(again) for place in places)]


@dataclass(frozen=True)
class ImageSet:
    """Captioned images and how they are read."""

    images: Sequence[CaptionedImage]
    read: ImageReader
    pools: Sequence[Pool] = ()
    """Those without captions come last: rewards have the numbers of the images that have some."""

    @property
    def whole(self) -> Sequence[CaptionedImage]:
        """All images, in the order by which a batch says which of them a row is of."""
        return (*self.images, *(image for pool in self.pools for image in pool.images))

    def of_epoch(self, epoch: int, *, seed: int) -> list[int]:
        """Return the places, in the whole, of the images that an epoch shows."""
        chance = random.Random(f"{seed} {epoch} pool")
        places, first = [*range(len(self.images))], len(self.images)
        for pool in self.pools:
            places += (first + place for place in pool.of_epoch(chance))
            first += len(pool.images)
        return places


class CaptionTask:
    """Training captions, learnt by an objective; free-running captions of other images scored."""

    def __init__(
        self,
        config: CaptionConfig,
        model: CaptionModel,
        *,
        train: ImageSet,
        validation: ImageSet,
        objective: Objective | None = None,
        knowledge: Knowledge | None = None,
    ) -> None:
        """Make the task of training a model.

        Args:
            config: how to train.
            model: to start from.
            train: what to learn.
            validation: what to select the best model by.
            objective: what to minimise; by default that of the config's first phase.
            knowledge: what is to be learnt beside the captions.
        """
        self.select_by: str = config.select_by
        self.config, self.model = config, model
        model.confidence = model.companion = None  # those to come are other captions
        self.train, self.validation = train, validation
        model.encoder.set_trainable(
            config.trainable_stages, freeze_batch_norm=config.freeze_batch_norm
        )
        model.decoder.truncate = config.truncate
        self._encoded = encode_captions(
            train.whole, model.vocabulary, max_length=config.text.max_length
        )
        self._collate = Collate(
            model.vocabulary, captions_per_image=config.batch.captions_per_image
        )
        self.objective = objective or self._with_knowledge(
            self._objective(), knowledge or Knowledge()
        )

    def _with_knowledge(self, objective: Objective, knowledge: Knowledge) -> Objective:
        """Return an objective with recognition and sentences beside it, if there are any."""
        config, model = self.config, self.model
        recognition = None
        if model.concepts is not None and config.recognition.weight:
            recognition = Recognition(
                self._encoded,
                knowledge.labels,
                model.concepts.words,
                before=deepcopy(model.concepts) if knowledge.keeps else None,
            )
        sentences = None
        if knowledge.sentences:
            sentences = SentenceObjective(
                config.sentences,
                knowledge.sentences,
                model,
                max_length=config.text.max_length,
                objective=config.objective,
            )
        if recognition is None and sentences is None:
            return objective
        is_rewarded = config.phases[0] == "self_critical"
        return WithKnowledge(
            objective,
            recognition,
            sentences,
            config=config.recognition,
            scale=config.self_critical.cross_entropy if is_rewarded else 1.0,
        )

    def _objective(self) -> Objective:
        """Return what the config's first phase minimises."""
        config, model = self.config, self.model
        if config.objective.doubly_stochastic and not model.decoder.has_attention:
            raise ModelError(
                f"doubly_stochastic is {config.objective.doubly_stochastic}, a penalty on "
                f"attention, and the decoder {model.decoder.config.kind!r} has none; set it to 0"
            )
        is_rewarded = config.phases[0] == "self_critical"
        if not (is_rewarded or config.objective.consensus):
            return CrossEntropy(config.objective)
        num_bare = sum(not image.captions for pool in self.train.pools for image in pool.images)
        reward = reward_of(self._encoded[: len(self._encoded) - num_bare], model.vocabulary)
        true_words = CrossEntropy(config.objective, reward)
        if not is_rewarded:
            return true_words
        length = config.text.max_length * model.vocabulary.units_per_word
        return SelfCritical(config.self_critical, reward, max_length=length, true_words=true_words)

    def loader(self, epoch: int) -> "DataLoader[Any]":
        """Return the training images of an epoch in batches."""
        batch, seed = self.config.batch, self.config.trainer.seed
        dataset = CaptionDataset(
            [self._encoded[place] for place in self.train.of_epoch(epoch, seed=seed)],
            self.train.read,
            captions_per_image=batch.captions_per_image,
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

    @property
    def settings(self) -> Mapping[str, Any]:
        """The config, its parts by name, with the words and the encoder of the model itself."""
        settings = asdict(replace(self.config, batch=replace(self.config.batch, workers=0)))
        del settings["trainer"]
        model = self.model
        if model.concepts is not None:
            settings["words to recognise"] = model.concepts.words
        return settings | {
            "vocabulary": model.vocabulary.tokens,
            "encoder": model.encoder.fingerprint(),
            "decoder": asdict(model.decoder.config),
        }

    @property
    def stages_from_last(self) -> Mapping[str, int]:
        """The encoder's weights, by which the trainer tells its stages apart."""
        stages = self.model.encoder.stages_from_last
        return {f"encoder.{name}": distance for name, distance in stages.items()}

    def loss(self, batch: CaptionBatch, done: float) -> LossTerms:
        """Return the objective's loss of a batch."""
        return self.objective(self.model, batch, done)

    def validate(self) -> Mapping[str, float]:
        """Caption the validation images and score the captions."""
        report = evaluate_captions(
            self.model,
            self.validation.images,
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

Written by `glimpse train captions`. Validation: {scores}.

    from caption import Captioner
    print(Captioner.from_pretrained("this directory")("photo.jpg").text)
"""


def task_of(
    config: CaptionConfig,
    model: CaptionModel,
    *,
    train: Sequence[CaptionedImage],
    validation: Sequence[CaptionedImage],
    pools: Sequence[Pool] = (),
    features: Path | None = None,
    knowledge: Knowledge | None = None,
) -> CaptionTask:
    """Return the task of training a model on some images.

    Args:
        config: how to train.
        model: to start from.
        train: what to learn.
        validation: what to select the best model by.
        pools: more to learn, of which every epoch shows others; those without captions last.
        features: directory for stored features, if the encoder stays as it is.
        knowledge: what is to be learnt beside the captions.
    """
    more = [image for pool in pools for image in pool.images]
    refuse_unlearnable(
        model,
        knowledge or Knowledge(),
        config.recognition,
        has_bare=not all(image.captions for image in more),
    )
    if features is None:
        preprocess = model.encoder.config.preprocess
        readers = [
            read_pixels(Preprocess(preprocess), Augment(preprocess, config.augment)),
            read_pixels(Preprocess(preprocess)),
        ]
    else:
        refuse_stored_features(config)
        encoder = model.encoder.eval()
        readers = [
            read_stored(
                store_features(encoder, {e.image_id: e.source for e in some}, features / name)
            )
            for name, some in (("train", (*train, *more)), ("validation", validation))
        ]
    return CaptionTask(
        config,
        model,
        train=ImageSet(train, readers[0], pools),
        validation=ImageSet(validation, readers[1]),
        knowledge=knowledge,
    )


def refuse_stored_features(config: CaptionConfig) -> None:
    """Refuse stored features of an encoder that learns.

    Raises:
        DataError: says how many of its stages do.
    """
    if config.trainable_stages:
        raise DataError(
            "stored features are for a frozen encoder, but trainable_stages is "
            f"{config.trainable_stages}; leave one of the two out"
        )
