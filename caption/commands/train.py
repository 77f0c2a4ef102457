"""Train an image captioner on COCO-format captions."""

from dataclasses import dataclass, field
from pathlib import Path

from caption.training.config import CaptionConfig


@dataclass(frozen=True, kw_only=True)
class Args:
    """Train an image captioner on COCO-format captions."""

    run: Path
    """Directory that receives metrics.jsonl, the state to resume from, last/ and best/."""
    train: Path
    """Captions to learn, a COCO captions JSON file."""
    train_images: Path
    """Directory of their images."""
    validation: Path
    """Captions to select the best model by."""
    validation_images: Path
    """Directory of their images."""
    features: Path | None = None
    """Directory for stored features: faster, for a frozen encoder; extracted if not there yet."""
    initial: str | None = None
    """Model directory or hub id to start from, with its vocabulary and sizes."""
    encoder_weights: str = "imagenet"
    """What a new encoder starts from: a safetensors file with torchvision's names, 'imagenet'
    (downloads torchvision's) or 'random'."""
    resume: bool = False
    """Continue exactly where the run stopped."""
    config: CaptionConfig = field(default_factory=CaptionConfig)


def main(args: Args) -> None:
    """Train, then say where the best model is."""
    from caption.engine.trainer import Trainer
    from caption.training.task import build_task

    trainer = Trainer(args.config.trainer)
    task = build_task(
        args.config,
        train=(args.train, args.train_images),
        validation=(args.validation, args.validation_images),
        features=args.features,
        initial=args.initial,
        encoder_weights=args.encoder_weights,
        device=trainer.device,
    )
    outcome = trainer.fit(task, args.run, resume=args.resume)
    if outcome.finished:
        print(f"{args.run / 'best'}: CIDEr-D {outcome.best:.4f}")
    else:
        print(f"stopped; continue with --resume, or use {args.run / 'last'} as it is")
