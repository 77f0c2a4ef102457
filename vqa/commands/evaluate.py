"""Score answers to questions about images."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from caption.errors import DataError

if TYPE_CHECKING:
    from vqa.data.annotations import AnsweredQuestion, QuestionId


@dataclass(frozen=True, kw_only=True)
class Args:
    """Score answers to questions about images."""

    results: Path | None = None
    """JSON file with the answers, a list of question_id and answer as EvalAI wants it; without it a
    model answers."""
    annotations: Path | None = None
    """VQA annotations JSON file with what people answered; without it the results are only
    checked."""
    questions: Path | None = None
    """VQA questions JSON file, each of which the results must answer exactly once; by default those
    of the annotations."""
    images: Path | None = None
    """Directory of the images, for a model."""
    model: str | None = None
    """Model directory, hub id or name (base, small) of a question answerer; base by default."""
    captioner: str | None = None
    """Model whose encoder it was trained with; by default the one of the package."""
    features: Path | None = None
    """Directory for stored features, extracted if not there yet; by default a temporary one."""
    subset: bool = False
    """Accept results that lack some of the questions."""
    output: Path | None = None
    """Write the scores to this JSON file."""
    submission: Path | None = None
    """Write the checked answers to this JSON file, ready for the server."""


def main(args: Args) -> None:
    """Check that every question is answered once, then print how right the answers are."""
    from caption.files.writing import write_json
    from vqa.data.annotations import read_answers, read_questions, read_results, write_results
    from vqa.metrics import score, table

    truths = {} if args.annotations is None else read_answers(args.annotations)
    questions = truths if args.questions is None else read_questions(args.questions)
    if not questions:
        raise DataError("give --annotations to score the answers, or --questions to check them")
    if args.results is None:
        source = args.model or "the model of the package"
        answers = _answer(args)
    else:
        source = str(args.results)
        answers = read_results(args.results, questions, subset=args.subset)
    print(f"{source}: {len(answers)} of {len(questions)} questions answered")
    if args.annotations is not None:
        _refuse_unknown(answers, truths, args.annotations)
        scores = score(answers, truths)
        print(table(scores))
        if args.output is not None:
            protocol = {
                "results": source,
                "annotations": str(args.annotations),
                "num_questions": len(answers),
                "num_all_questions": len(questions),
            }
            write_json(args.output, protocol | asdict(scores))
    if args.submission is not None:
        write_results(args.submission, answers)


def _answer(args: Args) -> "dict[QuestionId, str]":
    """Let a model answer all questions, those of a dialog with the history in the file."""
    from tempfile import TemporaryDirectory

    from caption.vision.extract import store_features
    from vqa.data.reading import read_vqa
    from vqa.evaluate import evaluate_on
    from vqa.predict import QuestionAnswerer

    if args.questions is None or args.annotations is None or args.images is None:
        raise DataError(
            "give --results with answers, or --questions, --annotations and --images for a model "
            "to answer"
        )
    data = read_vqa(args.questions, args.annotations, args.images)
    answerer = QuestionAnswerer.from_pretrained(args.model, captioner=args.captioner)
    with TemporaryDirectory() as folder:
        features = args.features or Path(folder) / "features"
        store = store_features(answerer.extract.encoder, data.images, features)
        beside = None
        companion, other = answerer.model.companion, answerer.extract.beside
        if companion is not None and other is not None:
            beside = store_features(other, data.images, features / companion.name)
        return evaluate_on(
            answerer.model, data, store, answerer.extract.head, beside=beside
        ).answers


def _refuse_unknown(
    answers: "Mapping[QuestionId, str]",
    truths: "Mapping[QuestionId, AnsweredQuestion]",
    annotations: Path,
) -> None:
    unknown = [question_id for question_id in answers if question_id not in truths]
    if unknown:
        raise DataError(
            f"{annotations}: nobody has answered question {unknown[0]!r} ({len(unknown)} such); "
            "give the annotations of the same questions, or none to check the results only"
        )
