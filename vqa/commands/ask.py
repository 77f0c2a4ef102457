"""Ask questions about an image."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from caption.commands.words import corrections
from caption.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Args:
    """Ask questions about an image."""

    image: Annotated[Path, tyro.conf.Positional]
    """Image file."""
    questions: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Questions, each in quotes."""
    model: str | None = None
    """Model directory or hub id of a question answerer; by default the one that comes with the
    package."""
    captioner: str | None = None
    """Model whose encoder it was trained with; by default the one that comes with the package."""
    concepts: tuple[str, ...] = ()
    """What you know better than the model of what the image shows, as WORD=PROBABILITY: 'cat=1' or
    'cat' is there, 'dog=0' is not, anything between is a hint. For models that read recognised
    words."""
    heat_maps: Path | None = None
    """Write a picture of where the model looked into this directory, one for each question."""

    def __post_init__(self) -> None:
        corrections(self.concepts)  # refused before a model is loaded


def main(args: Args) -> None:
    """Print an answer to each question, and what the model did not understand."""
    if not args.questions:
        raise DataError(f'give a question too: glimpse ask {args.image} "what is this?"')
    from caption.models.confidence import uncalibrated
    from caption.vision.image import load_image
    from caption.vision.overlay import word_sheet
    from vqa.predict import QuestionAnswerer

    answerer = QuestionAnswerer.from_pretrained(args.model, captioner=args.captioner)
    answers = answerer.ask(args.image, args.questions, concepts=corrections(args.concepts))
    if answerer.model.confidence is None:
        print(uncalibrated("answers"), file=sys.stderr)
    for number, (question, answer) in enumerate(zip(args.questions, answers, strict=True), start=1):
        print(f"{question}\t{answer.text}\t{answer.sureness:.0%}")
        if answer.doubt:
            print(f"  ({answer.doubt})")
        if args.heat_maps is not None:
            args.heat_maps.mkdir(parents=True, exist_ok=True)
            names = [f"glimpse {n}" for n in range(1, len(answer.attention) + 1)]
            sheet = word_sheet(load_image(args.image), names, answer.attention)
            sheet.save(args.heat_maps / f"{args.image.stem}-{number}.jpg", quality=90)
