"""Train an image captioner on captioned pictures."""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.errors import DataError
from caption.networks.registry import check_name
from caption.training.config import CaptionConfig
from caption.training.presets import PRESETS

if TYPE_CHECKING:
    from caption.data.captioned import CaptionedImage
    from caption.models.captioner import CaptionModel
    from caption.training.knowledge import Knowledge
    from caption.training.phases import Stage
    from caption.training.task import CaptionTask, Pool


@dataclass(frozen=True, kw_only=True)
class Args:
    """Train an image captioner on captioned pictures."""

    run: Path
    """Directory that receives metrics.jsonl, the state to resume from, last/ and best/."""
    data: Annotated[Path, tyro.conf.arg(aliases=["--train-images"])]
    """Folder of the pictures to learn; how they are captioned is found out."""
    manifest: Annotated[Path | None, tyro.conf.arg(aliases=["--train"])] = None
    """File that says the captions; by default it is looked for in the folder."""
    validation_data: Annotated[Path | None, tyro.conf.arg(aliases=["--validation-images"])] = None
    """Folder of the pictures to select the best model by; by default those of --data that are for
    validation, or else a tenth of its images."""
    validation_manifest: Annotated[Path | None, tyro.conf.arg(aliases=["--validation"])] = None
    """File that says their captions; by default it is looked for in the folder."""
    pool: tuple[str, ...] = ()
    """More pictures to learn from, as FOLDER=NUMBER or FOLDER:CAPTIONS=NUMBER, with the file that
    says their captions: every epoch shows so many of them, others each time, or some again where
    there are fewer. Pictures without captions teach what --labels tells of them."""
    labels: tuple[Path, ...] = ()
    """Files of `glimpse prepare concepts`: words that are in the pictures beside the captions."""
    sentences: Path | None = None
    """Text file, plain or .gz, with a sentence a line about photos that are not here: learnt from
    words that might have been recognised in them; needs --config.decoder.concepts."""
    features: Path | None = None
    """Directory for stored features: faster, for a frozen encoder; extracted if not there yet."""
    preset: str | None = None
    """Published recipe that --config begins with: coco-mobilenet, coco-resnet101 or coco-updown;
    with --help, what is in it."""
    initial: str | None = None
    """Model directory or hub id to start from, with its vocabulary and sizes, which options must
    not contradict; captions in another language than the model's begin the words anew."""
    encoder_weights: str = "imagenet"
    """What a new encoder starts from: a safetensors file with torchvision's names, 'imagenet'
    (downloads torchvision's) or 'random'."""
    resume: bool = False
    """Continue exactly where the run stopped."""
    config: CaptionConfig = field(default_factory=CaptionConfig)

    def __post_init__(self) -> None:
        if self.preset is not None:
            check_name(self.preset, PRESETS, "preset")

    @classmethod
    def with_defaults(cls, words: Sequence[str]) -> "Callable[..., Args]":
        """Return the class with the config of the preset that some words name."""
        parser = ArgumentParser(add_help=False, allow_abbrev=False)
        parser.add_argument("--preset", nargs="?")
        name = parser.parse_known_args(words)[0].preset
        return partial(cls, config=PRESETS[name]) if name in PRESETS else cls


