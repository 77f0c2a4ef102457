"""Score answers to questions about images."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from caption.command import run
from caption.errors import DataError

if TYPE_CHECKING:
    from vqa.annotations import AnsweredQuestion, QuestionId
    from vqa.metrics import VqaScores


@dataclass(frozen=True, kw_only=True)
class Args:
    """Score answers to questions about images."""

    results: Path
    """JSON file with the answers, a list of question_id and answer as EvalAI wants it."""
    annotations: Path | None = None
    """VQA annotations JSON file with what people answered; without it the results are only
    checked."""
    questions: Path | None = None
    """VQA questions JSON file, each of which the results must answer exactly once; by default those
    of the annotations."""
    subset: bool = False
    """Accept results that lack some of the questions."""
    output: Path | None = None
    """Write the scores to this JSON file."""
    submission: Path | None = None
    """Write the checked answers to this JSON file, ready for the server."""


def main(args: Args) -> None:
    """Check that every question is answered once, then print how right the answers are."""
    from caption.files import write_json
    from vqa.annotations import read_answers, read_questions, read_results, write_results
    from vqa.metrics import score

    truths = {} if args.annotations is None else read_answers(args.annotations)
    questions = truths if args.questions is None else read_questions(args.questions)
    if not questions:
        raise DataError("give --annotations to score the answers, or --questions to check them")
    answers = read_results(args.results, questions, subset=args.subset)
    print(f"{args.results}: {len(answers)} of {len(questions)} questions answered")
    if args.annotations is not None:
        _refuse_unknown(answers, truths, args.annotations)
        scores = score(answers, truths)
        print(table(scores))
        if args.output is not None:
            protocol = {
                "results": str(args.results),
                "annotations": str(args.annotations),
                "num_questions": len(answers),
                "num_all_questions": len(questions),
            }
            write_json(args.output, protocol | asdict(scores))
    if args.submission is not None:
        write_results(args.submission, answers)


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


def table(scores: "VqaScores") -> str:
    """Return the scores as text, in percent as they are usually given."""
    exact = len(scores.per_question) - scores.num_official
    lines = []
    if scores.num_official:
        lines.append(f"{scores.num_official} scored by the official rule for ten answers")
    if exact:
        lines.append(f"{exact} with fewer than ten answers: right if one of them is the same")
    lines += ["", f"accuracy {scores.accuracy:.2%}"]
    for title, parts in (
        ("by answer type", scores.by_answer_type),
        ("by question type", scores.by_question_type),
    ):
        if len(parts) > 1:
            lines += ["", title]
            lines += [f"  {name or '(none)':<24} {value:.2%}" for name, value in parts.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main, Args)
