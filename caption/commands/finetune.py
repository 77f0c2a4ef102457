"""Teach the captioner pictures of your own."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from caption.data.check import Examination
    from caption.models.captioner import CaptionModel
    from caption.training.phases import Stage


@dataclass(frozen=True, kw_only=True)
class Finetuning:
    """What both heads are told when they are taught."""

    data: Path
    """Folder of the pictures; what is said of them, and in which form, is found out."""
    output: Path
    """Directory of the new model, with report.html; training/ in it holds what --resume needs."""
    manifest: Path | None = None
    """File that says it; by default it is looked for in the folder."""
    model: str | None = None
    """Model directory, hub id or name (base, small) to start from; base by default."""
    held_out: float = 0.2
    """Share of the images that tells how good the outcome is, where the data set does not say."""
    epochs: int | None = None
    """How often all is gone through, captions with a frozen encoder; by default it depends on how
    much there is."""
    seed: int = 0
    """Decides what is held out, and everything else that is left to chance."""
    resume: bool = False
    """Continue exactly where the run stopped."""

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out must be between 0 and 1, got {self.held_out}")
        if self.epochs is not None and self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, got {self.epochs}")


@dataclass(frozen=True, kw_only=True)
class Args(Finetuning):
    """Teach the captioner pictures of your own."""

    replay: Path | None = None
    """Folder of the captioned pictures that the model learnt from before, to mix in: it then keeps
    its old way of captioning too, as the style 'original'."""
    replay_images: int | None = None
    """How many of them; every epoch shows others, three for each new one. By default 2,000."""
    deeper: bool | None = None
    """Train the encoder too; by default with thousands of images."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.replay_images is not None and self.replay_images < 1:
            raise ValueError(f"replay_images must be at least 1, got {self.replay_images}")


def main(args: Args) -> int:
    """Check the data, train, tell how much better the new model is; return 130 if stopped."""
    from accelerate import PartialState

    from caption.data.check import checked
    from caption.data.forms import read_captions
    from caption.evaluation.report import table, write_page, write_report
    from caption.models.captioner import CaptionModel
    from caption.models.directory import DEFAULT_CAPTIONER, locate_model, refuse_taken
    from caption.models.languages import nearest
    from caption.training.confidence import refit
    from caption.training.finetune import (
        compare_models,
        divide,
        finetune,
        grown,
        install,
        with_replay,
    )
    from caption.training.plan import stages_for

    refuse_taken(args.output)
    data_set = read_captions(args.data, args.manifest)
    print(f"{data_set.form}: {len(data_set.images)} pictures", flush=True)
    found = checked(data_set, args.data)
    parts = divide(data_set.images, found.digests, held_out=args.held_out, seed=args.seed)
    print(
        f"{len(parts.train)} pictures to learn from, {len(parts.validation)} to stop in time, "
        f"{len(parts.held_out)} held out to tell how good the outcome is"
    )
    start = nearest(locate_model(args.model or DEFAULT_CAPTIONER), found.language)
    old = CaptionModel.from_pretrained(start).to(PartialState().device)
    model = grown(
        old,
        parts,
        seed=args.seed,
        keep_style=args.replay is not None,
        language=found.language,
    )
    is_new = _tell_words(old, model, found)
    if args.replay is not None:
        parts = with_replay(parts, args.replay, model, count=args.replay_images, seed=args.seed)
        print(
            f"{parts.num_replayed} of {len(parts.replay)} pictures of {args.replay} an epoch, "
            "against forgetting"
        )
    stages = stages_for(
        len(parts.train),
        num_replayed=parts.num_replayed,
        new_words=is_new,
        epochs=args.epochs,
        deeper=args.deeper,
        seed=args.seed,
    )
    print(_course(model, stages, len(parts.train) + parts.num_replayed), flush=True)
    best = finetune(model, parts, stages, args.output / "training", resume=args.resume)
    if best is None:
        print("stopped; continue with --resume")
        return 130
    report = compare_models(best, old, parts.held_out, data=data_set.form)
    print(table(report))
    best.confidence = refit(best, parts.held_out)
    pictures = {image.image_id: image.source for image in parts.held_out}
    write_page(args.output / "report.html", report, pictures)
    write_report(args.output / "report.json", report)
    source, num_train = args.model or "the package's default model", len(parts.train)
    if not old.vocabulary.language.is_english:
        source = f"{source}, in {old.vocabulary.language}"
    install(best, args.output, report, source=source, data=data_set.form, num_train=num_train)
    shutil.rmtree(args.output / "training" / "features")
    print(f"{args.output}: try it with glimpse app --model {args.output}")
    return 0


def _tell_words(old: "CaptionModel", model: "CaptionModel", found: "Examination") -> bool:
    """Say in which language a model will write and with which new words; return if all are new."""
    from caption.data.check import MIXED
    from caption.text.vocabulary import SPECIALS
    from caption.training.plan import in_another_language, in_its_language

    language, tokens = model.vocabulary.language, model.vocabulary.tokens
    is_new = language.is_another_than(old.vocabulary.language)
    for problem in found.problems:
        if problem.kind == MIXED:
            print(problem)
    print(language.manner)
    if is_new:
        print(in_another_language(old, language))
    elif not language.is_english:
        print(in_its_language(language))
    print(some_of(tokens[len(SPECIALS if is_new else old.vocabulary) :], f"new {language.unit}s"))
    return is_new


def some_of(names: "Sequence[str]", kind: str) -> str:
    """Return how many names of a kind there are, and the first of them."""
    return f"{len(names)} {kind}{': ' * bool(names)}{', '.join(names[:8])}"


def _course(model: "CaptionModel", stages: "Sequence[Stage]", num_images: int) -> str:
    """Return what training will do, and how long about."""
    from caption.training.plan import time_needed

    minutes = max(1, round(time_needed(model, stages, num_images) / 60))
    course = ", then ".join(f"{stage.epochs} epochs {stage.name}" for stage in stages)
    return f"{course}: about {minutes} minutes here"
