"""Train a question answerer on VQA-format questions and the features of a captioner."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from caption.errors import DataError
from vqa.config import Inputs, VqaConfig

if TYPE_CHECKING:
    from vqa.data.reading import VqaData


@dataclass(frozen=True, kw_only=True)
class Args:
    """Train a question answerer on VQA-format questions and the features of a captioner."""

    run: Path
    """Directory that receives metrics.jsonl, the state to resume from, last/ and best/."""
    questions: tuple[Path, ...]
    """Questions to learn, VQA questions JSON files."""
    annotations: tuple[Path, ...]
    """What people answered, for each of them a VQA annotations JSON file."""
    images: tuple[Path, ...]
    """For each of them, the directory of its images."""
    validation_questions: tuple[Path, ...] = ()
    """Questions to select the best model by; by default those of a share of the images."""
    validation_annotations: tuple[Path, ...] = ()
    """What people answered to them."""
    validation_images: tuple[Path, ...] = ()
    """The directories of their images."""
    validation_share: float = 0.2
    """Share of the images that is held out where there are no validation questions."""
    split_seed: int = 0
    """Decides which images are held out."""
    features: Path
    """Directory for stored features, extracted if not there yet."""
    initial: str | None = None
    """Model directory or hub id of a question answerer to go on from; by default a new one. It may
    be given another encoder of the same size, words recognised in the picture, words and answers;
    what it knows it keeps."""
    captioner: str | None = None
    """Model directory or hub id of the captioner whose encoder sees the images, and which
    recognises the words for `config.head.concepts`; by default the model that comes with the
    package."""
    references: bool = True
    """Also train a model that does not look and one that does not listen, to tell how much of the
    accuracy is guessing."""
    resume: bool = False
    """Continue exactly where the run stopped."""
    config: VqaConfig = field(default_factory=VqaConfig)


REFERENCES: dict[Inputs, str] = {"question": "question only", "image": "image only"}


def main(args: Args) -> int:
    """Train, then say where the best model is and how far it is above guessing.

    Returns 130 if a signal stopped it before.
    """
    from caption.engine.trainer import Trainer
    from caption.vision.extract import store_features
    from vqa.eyes import load_eyes
    from vqa.model import VqaModel
    from vqa.task import build_task, head_to_go_on, summary

    trainer = Trainer(args.config.trainer)
    trained = None if args.initial is None else VqaModel.from_pretrained(args.initial)
    head = args.config.head if trained is None else head_to_go_on(trained, args.config.head)
    eyes = load_eyes(args.captioner, head, trainer.device)
    train, validation = (
        (data, store_features(eyes.encoder, data.images, args.features / name))
        for name, data in zip(("train", "validation"), _data(args), strict=True)
    )

    def accuracy(inputs: Inputs, run: Path) -> float | None:
        """Train one model; return None if it was stopped."""
        config = replace(args.config, head=replace(head, inputs=inputs))
        task = build_task(
            config,
            train=train,
            validation=validation,
            head=eyes.head,
            trained=trained if inputs == head.inputs else None,
        )
        if inputs == head.inputs:
            print(summary(task))
        resume = args.resume and (run / "state.pt").exists()
        outcome = trainer.fit(task, run, resume=resume)
        if outcome.finished:
            return outcome.best
        print(f"stopped; continue with --resume, or use {run / 'last'} as it is")
        return None

    reached = accuracy(head.inputs, args.run)
    if reached is None:
        return 130
    print(f"{args.run / 'best'}: accuracy {reached:.4f}")
    references = REFERENCES if args.references and head.inputs == "both" else {}
    for inputs, name in references.items():
        guessed = accuracy(inputs, args.run / inputs)
        if guessed is None:
            return 130
        print(f"{name}: accuracy {guessed:.4f}; above it by {100 * (reached - guessed):.1f} points")
    return 0


def _data(args: Args) -> "tuple[VqaData, VqaData]":
    from vqa.data.reading import split_by_image

    train = _read(args.questions, args.annotations, args.images, prefix="--")
    given = (args.validation_questions, args.validation_annotations, args.validation_images)
    if any(given):
        return train, _read(*given, prefix="--validation-")
    return split_by_image(train, share=args.validation_share, seed=args.split_seed)


def _read(
    questions: tuple[Path, ...],
    annotations: tuple[Path, ...],
    images: tuple[Path, ...],
    *,
    prefix: str,
) -> "VqaData":
    from vqa.data.reading import join, read_vqa

    if not len(questions) == len(annotations) == len(images):
        raise DataError(
            f"{prefix}questions, {prefix}annotations and {prefix}images should name equally many, "
            f"got {len(questions)}, {len(annotations)} and {len(images)}; each questions file has "
            "annotations and a directory of images"
        )
    return join([read_vqa(*paths) for paths in zip(questions, annotations, images, strict=True)])
