"""What the classes of an image classifier are called in everyday words.

A classifier of ImageNet knows 120 breeds and no dog. A table says which words a person would use
for each class; a word is as likely as all classes together that have it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from caption.errors import DataError
from caption.files.tables import lines_of

IMAGENET_WORDS = Path(__file__).parent / "imagenet_words.tsv"
"""The 1,000 classes of ImageNet, in torchvision's order."""
NUM_CLASSES = 1000
WORD = re.compile(r"[a-z]+(-[a-z]+)*")
COMMENT = "#"


@dataclass(frozen=True)
class ClassWords:
    """Everyday words of an image classifier's classes."""

    classes: tuple[str, ...]
    """What the classes are called, in the classifier's order."""
    words_of: tuple[tuple[str, ...], ...]
    """The words of each class; none where people have none for it."""

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every word once, in alphabetical order."""
        return tuple(sorted({word for words in self.words_of for word in words}))

    def of(self, class_probabilities: Float[Tensor, "image class"]) -> Float[Tensor, "image word"]:
        """Return how likely each word is: the sum over the classes that have it."""
        return class_probabilities @ self._membership.to(class_probabilities)

    @cached_property
    def _membership(self) -> Float[Tensor, "class word"]:
        position = {word: number for number, word in enumerate(self.words)}
        membership = torch.zeros(len(self.classes), len(self.words))
        for number, words in enumerate(self.words_of):
            membership[number, [position[word] for word in words]] = 1
        return membership


def read_classes(path: Path | None = None, *, known: Collection[str] | None = None) -> ClassWords:
    """Read which words there are for the classes of ImageNet.

    Args:
        path: table with a line "class name<TAB>word word ..." for each class, in torchvision's
            order; by default the package's own. Lines that begin with # are passed over.
        known: the words that there may be, such as those of a vocabulary; by default any.

    Raises:
        DataError: a line is not as expected, or has a word that is not known.
    """
    path = path or IMAGENET_WORDS
    words_of: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines_of(path), start=1):
        line = line.rstrip("\r\n")
        if not line.strip() or line.startswith(COMMENT):
            continue
        where = f"{path}, line {number}"
        name, tab, text = line.partition("\t")
        if not tab or not name.strip():
            raise DataError(
                f"{where}: expected 'class name<TAB>word word ...', got {line!r}; part the class "
                "and its words by a tab, also where it has no words"
            )
        if name in words_of:
            raise DataError(f"{where}: class {name!r} is there already; remove one of the lines")
        words_of[name] = _words(text, where, known)
    if len(words_of) != NUM_CLASSES:
        raise DataError(
            f"{path}: has {len(words_of)} classes, expected the {NUM_CLASSES} of ImageNet, each on "
            "a line of its own"
        )
    return ClassWords(tuple(words_of), tuple(words_of.values()))


def _words(text: str, where: str, known: Collection[str] | None) -> tuple[str, ...]:
    words = tuple(text.split())
    for word in words:
        if not WORD.fullmatch(word):
            raise DataError(
                f"{where}: expected words in lower case that are parted by spaces, got {word!r}"
            )
        if known is not None and word not in known:
            near = ", ".join(get_close_matches(word, known, n=3, cutoff=0)) or "none"
            raise DataError(
                f"{where}: {word!r} is not among the {len(known)} known words, the nearest are "
                f"{near}; use one of them or leave it out"
            )
    if len(set(words)) < len(words):
        raise DataError(f"{where}: has a word twice, {text!r}; once is enough")
    return words
