"""Check a folder of captioned pictures before a model is trained on it."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from caption.commands.run import run
from caption.errors import DataError

if TYPE_CHECKING:
    from caption.data.captioned import Manifest
    from caption.data.check import Examination
    from caption.files.tables import Problem
    from caption.models.captioner import CaptionModel
    from vqa.data.forms import QuestionSet

SHOWN = 3
"""Problems of each kind that are printed; --output has them all."""


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
    """Model directory or hub id that is to be fine-tuned; by default the package's own."""
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
    from caption.files.writing import write_json

    checked = _checked(args)
    for part in checked:
        print(*part.lines, *_problem_lines(part.problems), sep="\n")
    problems = [problem for part in checked for problem in part.problems]
    if args.output is not None:
        reports = {name: value for part in checked for name, value in part.report.items()}
        write_json(args.output, {**reports, "problems": [asdict(p) for p in problems]})
    if args.fix is not None:
        _fix(args.fix, checked)
    fatal = [problem for problem in problems if problem.fatal]
    if fatal:
        print(
            f"{fatal[0]} ({len(fatal)} such problems keep it from being trained on; mend them, or "
            "let --fix write a list without them)",
            file=sys.stderr,
        )
    return 2 if fatal else 0


@dataclass(frozen=True)
class Checked:
    """What is known of a folder."""

    lines: Sequence[str]
    """For the screen."""
    problems: Sequence["Problem"]
    report: dict[str, Any]
    cleaned: Iterable[dict[str, Any]]
    """Records without the problems."""


def _checked(args: Args) -> list[Checked]:
    """Check the captions and the questions, whichever of them there are."""
    from caption.data.forms import read_manifest
    from vqa.data.forms import find_questions

    questions = find_questions(args.data, args.manifest)
    if questions is None:
        return [_check_captions(read_manifest(args.data, args.manifest), args)]
    checked = [_check_questions(questions, args)]
    if args.manifest is None and (manifest := read_manifest(args.data)).is_captioned:
        checked.insert(0, _check_captions(manifest, args))
    return checked


def _fix(path: Path, checked: Sequence[Checked]) -> None:
    """Write a list without the problems."""
    from caption.files.writing import write_text

    if len(checked) > 1:
        raise DataError("there are captions and questions; say with --manifest which to write anew")
    rows = list(checked[0].cleaned)
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    print(f"{path}: {len(rows)} records; give it as --manifest")


def _check_captions(manifest: "Manifest", args: Args) -> Checked:
    from caption.data.check import cleaned, examine
    from caption.models.captioner import CaptionModel
    from caption.models.directory import DEFAULT_CAPTIONER

    examination = examine(manifest)
    model = CaptionModel.from_pretrained(args.model or DEFAULT_CAPTIONER)
    unknown = examination.unknown(set(model.vocabulary.tokens))
    return Checked(
        lines=list(_lines(examination, unknown, model)),
        problems=examination.problems,
        report={
            "captioned": manifest.form,
            "pictures": len(manifest.entries),
            "splits": dict(Counter(entry.split for entry in manifest.entries)),
            "captions": examination.num_captions,
            "unknown_words": dict(unknown.most_common()),
            "captions_of_several_images": dict(examination.common),
        },
        cleaned=(
            {
                "file_name": entry.name,
                "captions": list(entry.captions),
                **({"split": entry.split} if entry.split else {}),
            }
            for entry in cleaned(examination)
        ),
    )


def _lines(
    examination: "Examination", unknown: Counter[str], model: "CaptionModel"
) -> Iterator[str]:
    """Yield what there is to say of captioned pictures."""
    from caption.training.plan import stages_for, time_needed

    manifest = examination.manifest
    yield manifest.form
    yield f"{'pictures':<20} {_by_split(entry.split for entry in manifest.entries)}"
    if not manifest.is_captioned:
        yield "no captions: nothing to train on, but scripts/describe.py can caption the pictures"
        return
    words = examination.words.total()
    mean = words / max(1, examination.num_captions)
    yield f"{'captions':<20} {examination.num_captions}, of {mean:.1f} words on average"
    often = ", ".join(f"{word} {count}" for word, count in unknown.most_common(8))
    yield (
        f"{'words':<20} {len(examination.words)}, of which the model does not know {len(unknown)} "
        f"({unknown.total() / max(1, words):.1%} of the text): {often or 'none'}"
    )
    for text, count in examination.common[:SHOWN]:
        yield f"{'the same caption':<20} {count} pictures: {text[:60]}"
    stages = stages_for(len(manifest.entries))
    minutes = time_needed(model, stages, len(manifest.entries)) / 60
    rows, columns = model.encoder.grid_size
    size = len(manifest.entries) * rows * columns * model.encoder.feature_dim * 2
    yield (
        f"{'fine-tuning':<20} about {max(1, round(minutes))} minutes here, and {size / 1e6:.0f} MB "
        f"for features ({' then '.join(f'{s.epochs} epochs {s.name}' for s in stages)})"
    )


def _by_split(splits: Iterable[str]) -> str:
    counts = Counter(splits)
    named = ", ".join(f"{split} {count}" for split, count in sorted(counts.items()) if split)
    return f"{counts.total()}{f' ({named})' if named else ', not split'}"


def _check_questions(questions: "QuestionSet", args: Args) -> Checked:
    from caption.data.pictures import look, uncaptioned
    from caption.files.locate import name_of

    data = questions.data
    entries = uncaptioned(data.images, questions.splits)
    digests, faults = look(entries)
    answers = Counter(answer for question in data.questions for answer in question.answers)
    often = ", ".join(f"{answer} {count}" for answer, count in answers.most_common(8))
    good = [q for q in data.questions if data.images[q.image_id] in digests]
    if len({q.image_id for q in good}) < 10:
        raise DataError(f"{args.data}: questions about fewer than 10 pictures that can be read")
    return Checked(
        lines=[
            questions.form,
            f"{'pictures':<20} {_by_split(entry.split for entry in entries)}",
            f"{'questions':<20} {len(data.questions)}",
            f"{'answers':<20} {len(answers)} different: {often}",
        ],
        problems=sorted((*questions.problems, *faults), key=lambda problem: not problem.fatal),
        report={
            "asked_about": questions.form,
            "pictures_asked_about": len(entries),
            "questions": len(data.questions),
            "answers": dict(answers.most_common()),
        },
        cleaned=(
            {
                "file_name": name_of(data.images[q.image_id], args.data),
                "question": q.text,
                "answers": list(q.answers),
                **({"split": s} if (s := questions.splits.get(q.image_id)) else {}),
            }
            for q in good
        ),
    )


def _problem_lines(problems: Sequence["Problem"]) -> Iterator[str]:
    """Yield each kind of problem with its number and the first of them."""
    yield "" if problems else "no problems found"
    kinds = Counter((problem.kind, problem.fatal) for problem in problems)
    for (kind, fatal), count in kinds.items():
        yield f"{kind:<28} {count:>6}  {'must be mended' if fatal else 'worth a look'}"
        of_kind = [problem for problem in problems if problem.kind == kind]
        yield from (f"    {problem}" for problem in of_kind[:SHOWN])


if __name__ == "__main__":
    run(main, Args)
