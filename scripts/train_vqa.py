"""Train a question answerer on VQA-format questions and the features of a captioner."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from caption.command import run
from caption.errors import DataError
from vqa.config import VqaConfig

if TYPE_CHECKING:
    from vqa.data import VqaData
    from vqa.task import VqaTask


@dataclass(frozen=True, kw_only=True)
class Args:
    """Train a question answerer on VQA-format questions and the features of a captioner."""

    run: Path
    """Directory that receives metrics.jsonl, the state to resume from, last/ and best/."""
    questions: Path
    """Questions to learn, a VQA questions JSON file."""
    annotations: Path
    """What people answered, a VQA annotations JSON file."""
    images: Path
    """Directory of their images."""
    validation_questions: Path | None = None
    """Questions to select the best model by; by default those of a share of the images."""
    validation_annotations: Path | None = None
    """What people answered to them."""
    validation_images: Path | None = None
    """Directory of their images."""
    validation_share: float = 0.2
    """Share of the images that is held out where there are no validation questions."""
    split_seed: int = 0
    """Decides which images are held out."""
    features: Path
    """Directory for stored features, extracted if not there yet."""
    captioner: str | None = None
    """Model directory or hub id of the captioner whose encoder sees the images; by default the
    model that comes with the package."""
    resume: bool = False
    """Continue exactly where the run stopped."""
    config: VqaConfig = field(default_factory=VqaConfig)


def main(args: Args) -> None:
    """Train, then say where the best model is."""
    from caption.engine.trainer import Trainer
    from caption.pretrained import DEFAULT_CAPTIONER, load_encoder
    from caption.vision.extract import store_features
    from vqa.task import build_task

    train, validation = _data(args)
    trainer = Trainer(args.config.trainer)
    encoder = load_encoder(args.captioner or DEFAULT_CAPTIONER).to(trainer.device)
    stores = [
        store_features(encoder, data.images, args.features / name)
        for name, data in (("train", train), ("validation", validation))
    ]
    task = build_task(args.config, train=(train, stores[0]), validation=(validation, stores[1]))
    _say_what_is_learnt(task)
    outcome = trainer.fit(task, args.run, resume=args.resume)
    if outcome.finished:
        print(f"{args.run / 'best'}: accuracy {outcome.best:.4f}")
    else:
        print(f"stopped; continue with --resume, or use {args.run / 'last'} as it is")


def _say_what_is_learnt(task: "VqaTask") -> None:
    """Print the sizes, and how many questions no answer of the model can be right for."""
    (train, _), (validation, _) = task.train, task.validation
    answers = task.model.answers
    print(
        f"{len(train.questions)} questions about {len(train.images)} images to learn, "
        f"{len(task.model.vocabulary)} words, {len(answers)} answers"
    )
    lost = sum(not answers.targets(question.answers) for question in validation.questions)
    print(
        f"{len(validation.questions)} questions about {len(validation.images)} images to validate; "
        f"{lost} have only answers that the model cannot give"
    )


def _data(args: Args) -> "tuple[VqaData, VqaData]":
    from vqa.data import read_vqa, split_by_image

    train = read_vqa(args.questions, args.annotations, args.images)
    given = (args.validation_questions, args.validation_annotations, args.validation_images)
    questions, annotations, images = given
    if questions is not None and annotations is not None and images is not None:
        return train, read_vqa(questions, annotations, images)
    if any(given):
        raise DataError(
            "a validation set takes all three of --validation-questions, --validation-annotations "
            "and --validation-images; leave all out to hold a share of the images out"
        )
    return split_by_image(train, share=args.validation_share, seed=args.split_seed)


if __name__ == "__main__":
    run(main, Args)
