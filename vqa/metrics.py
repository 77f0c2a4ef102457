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

from vqa.annotations import AnsweredQuestion, QuestionId
from vqa.answers import OFFICIAL_ANSWERS, normalise, things, trim


@dataclass(frozen=True)
class VqaScores:
    """Accuracies as fractions: 0.27, not 27."""

    accuracy: float
    by_answer_type: Mapping[str, float]
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
        by_answer_type[questions[question_id].answer_type].append(value)
        by_question_type[questions[question_id].question_type].append(value)
    return VqaScores(
        accuracy=fmean(per_question.values()),
        by_answer_type={name: fmean(values) for name, values in sorted(by_answer_type.items())},
        by_question_type={name: fmean(values) for name, values in sorted(by_question_type.items())},
        per_question=per_question,
        num_official=sum(len(questions[i].answers) >= OFFICIAL_ANSWERS for i in results),
    )


def accuracy(prediction: str, answers: Sequence[str]) -> float:
    """Return how right an answer is, from 0 to 1, given what people answered."""
    if len(answers) < OFFICIAL_ANSWERS:
        return float(things(prediction) in map(things, answers))
    # Officially nothing is normalised where all agree: "Cat." is wrong if everyone said "cat".
    compared = trim if len(set(answers)) == 1 else normalise
    prediction = compared(prediction)
    matches = [compared(answer) == prediction for answer in answers]
    return fmean(min(1.0, (sum(matches) - own) / 3) for own in matches)
