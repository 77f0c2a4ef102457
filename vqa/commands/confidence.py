"""Find out how good a model's captions or answers are when it is so sure, and write it into it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.errors import Argument, ModelError

if TYPE_CHECKING:
    from caption.evaluation.confidence import Examples


@dataclass(frozen=True, kw_only=True)
class Args:
    """Find out how good a model's captions or answers are when it is so sure, and write it into it.

    The pictures must be ones from which it has not learnt.
    """

    model: str
    """Model directory or hub id of a captioner or a question answerer."""
    data: tuple[Path, ...]
    """Folders of the pictures, captioned or asked about, in any form; each is scored by itself."""
    manifest: Annotated[
        tuple[Path, ...], tyro.conf.arg(aliases=["--references", "--questions"])
    ] = ()
    """For each folder the file that says it; by default it is looked for in the folder."""
    annotations: tuple[Path, ...] = ()
    """For each VQA questions file its annotations, where they are not in the folder."""
    others: int = 0
    """So many of the last folders are of another kind: confidence in them is judged only."""
    captioner: str | None = None
    """Model whose encoder a question answerer was trained with; by default the one that comes with
    the package."""
    output: Path
    """Directory of the model with its confidence; that of the model itself to give it there."""

    def __post_init__(self) -> None:
        if not 0 <= self.others < len(self.data):
            raise ValueError(
                f"others must leave a folder to learn from of {len(self.data)}, got {self.others}"
            )
        for name in ("manifest", "annotations"):
            given = getattr(self, name)
            if given and len(given) != len(self.data):
                raise ValueError(
                    f"{name} should be one file for each of the {len(self.data)} folders, got "
                    f"{len(given)}"
                )
        if self.annotations and not self.manifest:
            raise ValueError("annotations belong to questions; give both")


def main(args: Args) -> None:
    """Fit the confidence, write it into the model, and say how well it holds."""
    from caption.evaluation.confidence import Judged, confidences, fit_confidence, joined
    from caption.models.confidence import CAPTION_CLUES
    from caption.models.directory import copy_with, kind_of, locate_model
    from vqa.model import ANSWER_CLUES, KIND

    source = locate_model(args.model)
    is_answerer = kind_of(source) == KIND
    sets = list(_answers(args) if is_answerer else _captions(args))
    first = len(sets) - args.others
    examples = joined(sets[:first])
    names = ANSWER_CLUES if is_answerer else CAPTION_CLUES
    confidence, judged = fit_confidence(examples, names)
    copy_with(source, args.output, "confidence", confidence.to_json())
    outcomes = "answers" if is_answerer else "captions"
    print(f"{len(examples)} {outcomes}, each judged by what was fitted to others: {judged}")
    for folder, other in zip(args.data[first:], sets[first:], strict=True):
        trust = confidences(confidence, other.clues)
        print(f"{folder}, of another kind, {len(other)}: {Judged.of(trust, other.qualities)}")
    print(f"{args.output}: says that it is guessing below {confidence.guess_below:.0%}")


def _captions(args: Args) -> "Iterator[Examples]":
    """Yield what a captioner knows of its captions of each folder."""
    from caption.data.check import read_sound
    from caption.predict import Captioner
    from caption.training.confidence import caption_examples

    if args.annotations:
        raise ModelError(
            f"{args.model}: a captioner, whose pictures have captions and no annotations of "
            "questions; give the captions as the manifest",
            Argument("model", "DIR", "to name a question answerer"),
        )
    captioner = Captioner.from_pretrained(args.model)
    manifests = args.manifest or (None,) * len(args.data)
    for folder, manifest in zip(args.data, manifests, strict=True):
        yield caption_examples(captioner, read_sound(folder, manifest).images)


def _answers(args: Args) -> "Iterator[Examples]":
    """Yield what a question answerer knows of its answers about each folder."""
    from caption.files.tables import refuse_fatal
    from vqa.confidence import answer_examples
    from vqa.data.forms import read_questions
    from vqa.data.reading import read_vqa
    from vqa.predict import QuestionAnswerer

    answerer = QuestionAnswerer.from_pretrained(args.model, captioner=args.captioner)
    for number, folder in enumerate(args.data):
        if args.annotations:
            data = read_vqa(args.manifest[number], args.annotations[number], folder)
        else:
            found = read_questions(folder, args.manifest[number] if args.manifest else None)
            refuse_fatal(found.problems, folder)
            data = found.data
        yield answer_examples(answerer, data)
