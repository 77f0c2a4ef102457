"""Train an image captioner on captioned pictures."""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.networks.registry import check_name
from caption.training.config import CaptionConfig
from caption.training.presets import PRESETS

if TYPE_CHECKING:
    from caption.data.captioned import CaptionedImage
    from caption.models.captioner import CaptionModel
    from caption.training.phases import Stage
    from caption.training.task import CaptionTask


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
    features: Path | None = None
    """Directory for stored features: faster, for a frozen encoder; extracted if not there yet."""
    preset: str | None = None
    """Published recipe that --config begins with: coco-mobilenet, coco-resnet101 or coco-updown;
    with --help, what is in it."""
    initial: str | None = None
    """Model directory or hub id to start from, with its vocabulary and sizes, which options must
    not contradict."""
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
    from caption.training.phases import stages_of, train_in_stages
    from caption.training.start import initial_model, trained_model
    from caption.training.task import refuse_stored_features, task_of

    stages = stages_of(args.config)
    if args.features is not None and all(stage.config.trainable_stages for stage in stages):
        refuse_stored_features(stages[0].config)
    trained = trained_model(args.config, args.initial, encoder_weights=args.encoder_weights)
    train, validation = _images(args)
    print(f"{len(train)} images to learn from, {len(validation)} to validate by", flush=True)
    model = initial_model(args.config, train, trained=trained, encoder_weights=args.encoder_weights)

    def make_task(stage: "Stage", start: "CaptionModel") -> "CaptionTask":
        print(f"{stage.name}: {stage.epochs} epochs", flush=True)
        return task_of(
            stage.config,
            start,
            train=train,
            validation=validation,
            features=None if stage.config.trainable_stages else args.features,
        )

    outcome = train_in_stages(model, stages, make_task, args.run, resume=args.resume)
    if not outcome.finished:
        last = outcome.directory / "last"
        print(f"stopped; continue with --resume, or use {last} as it is")
        return 130
    print(f"{args.run / 'best'}: {args.config.select_by} {outcome.score:.4f}")
    return 0


def _images(args: Args) -> "tuple[Sequence[CaptionedImage], Sequence[CaptionedImage]]":
    from caption.data.check import read_sound
    from caption.data.divide import validated

    data = read_sound(args.data, args.manifest)
    if args.validation_data is None and args.validation_manifest is None:
        return validated(data.images, seed=args.config.trainer.seed)
    others = read_sound(args.validation_data or args.data, args.validation_manifest)
    return data.of("train", ""), others.images
