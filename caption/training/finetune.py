"""A trained captioner goes on to learn pictures of one's own: how long, how deep, from which.

What is decided here is decided by the number of images; everything else is ordinary training.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from caption.data.batches import read_pixels
from caption.data.captioned import CaptionedImage
from caption.data.divide import divided
from caption.data.forms import read_captions
from caption.errors import DataError, ModelError
from caption.evaluation.judge import judge, manner, protocol
from caption.evaluation.report import Report
from caption.evaluation.run import write_captions
from caption.files.paths import ImageFile
from caption.models import grow
from caption.models.captioner import CaptionModel
from caption.models.directory import install_model
from caption.search.config import SearchConfig
from caption.text.identify import find_language
from caption.text.language import Language
from caption.text.vocabulary import Vocabulary
from caption.training.config import TextConfig
from caption.training.knowledge import Knowledge, concept_words
from caption.training.phases import Stage, train_in_stages
from caption.training.task import CaptionTask, Pool, task_of
from caption.vision.transforms import Preprocess

ORIGINAL = "original"
"""The style that a model had before it was fine-tuned with replay."""
REPLAY_RATIO = 3
"""Old images for each new one in an epoch."""
REPLAY_POOL = 2000
"""Old images that are drawn from, unless it is said how many."""
MINIMUM_COUNT = 2
"""How often a word is to be seen before the model learns it."""

EXAMPLES = 8
"""New pictures that must show a word before the model learns to recognise it."""


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
    images: Sequence[CaptionedImage],
    digests: Mapping[ImageFile, str],
    *,
    held_out: float,
    seed: int,
) -> Parts:
    """Divide a data set as it says itself, or else by chance, as `divided` does.

    Args:
        images: the images.
        digests: of their pixels.
        held_out: share that is held out where the data set does not say.
        seed: of the chance.

    Raises:
        DataError: there are too few images.
    """
    parts = divided(
        images,
        [image.split for image in images],
        [digests.get(image.source, str(image.source)) for image in images],
        held_out=held_out,
        seed=seed,
    )
    return Parts(*map(tuple, parts))


def grown(
    model: CaptionModel,
    parts: Parts,
    *,
    seed: int,
    keep_style: bool = False,
    language: Language | None = None,
) -> CaptionModel:
    """Return the model with the words of the new captions.

    If they are in another language than the model's, these are all of its words.

    Args:
        model: to start from.
        parts: what it is to learn.
        seed: of the new words' weights.
        keep_style: keep its old way of captioning as the style "original".
        language: of the new captions; by default that of most of those to learn from.

    Raises:
        ModelError: its old way is to be kept, and was in another language.
    """
    captions = [caption for image in parts.train for caption in image.captions]
    torch.manual_seed(seed)
    language, before = language or find_language(captions), model.vocabulary.language
    if language.is_another_than(before):
        if keep_style:
            raise ModelError(
                f"replay keeps the way in which the model captioned, which is {before}, and these "
                f"captions are {language}; leave out replay"
            )
        vocabulary = Vocabulary.build(
            captions,
            minimum_count=MINIMUM_COUNT,
            unit=model.vocabulary.unit,
            language=language,
        )
        return grow.in_other_words(model, vocabulary.cased(captions))
    vocabulary = model.vocabulary.grown(captions, minimum_count=MINIMUM_COUNT).cased(captions)
    return grow.grown(
        model,
        vocabulary,
        old_style=ORIGINAL if keep_style else "",
        concept_words=_with_new_concepts(model, parts.train, vocabulary),
    )


def _with_new_concepts(
    model: CaptionModel, images: Sequence[CaptionedImage], vocabulary: Vocabulary
) -> list[str] | None:
    """Return what the model recognises and what the new pictures can teach it to, if it does."""
    if model.concepts is None:
        return None
    shown = concept_words(images, (), vocabulary, minimum_images=EXAMPLES)
    known = model.concepts.words
    return [*known, *(word for word in shown if word not in known)]


def with_replay(
    parts: Parts, known: Path, model: CaptionModel, *, count: int | None, seed: int
) -> Parts:
    """Return the data set with pictures that the model knew before.

    Args:
        parts: the data set.
        known: folder of the pictures.
        model: of `grown`, which kept its old way of captioning.
        count: how many of them, by default 2,000.
        seed: of the chance.
    """
    images, style = read_captions(known).images, model.style_id(ORIGINAL)
    pool = replayed(images, count or REPLAY_POOL, style=style, seed=seed)
    return replace(parts, replay=pool)


def replayed(
    images: Sequence[CaptionedImage], count: int, *, style: int, seed: int
) -> tuple[CaptionedImage, ...]:
    """Return some images of the old data, with their captions in the old style."""
    usable = [image for image in images if image.captions and image.split in ("train", "")]
    if not usable:
        raise DataError("the data to replay has no captioned images to train on")
    chosen = random.Random(seed).sample(usable, min(count, len(usable)))
    # In their own name space, as the same names may be in the new data.
    return tuple(replace(image, image_id=f"replayed {image.name}", style=style) for image in chosen)


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

    def make_task(stage: Stage, start: CaptionModel) -> CaptionTask:
        frozen = stage.config.trainable_stages == 0
        return task_of(
            stage.config,
            start,
            train=parts.train,
            validation=parts.validation,
            pools=[Pool(parts.replay, parts.num_replayed)] if parts.replay else [],
            features=run / "features" if frozen else None,
            knowledge=Knowledge(keeps=True),
        )

    outcome = train_in_stages(model, stages, make_task, run, resume=resume)
    return outcome.model if outcome.finished else None


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
    after, before = (
        write_captions(
            model.to(old.device).eval(),
            images,
            read_pixels(Preprocess(model.encoder.config.preprocess)),
            search=search,
            max_length=TextConfig().max_length,
        )
        for model in (new, old)
    )
    return judge(
        after.captions,
        {image.image_id: image.captions for image in images},
        protocol=protocol(
            references=f"{data}, {len(images)} held-out images",
            captions=f"after fine-tuning, {manner(search)}; the other: before",
        ),
        rival=("before", before.captions),
        perplexity=after.perplexity,
        language=new.vocabulary.language,
    )


CARD = """\
---
library_name: glimpse
pipeline_tag: image-to-text
language: {language}
---
# An image captioner, fine-tuned

Written by Glimpse's `glimpse finetune captions` from {source}, on {data}: {num_train} images to
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
        language=model.vocabulary.language.code,
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
    install_model(model, directory, card=card)
