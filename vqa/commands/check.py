"""Check a folder of captioned pictures before a model is trained on it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.errors import DataError

if TYPE_CHECKING:
    from caption.data.captioned import DataSet
    from caption.data.review import Review


@dataclass(frozen=True, kw_only=True)
class Args:
    """Check a folder of captioned pictures before a model is trained on it.

    Pictures with questions are checked too. Exits with 2 if training would fail.
    """

    data: Annotated[Path, tyro.conf.Positional]
    """Folder of the pictures; how they are captioned is found out and said."""
    manifest: Path | None = None
    """File that says the captions; by default it is looked for in the folder."""
    model: str | None = None
    """Model directory, hub id or name (base, small) that is to be fine-tuned; base by default."""
    output: Path | None = None
    """Write everything to this JSON file."""
    fix: Path | None = None
    """Write a cleaned list of the captions to this .jsonl file, to be given as --manifest; the
    originals stay as they are."""

    def __post_init__(self) -> None:
        if self.fix is not None and self.fix.suffix != ".jsonl":
            raise ValueError(f"fix should end in .jsonl, got {self.fix}")
        if self.fix is not None and self.fix.exists():
            raise ValueError(f"{self.fix} is there already, and no original is overwritten")


def main(args: Args) -> int:
    """Print what is in the folder and what is wrong with it; return 2 if it is unusable."""
    from caption.data.review import write_cleaned, write_reviews

    reviews = _reviews(args)
    for review in reviews:
        print(review)
    if args.output is not None:
        write_reviews(args.output, reviews)
    if args.fix is not None:
        if len(reviews) > 1:
            raise DataError(
                "there are captions and questions; say with --manifest which to write anew"
            )
        print(f"{args.fix}: {write_cleaned(args.fix, reviews[0])} records; give it as --manifest")
    fatal = [problem for review in reviews for problem in review.problems if problem.fatal]
    if fatal:
        print(
            f"{fatal[0]} ({len(fatal)} such problems keep it from being trained on; mend them, or "
            "let --fix write a list without them)",
            file=sys.stderr,
        )
    return 2 if fatal else 0


def _reviews(args: Args) -> "list[Review]":
    """Review the captions and the questions, whichever of them there are."""
    from caption.data.forms import read_captions
    from vqa.data.check import review
    from vqa.data.forms import find_questions

    questions = find_questions(args.data, args.manifest)
    if questions is None:
        return [_review_captions(read_captions(args.data, args.manifest), args)]
    reviews = [review(questions, args.data)]
    if args.manifest is None and (manifest := read_captions(args.data)).is_captioned:
        reviews.insert(0, _review_captions(manifest, args))
    return reviews


def _review_captions(manifest: "DataSet", args: Args) -> "Review":
    from caption.models.captioner import CaptionModel
    from caption.models.directory import DEFAULT_CAPTIONER, locate_model
    from caption.models.languages import nearest
    from caption.text.identify import find_language
    from caption.training.review import review

    language = find_language(text for image in manifest.images for text in image.captions)
    start = nearest(locate_model(args.model or DEFAULT_CAPTIONER), language)
    return review(manifest, CaptionModel.from_pretrained(start))
