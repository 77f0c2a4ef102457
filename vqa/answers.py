"""Answers made comparable, exactly as the official VQA evaluation does it, quirks included.

The rules are those of `vqaEval.py` (Antol et al. 2015). They are not what anyone would write today
("none" is 0 but "no" is not, "somebody'd" loses its apostrophe where all others gain one), but
scores are comparable only by the same rules.
"""

import re

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
