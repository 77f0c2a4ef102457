"""Words, or characters, and their ids."""

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from caption.errors import DataError, ModelError
from caption.text.casing import LOWER, Casing
from caption.text.language import ENGLISH, Language
from caption.text.scripts import joined, words_of

Unit = Literal["word", "char"]
"""What a caption is written in."""

SPECIALS = ("<pad>", "<start>", "<end>", "<unk>")
"""Padding, start and end of a caption, and whatever is not in the vocabulary; ids 0 to 3."""


def split(caption: str, unit: Unit, language: Language = ENGLISH) -> list[str]:
    """Return the units of a caption: its words, of English officially, or its characters."""
    if unit == "word":
        return words_of(caption, language)
    return list(" ".join(language.lower(caption).split()))


class Vocabulary:
    """The units that a model can write, each with its id.

    Text never becomes a special id by looking like its name: a caption that contains '<end>' has
    an unknown word there.
    """

    pad_id, start_id, end_id, unknown_id = range(len(SPECIALS))

    def __init__(
        self,
        tokens: Sequence[str],
        *,
        unit: Unit = "word",
        language: Language = ENGLISH,
        casing: Casing = LOWER,
    ) -> None:
        """Make a vocabulary.

        Args:
            tokens: its units, without the special ones.
            unit: what they are.
            language: that they are of.
            casing: how people write them.
        """
        self.tokens = (*SPECIALS, *tokens)
        self.unit: Unit = unit
        self.language, self.casing = language, casing
        self._ids = {token: i for i, token in enumerate(tokens, start=len(SPECIALS))}
        if len(self._ids) != len(tokens) or self._ids.keys() & set(SPECIALS):
            repeated = [token for token, count in Counter(self.tokens).items() if count > 1]
            raise ModelError(f"the vocabulary has {repeated[0]!r} more than once")

    @classmethod
    def build(
        cls,
        captions: Iterable[str],
        *,
        minimum_count: int = 5,
        unit: Unit = "word",
        language: Language = ENGLISH,
    ) -> "Vocabulary":
        """Return the units seen at least `minimum_count` times, the most frequent first.

        Args:
            captions: in which they are seen.
            minimum_count: how often.
            unit: what they are.
            language: of the captions.

        Raises:
            DataError: there are none.
        """
        counts = Counter(token for text in captions for token in split(text, unit, language))
        for special in SPECIALS:
            del counts[special]
        kept = [token for token, count in counts.items() if count >= minimum_count]
        if not kept:
            raise DataError(
                f"none of the {len(counts)} different {unit}s of the captions is seen "
                f"{minimum_count} times; give more captions or a smaller minimum count"
            )
        kept.sort(key=lambda token: (-counts[token], token))
        return cls(kept, unit=unit, language=language)

    def grown(self, captions: Iterable[str], *, minimum_count: int) -> "Vocabulary":
        """Return this vocabulary with the new units of captions behind its own."""
        counts = Counter(
            token for text in captions for token in split(text, self.unit, self.language)
        )
        new = [
            token
            for token, count in counts.items()
            if count >= minimum_count and token not in self.tokens
        ]
        own = self.tokens[len(SPECIALS) :]
        return Vocabulary(
            (*own, *sorted(new, key=lambda token: (-counts[token], token))),
            unit=self.unit,
            language=self.language,
            casing=self.casing,
        )

    def cased(self, captions: Iterable[str]) -> "Vocabulary":
        """Return this vocabulary with its words written as in captions."""
        if self.unit == "char":
            return self
        learnt = Casing.learn(captions, self._ids, self.language)
        return Vocabulary(
            self.tokens[len(SPECIALS) :],
            language=self.language,
            casing=self.casing.with_more(learnt),
        )

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, token_id: int) -> str:
        return self.tokens[token_id]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.tokens, self.unit))

    @property
    def units_per_word(self) -> int:
        """How many units a word takes, about: English words have five letters and a space."""
        return self.language.units_per_word if self.unit == "word" else 6

    def id_of(self, token: str) -> int:
        """Return the id of a unit, or the unknown one."""
        return self._ids.get(token, self.unknown_id)

    def ids_of(self, words: Iterable[str]) -> list[int]:
        """Return the ids of words that must be known, in upper or lower case.

        Raises:
            ModelError: one is not; the message names those that look most like it.
        """
        ids = []
        for given in words:
            word = self.language.lower(given.strip())
            if self.language.is_spaceless and len(words_of(word, self.language)) > 1:
                raise ModelError(
                    f"{word!r} is several characters of {self.language}, and this model writes one "
                    "at a time; give a single one"
                )
            if word not in self._ids:
                known = self.tokens[len(SPECIALS) :]
                nearest = difflib.get_close_matches(word, known, n=3, cutoff=0.0)
                raise ModelError(
                    f"{word!r} is not a word that this model knows; the nearest are "
                    f"{', '.join(nearest)}"
                )
            ids.append(self._ids[word])
        return ids

    def encode(self, caption: str, *, max_length: int | None = None) -> list[int]:
        """Return the ids of a caption and the end, without the start.

        A caption that is cut at max_length has no end: nothing may learn to stop in mid-sentence.
        """
        ids = [self.id_of(token) for token in split(caption, self.unit, self.language)]
        if max_length is not None and len(ids) > max_length:
            return ids[:max_length]
        return [*ids, self.end_id]

    def words(self, ids: Iterable[int]) -> tuple[str, ...]:
        """Return the units up to the first end; padding and start are left out."""
        words = []
        for token_id in ids:
            if token_id == self.end_id:
                break
            if token_id not in (self.pad_id, self.start_id):
                words.append(self[token_id])
        return tuple(words)

    def written(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return words of a caption, one by one, as people write them inside a sentence."""
        return tuple(self.casing.of(words))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the caption as people write it."""
        words = self.words(ids)
        if self.unit == "char":
            return "".join(words).strip()
        plain = joined(words, self.language)
        if not self.casing:
            return plain
        text = joined(self.written(words), self.language)
        text = self.language.capital(text) if self.casing.capital else text
        # How a word is written must not change what is scored, and a few rules look at capitals.
        same = words_of(text, self.language) == words_of(plain, self.language)
        return text if same else plain

    def to_json(self) -> dict[str, Any]:
        """Return the vocabulary as plain values, without the special units.

        What is as it was before there were languages is left out.
        """
        values: dict[str, Any] = {"unit": self.unit, "tokens": list(self.tokens[len(SPECIALS) :])}
        if self.language != ENGLISH:
            values["language"] = self.language.code
        if self.casing:
            values["casing"] = self.casing.to_json()
        return values

    @classmethod
    def from_json(cls, values: Any) -> "Vocabulary":
        """Return the vocabulary that `to_json` gave.

        Raises:
            ModelError: these are no such values.
        """
        unit = values.get("unit") if isinstance(values, dict) else None
        tokens = values.get("tokens") if isinstance(values, dict) else None
        if unit not in ("word", "char") or not isinstance(tokens, list | tuple):
            raise ModelError("the vocabulary should say its 'unit' and list its 'tokens'")
        for token in tokens:
            if not isinstance(token, str) or not token:
                raise ModelError(f"the vocabulary lists {token!r}, expected a word")
        casing = Casing.from_json(values["casing"]) if "casing" in values else LOWER
        return cls(tokens, unit=unit, language=_language(values), casing=casing)


def _language(values: Mapping[str, Any]) -> Language:
    code = values.get("language", ENGLISH.code)
    try:
        return Language(code)
    except (TypeError, ValueError):
        raise ModelError(
            f"the vocabulary is of the language {code!r}, expected a code such as 'de'"
        ) from None