def main(args: Args) -> int:
    """Train, say where the best model is, and return 130 if a signal stopped it before."""
    from accelerate import PartialState

    from caption.training.phases import stages_of, train_in_stages
    from caption.training.plan import in_another_language
    from caption.training.start import initial_model, trained_model
    from caption.training.task import refuse_stored_features, task_of

    stages = stages_of(args.config)
    if args.features is not None and all(stage.config.trainable_stages for stage in stages):
        refuse_stored_features(stages[0].config)
    trained = trained_model(args.config, args.initial, encoder_weights=args.encoder_weights)
    train, validation = _images(args)
    print(f"{len(train)} images to learn from, {len(validation)} to validate by", flush=True)
    pools, knowledge = _pools(args), _knowledge(args, keeps=trained is not None)
    model = initial_model(
        args.config,
        [*train, *(image for pool in pools for image in pool.images)],
        trained=trained,
        encoder_weights=args.encoder_weights,
        knowledge=knowledge,
    )
    language = model.vocabulary.language
    if trained is not None and language.is_another_than(trained.vocabulary.language):
        print(in_another_language(trained, language), flush=True)
    if model.concepts is not None:
        print(f"{len(model.concepts.words)} words to recognise", flush=True)

    tasks: list[CaptionTask] = []

    def make_task(stage: "Stage", start: "CaptionModel") -> "CaptionTask":
        print(f"{stage.name}: {stage.epochs} epochs", flush=True)
        task = task_of(
            stage.config,
            start,
            train=train,
            validation=validation,
            pools=pools,
            knowledge=knowledge,
            features=None if stage.config.trainable_stages else args.features,
        )
        tasks.append(task)
        return task

    outcome = train_in_stages(model, stages, make_task, args.run, resume=args.resume)
    if not outcome.finished:
        last = outcome.directory / "last"
        print(f"stopped; continue with --resume, or use {last} as it is")
        return 130
    if outcome.model.concepts is not None and PartialState().is_main_process:
        _calibrate(outcome.model, tasks[-1], args.run / "best")
    print(f"{args.run / 'best'}: {args.config.select_by} {outcome.score:.4f}")
    return 0


def _calibrate(model: "CaptionModel", task: "CaptionTask", directory: Path) -> None:
    """Calibrate what the best model recognises, on the validation images, and write it again."""
    from caption.training.calibration import calibrate

    images, read = task.validation.images, task.validation.read
    before, after = calibrate(model, images, read)
    card = (directory / "README.md").read_text(encoding="utf-8")
    model.save_pretrained(directory, card=card)
    print(f"recognition: calibration error {before:.3f}, then {after:.3f} on {len(images)} images")


def _pools(args: Args) -> "list[Pool]":
    """Return the pools that are asked for, those without captions last."""
    from caption.training.task import Pool

    pools = [Pool(*_pool(spec, number)) for number, spec in enumerate(args.pool)]
    return sorted(pools, key=lambda pool: not pool.images[0].captions)


def _pool(spec: str, number: int) -> "tuple[Sequence[CaptionedImage], int]":
    """Return the images of a pool and how many of them an epoch shows."""
    from caption.data.check import read_sound
    from caption.data.forms import read_captions

    where, _, shown = spec.rpartition("=")
    if not where or not shown.isdecimal() or int(shown) < 1:
        raise DataError(
            f"--pool {spec}: expected FOLDER=NUMBER or FOLDER:CAPTIONS=NUMBER, such as photos=1000"
        )
    folder, _, manifest = where.partition(":")
    data = read_captions(Path(folder), Path(manifest) if manifest else None)
    if data.is_captioned:
        data = read_sound(Path(folder), Path(manifest) if manifest else None)
    # In a name space of their own, as the same names may be in other folders.
    images = [
        replace(image, image_id=f"pool {number} {image.image_id}") for image in data.of("train", "")
    ]
    if not images:
        raise DataError(f"--pool {spec}: {folder} has no pictures to learn from")
    return images, int(shown)


def _knowledge(args: Args, *, keeps: bool) -> "Knowledge":
    """Return what is to be learnt beside captions."""
    from caption.data.labels import read_labels
    from caption.data.sentences import read_sentences, with_neighbours
    from caption.training.knowledge import Knowledge

    sentences = () if args.sentences is None else with_neighbours(read_sentences(args.sentences))
    labels = tuple(map(read_labels, args.labels))
    return Knowledge(labels, tuple(sentences), keeps=keeps and not labels)


def _images(args: Args) -> "tuple[Sequence[CaptionedImage], Sequence[CaptionedImage]]":
    from caption.data.check import read_sound
    from caption.data.divide import validated

    data = read_sound(args.data, args.manifest)
    if args.validation_data is None and args.validation_manifest is None:
        return validated(data.images, seed=args.config.trainer.seed)
    others = read_sound(args.validation_data or args.data, args.validation_manifest)
    return data.of("train", ""), others.images
