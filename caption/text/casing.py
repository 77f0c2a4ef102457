"""How people write words that the model knows in lower case only: names, German nouns, "I".

It is learnt from captions, and only for those who read: what is scored is in lower case anyway.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caption.errors import ModelError
from caption.text.language import Language
from caption.text.scripts import spaceless, uniform

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_APOSTROPHE = re.compile("['’]")
_BEGINS_SENTENCE = re.compile(r"(?:^|[.!?¡¿…:]|[\"“”„«»‘(\[])\W*$")


@dataclass(frozen=True)
class Casing:
    """The usual spelling of words, where it is not lower case."""

    words: Mapping[str, str] = field(default_factory=dict)
    """By the word in lower case."""
    capital: bool = False
    """Whether captions begin with a capital letter."""

    def __bool__(self) -> bool:
        return self.capital or bool(self.words)

    @classmethod
    def learn(cls, captions: Iterable[str], known: Collection[str], language: Language) -> "Casing":
        """Return how most people write words inside their sentences.

        The first word of one tells only of letters behind its first, as "iPhone" does. Captions in
        one case alone say nothing: their writers did not trouble, or shouted.

        Args:
            captions: to learn from.
            known: words that are ever written.
            language: of the captions.
        """
        spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
        begins: Counter[bool] = Counter()
        for caption in captions:
            caption = caption if language.is_english else uniform(caption)
            first = next((char for char in caption if char.isalnum()), "")
            begins[first != first.lower()] += 1
            is_shouted = caption == caption.upper() and not language.is_spaceless
            if is_shouted or caption == caption.lower():
                continue
            # Of "T恤" the "T" is a word.
            caption = spaceless().sub(r" \g<0> ", caption) if language.is_spaceless else caption
            for match in _WORD.finditer(caption):
                if language.lower(match[0][1:]) != match[0][1:] or not _begins(caption, match):
                    is_one = language.lower(match[0]) in known
                    for word in [match[0]] if is_one else _APOSTROPHE.split(match[0]):
                        spellings[language.lower(word)][word] += 1
        usual = {
            word: max(counts, key=lambda spelling: (counts[spelling], spelling == word, spelling))
            for word, counts in spellings.items()
            if word in known
        }
        return cls(
            {word: spelling for word, spelling in sorted(usual.items()) if spelling != word},
            capital=begins[True] > begins[False],
        )

    def with_more(self, other: "Casing") -> "Casing":
        """Return this casing with what another knows, which is the newer one."""
        return Casing({**self.words, **other.words}, other.capital)

    def of(self, words: Sequence[str]) -> list[str]:
        """Return words as they are written inside a sentence."""
        return [self.words.get(word, word) for word in words]

    def to_json(self) -> dict[str, Any]:
        """Return the casing as plain values."""
        return {"words": dict(self.words), "capital": self.capital}

    @classmethod
    def from_json(cls, values: Any) -> "Casing":
        """Return the casing that `to_json` gave.

        Raises:
            ModelError: these are no such values.
        """
        words = values.get("words") if isinstance(values, dict) else None
        if not isinstance(words, dict) or not isinstance(values.get("capital"), bool):
            raise ModelError("the vocabulary's 'casing' should have 'words' and say if 'capital'")
        for word, spelling in words.items():
            if not isinstance(spelling, str) or not spelling:
                raise ModelError(f"the vocabulary writes {word!r} as {spelling!r}, expected a word")
        return cls(words, values["capital"])


def _begins(caption: str, word: re.Match[str]) -> bool:
    """Return whether a word is the first of a sentence."""
    before = caption[max(0, word.start() - 8) : word.start()]
    return _BEGINS_SENTENCE.search(before) is not None


LOWER = Casing()
