"""What an instruction asks for: a description, keywords, or the answer to a question.

Programs send long instructions, people short ones. Sentence by sentence, the first that asks for
something decides: "Write a caption for this photo. Is it short?" asks for a caption.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["description", "keywords", "question"]

_IMAGE = r"(?:image|picture|photo|photograph|scene)"
_MAKE = (
    r"(?:write|generate|create|give|provide|produce|make|return|suggest|draft|compose|output|add)"
)
_TEXT = r"(?:captions?|descriptions?|alt(?:ernative)?[- ]?texts?|titles?|summary)"
_WORDS = r"(?:keywords?|tags?|hashtags?|labels?)"
# A gap has a limit, so that the time to look grows with the text and no faster.
_DESCRIBE = re.compile(
    rf"(?<!not )(?<!n't )\b(?:describ(?:e|es|ing)|summari[sz]e|depict|{_MAKE}\b.{{0,80}}?\b{_TEXT}"
    rf"|captions? (?:this|the|these|my|it|every|each))\b"
)
_NAME = re.compile(
    rf"\b(?:{_MAKE}|list|extract|assign)\b.{{0,80}}?\b{_WORDS}\b|\b(?:keywords|hashtags|tags)\b.{{0,80}}\?"
)
_OVERVIEW = re.compile(
    r"(?:what(?:'s| is| are| do you see| can you see| can be seen)?(?: (?:happening|going on|shown|"
    rf"visible|depicted))?(?: (?:in|on|here))?(?: (?:this|the|my|that))?(?: {_IMAGE})?"
    rf"|what does (?:this|the|my) {_IMAGE} (?:show|depict|contain))\s*\?*"
)
_OPENING = re.compile(
    r"\b(?:what|which|who|whose|where|when|why|how|is|are|was|were|do|does|did|can|could|has|have)\b"
)
_COURTESY = re.compile(r"(?:please[, ]+)?(?:(?:tell me|say|and|so|now|but|ok|then)[,:]? +)*")
_SENTENCE = re.compile(r"[^.!?:;\n]+[.!?:;\n]*")


@dataclass(frozen=True)
class Wish:
    """What is wanted of a photo."""

    kind: Kind
    question: str = ""
    """As it is to be answered."""


DESCRIPTION, KEYWORDS = Wish("description"), Wish("keywords")


def wish_of(instruction: str) -> Wish | None:
    """Return what is asked for; None if it cannot be told."""
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(instruction)]
    sentences = [sentence for sentence in sentences if any(map(str.isalnum, sentence))]
    wishes = [_wish_of(sentence, is_all=len(sentences) == 1) for sentence in sentences]
    decided = [wish for wish in wishes if wish is not None]
    if not decided:
        return _mentioned(instruction)
    # What is asked before the last question only leads to it.
    return decided[-1 if all(wish.kind == "question" for wish in decided) else 0]


def _wish_of(sentence: str, *, is_all: bool) -> Wish | None:
    """Return what one sentence asks for, which may be all there is."""
    lowered = sentence.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    found = [
        (match.start(), wish)
        for wish, pattern in ((DESCRIPTION, _DESCRIBE), (KEYWORDS, _NAME))
        if (match := pattern.search(lowered))
    ]
    if found:
        return min(found, key=lambda pair: pair[0])[1]
    begin = _COURTESY.match(lowered)
    start = begin.end() if begin else 0
    if not _is_question(lowered, start, is_all=is_all):
        return None
    if _OVERVIEW.fullmatch(lowered, start):
        return DESCRIPTION
    return Wish("question", sentence[start:])


def _is_question(sentence: str, start: int, *, is_all: bool) -> bool:
    """Return whether a sentence asks: it alone needs a question mark or word, among others both."""
    ends_so = sentence.endswith("?")
    if is_all:
        return ends_so or _OPENING.match(sentence, start) is not None
    return ends_so and _OPENING.search(sentence) is not None


def _mentioned(instruction: str) -> Wish | None:
    """Return what is asked for by a word alone, such as "Short caption"."""
    found = re.search(rf"\b(?:({_TEXT})|{_WORDS})\b", instruction.lower())
    if found is None:
        return None
    return DESCRIPTION if found.group(1) else KEYWORDS
