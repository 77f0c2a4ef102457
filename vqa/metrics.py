"""Accuracy of answers, as the official VQA evaluation computes it where it applies.

With ten answers to a question or more, an answer is right as far as the annotators agree with it:
accuracy is min(1, matches / 3), averaged over leaving each annotator out (Antol et al. 2015).
Sets with fewer answers would get wrong figures from that, 0 with a single answer. There an answer
is right, 1.0, if it equals any of the given ones after normalisation; where they are lists with
commas ("chair, table", as in DAQUAR), if it names the same things in any order.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt

from caption.files.paths import ImageId
from caption.metrics.bootstrap import RESAMPLES, Difference, paired_bootstrap
from vqa.answers import OFFICIAL_ANSWERS, answer_type, normalise, things, trim
from vqa.data.annotations import AnsweredQuestion, ImageQuestion, QuestionId


@dataclass(frozen=True)
class VqaScores:
    """Accuracies as fractions: 0.27, not 27."""

    accuracy: float
    by_answer_type: Mapping[str, float]
    """By what the data set calls the type; yes/no, number or other where it does not say."""
    by_question_type: Mapping[str, float]
    per_question: Mapping[QuestionId, float]
    num_official: int
    """Questions with enough answers for the official rule; the others are matched exactly."""


def score(
    results: Mapping[QuestionId, str], questions: Mapping[QuestionId, AnsweredQuestion]
) -> VqaScores:
    """Score one answer for each question in `results`, at least one."""
    per_question = {i: accuracy(answer, questions[i].answers) for i, answer in results.items()}
    by_answer_type, by_question_type = defaultdict(list), defaultdict(list)
    for question_id, value in per_question.items():
        question = questions[question_id]
        by_answer_type[type_of(question)].append(value)
        by_question_type[question.question_type].append(value)
    return VqaScores(
        accuracy=fmean(per_question.values()),
        by_answer_type={name: fmean(values) for name, values in sorted(by_answer_type.items())},
        by_question_type={name: fmean(values) for name, values in sorted(by_question_type.items())},
        per_question=per_question,
        num_official=sum(len(questions[i].answers) >= OFFICIAL_ANSWERS for i in results),
    )


def type_of(question: AnsweredQuestion | ImageQuestion) -> str:
    """Return the type of a question's answers: as its data set calls it, or else as VQA does."""
    return question.answer_type or answer_type(question.answers)


def gain(
    scores: VqaScores,
    others: VqaScores,
    image_of: Mapping[QuestionId, ImageId],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Return how much more often one model is right than another.

    Args:
        scores: of one model's answers.
        others: of another's to the same questions.
        image_of: what each question is about.
        resamples: draws of as many images.
        seed: of the draws.
    """
    sums: defaultdict[ImageId, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for question_id, value in scores.per_question.items():
        image = sums[image_of[question_id]]
        image[0] += value - others.per_question[question_id]
        image[1] += 1
    totals = np.array(list(sums.values()))

    def measure(times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        drawn = times @ totals
        return drawn[:, :1] / drawn[:, 1:]

    (difference,) = paired_bootstrap(measure, len(totals), resamples=resamples, seed=seed)
    return difference


def accuracy(prediction: str, answers: Sequence[str]) -> float:
    """Return how right an answer is, from 0 to 1, given what people answered."""
    if len(answers) < OFFICIAL_ANSWERS:
        return float(things(prediction) in map(things, answers))
    # Officially nothing is normalised where all agree: "Cat." is wrong if everyone said "cat".
    compared = trim if len(set(answers)) == 1 else normalise
    prediction = compared(prediction)
    matches = [compared(answer) == prediction for answer in answers]
    return fmean(min(1.0, (sum(matches) - own) / 3) for own in matches)


def table(scores: VqaScores) -> str:
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
