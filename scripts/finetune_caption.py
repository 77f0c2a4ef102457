"""Teach the captioner pictures of your own."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.run import run
from caption.errors import DataError

if TYPE_CHECKING:
    from caption.data.check import Examination
    from caption.models.captioner import CaptionModel
    from caption.training.finetune import Parts


@dataclass(frozen=True, kw_only=True)
class Args:
    """Teach the captioner pictures of your own."""

    data: Path
    """Folder of the pictures; how they are captioned is found out and said."""
    output: Path
    """Directory of the new model, with report.html; training/ in it holds what --resume needs."""
    manifest: Path | None = None
    """File that says the captions; by default it is looked for in the folder."""
    model: str | None = None
    """Model directory or hub id to start from; by default the model that comes with the package."""
    replay: Path | None = None
    """Folder of the captioned pictures that the model learnt from before, to mix in: it then keeps
    its old way of captioning too, as the style 'original'."""
    replay_images: int | None = None
    """How many of them; every epoch shows others, three for each new one. By default 2,000."""
    held_out: float = 0.2
    """Share of the images that tells how good the outcome is, where the data set does not say."""
    epochs: int | None = None
    """How often the images are gone through with a frozen encoder; by default it depends on how
    many they are."""
    deeper: bool | None = None
    """Train the encoder too; by default with thousands of images."""
    seed: int = 0
    """Decides what is held out, and everything else that is left to chance."""
    resume: bool = False
    """Continue exactly where the run stopped."""

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out must be between 0 and 1, got {self.held_out}")
        for name in ("epochs", "replay_images"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")


def main(args: Args) -> None:
    """Check the data, train, and tell how much better the new model is."""
    from accelerate import PartialState

    from caption.evaluation.report import table, write_page, write_report
    from caption.models.captioner import CaptionModel
    from caption.models.directory import DEFAULT_CAPTIONER
    from caption.training.finetune import (
        compare_models,
        divide,
        finetune,
        install,
    )
    from caption.training.plan import stages_for, time_needed

    if (args.output / "config.json").exists():
        raise DataError(f"{args.output}: holds a model already; choose another directory")
    examination = _sound(args)
    form = examination.manifest.form
    parts = divide(
        examination.manifest.entries, examination.digests, held_out=args.held_out, seed=args.seed
    )
    print(
        f"{len(parts.train)} pictures to learn from, {len(parts.validation)} to stop in time, "
        f"{len(parts.held_out)} held out to tell how good the outcome is"
    )
    old = CaptionModel.from_pretrained(args.model or DEFAULT_CAPTIONER).to(PartialState().device)
    model = _grown(old, parts, args)
    if args.replay is not None:
        parts = _with_replay(parts, args.replay, model, args)
    num_images = len(parts.train) + parts.num_replayed
    stages = stages_for(
        len(parts.train),
        num_replayed=parts.num_replayed,
        epochs=args.epochs,
        deeper=args.deeper,
        seed=args.seed,
    )
    minutes = max(1, round(time_needed(old, stages, num_images) / 60))
    course = ", then ".join(f"{stage.epochs} epochs {stage.name}" for stage in stages)
    print(f"{course}: about {minutes} minutes here", flush=True)
    best = finetune(model, parts, stages, args.output / "training", resume=args.resume)
    if best is None:
        print("stopped; continue with --resume")
        return
    report = compare_models(best, old, parts.held_out, data=form)
    print(table(report))
    pictures = {image.image_id: image.source for image in parts.held_out}
    write_page(args.output / "report.html", report, pictures)
    write_report(args.output / "report.json", report)
    source = args.model or "the package's default model"
    install(best, args.output, report, source=source, data=form, num_train=len(parts.train))
    shutil.rmtree(args.output / "training" / "features")
    print(f"{args.output}: try it with python app.py --model {args.output}")


def _sound(args: Args) -> "Examination":
    """Return the data set, having said what it is.

    Raises:
        DataError: it cannot be trained on as it is.
    """
    from caption.data.check import examine
    from caption.data.forms import read_manifest
    from caption.files.tables import refuse_fatal

    manifest = read_manifest(args.data, args.manifest)
    print(f"{manifest.form}: {len(manifest.entries)} pictures", flush=True)
    if not manifest.is_captioned:
        perhaps = "".join(f"; {problem}" for problem in manifest.problems[:1])
        raise DataError(f"{args.data}: pictures without captions, nothing to learn{perhaps}")
    examination = examine(manifest)
    refuse_fatal(examination.problems, args.data)
    return examination


def _grown(old: "CaptionModel", parts: "Parts", args: Args) -> "CaptionModel":
    """Return the model with the words of the new captions, having said how many are new."""
    import torch

    from caption.training.finetune import MINIMUM_COUNT, ORIGINAL

    vocabulary = old.vocabulary.grown(
        (caption for image in parts.train for caption in image.captions),
        minimum_count=MINIMUM_COUNT,
    )
    words = vocabulary.tokens[len(old.vocabulary) :]
    print(f"{len(words)} new words{': ' * bool(words)}{', '.join(words[:8])}")
    torch.manual_seed(args.seed)
    return old.grown(vocabulary, old_style=ORIGINAL if args.replay is not None else "")


def _with_replay(parts: "Parts", known: Path, model: "CaptionModel", args: Args) -> "Parts":
    """Return the data set with pictures that the model knew before."""
    from caption.data.forms import read_manifest
    from caption.training.finetune import ORIGINAL, REPLAY_POOL, replayed

    entries = read_manifest(known).entries
    style = model.style_id(ORIGINAL)
    pool = replayed(entries, args.replay_images or REPLAY_POOL, style=style, seed=args.seed)
    parts = replace(parts, replay=pool)
    print(f"{parts.num_replayed} of {len(pool)} pictures of {known} an epoch, against forgetting")
    return parts


if __name__ == "__main__":
    run(main, Args)
