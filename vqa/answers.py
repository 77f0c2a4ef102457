"""Answers made comparable, exactly as the official VQA evaluation does it, quirks included.

The rules are those of `vqaEval.py` (Antol et al. 2015). They are not what anyone would write today
("none" is 0 but "no" is not, "somebody'd" loses its apostrophe where all others gain one), but
scores are comparable only by the same rules.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from caption.errors import DataError, ModelError

OFFICIAL_ANSWERS = 10
"""Answers of a question from which on the official rule applies."""

PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"none": "0"}
ARTICLES = frozenset({"a", "an", "the"})

# With any one of its apostrophes left out, each becomes what it is here. "shes" and "lets" stay as
# they are, and so does "im": officially I'm and I've are looked up with a capital, too late.
_CONTRACTIONS = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
    haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't
    mightn't've must've mustn't needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've
    shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll
    someone's something'd something'd've something'll that's there'd there'd've there're there's
    they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're
    what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're
    why's won't would've wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll you're
    you've
"""
CONTRACTIONS = {
    word[: mark.start()] + word[mark.end() :]: word
    for word in _CONTRACTIONS.split()
    for mark in re.finditer("'", word)
} | {"somebody'd": "somebodyd"}

_THOUSANDS = re.compile(r"\d,\d")
_FULL_STOP = re.compile(r"\.(?!\d)")
MOST_FULL_STOPS = 32
"""Officially a flag (re.UNICODE) stands where the number of replacements belongs."""


def normalise(answer: str) -> str:
    """Return an answer in the form in which answers are compared."""
    return _words(_punctuation(trim(answer)))


def trim(answer: str) -> str:
    """Return an answer on one line, which is all that is done where every annotator agrees."""
    return answer.replace("\n", " ").replace("\t", " ").strip()


def _punctuation(answer: str) -> str:
    """Remove punctuation beside a space, or anywhere beside "1,000"; elsewhere it parts words."""
    text, has_thousands = answer, _THOUSANDS.search(answer) is not None
    for mark in PUNCTUATION:
        is_outside = f"{mark} " in answer or f" {mark}" in answer
        text = text.replace(mark, "" if is_outside or has_thousands else " ")
    return _FULL_STOP.sub("", text, count=MOST_FULL_STOPS)


def _words(text: str) -> str:
    """Write numbers as digits, drop articles, give contractions their apostrophe."""
    words = [NUMBERS.get(word, word) for word in text.lower().split()]
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


_NUMBER = re.compile(r"\d+(\.\d+)?")
_COMMA = re.compile(r",(?!\d)")


def things(answer: str) -> frozenset[str]:
    """Return the parts of a list with commas, each normalised unless nothing would be left."""
    parts = [part.strip() for part in _COMMA.split(answer)]
    return frozenset(normalise(part) or part.lower() for part in parts if part)


def spelled(answers: Iterable[str]) -> dict[str, int]:
    """Return how often each answer is given, by its most frequent spelling; empty ones are none.

    Spellings that differ in case, article or punctuation are one answer: "The left lung" is "left
    lung". Of equally frequent ones the shortest is taken, in small letters.
    """
    spellings: defaultdict[frozenset[str], Counter[str]] = defaultdict(Counter)
    for answer in answers:
        if meant := things(answer):
            spellings[meant][trim(answer)] += 1

    def first(counts: Counter[str]) -> str:
        return min(counts, key=lambda text: (-counts[text], len(text), text.swapcase()))

    return {first(counts): counts.total() for counts in spellings.values()}


def commonest(answers: Iterable[str]) -> str:
    """Return the answer that is given most often, the first of equals; empty if there is none."""
    counts = spelled(answers)
    return max(counts, key=counts.__getitem__, default="")


def answer_type(answers: Sequence[str]) -> str:
    """Return what VQA would sort a question into by its answers: yes/no, number or other."""
    answer = normalise(commonest(answers))
    if answer in ("yes", "no"):
        return "yes/no"
    # "None" is 0 when answers are compared, and here may be no tumour as well as no dogs.
    is_number = _NUMBER.fullmatch(answer) and not all(a.lower() == "none" for a in answers)
    return "number" if is_number else "other"


class AnswerVocabulary:
    """The answers that a model can give; each is a class, however it is written."""

    def __init__(self, answers: Sequence[str]) -> None:
        self.answers = tuple(answers)
        self._ids = {things(answer): i for i, answer in enumerate(self.answers)}
        if len(self._ids) != len(self.answers):
            raise ModelError("the vocabulary has an answer more than once")

    @classmethod
    def build(cls, answers: Iterable[str], *, max_answers: int) -> "AnswerVocabulary":
        """Return the most frequent answers, each in its most frequent spelling.

        Raises:
            DataError: there are none.
        """
        counts = spelled(answers)
        if not counts:
            raise DataError("there are no answers to learn; every one is empty")
        return cls(sorted(counts, key=lambda text: (-counts[text], text))[:max_answers])

    def grown(self, answers: Iterable[str], *, max_answers: int) -> "AnswerVocabulary":
        """Return these answers and new ones, the most frequent first; none loses its class."""
        new = [answer for answer in answers if things(answer) and self.id_of(answer) is None]
        room = max_answers - len(self)
        if not new or room < 1:
            return self
        return AnswerVocabulary(
            (*self.answers, *AnswerVocabulary.build(new, max_answers=room).answers)
        )

    def __len__(self) -> int:
        return len(self.answers)

    def id_of(self, answer: str) -> int | None:
        """Return the class of an answer, or None if the model cannot give it."""
        return self._ids.get(things(answer))

    def targets(self, answers: Sequence[str]) -> dict[int, float]:
        """Return how right each class would be, given what people answered; others are wrong.

        With ten answers 0.3 for each that agrees, at most 1, as the official accuracy has it; with
        fewer, 1 for each of the given ones.
        """
        counts = Counter(i for answer in answers if (i := self.id_of(answer)) is not None)
        if len(answers) < OFFICIAL_ANSWERS:
            return dict.fromkeys(counts, 1.0)
        return {i: min(1.0, 0.3 * count) for i, count in counts.items()}
