"""Sentences that people wrote about photos that are not here, and what was in these photos.

Sentences about the same photo are expected side by side. The file does not say which belong
together: neighbours that name much in common are taken to.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from caption.errors import DataError
from caption.text.tokenize import tokenize
from caption.text.visual import visual_words

NEIGHBOURS = 4
"""Lines before and after that may be about the same photo: five sentences a photo are usual."""
LONGEST_LINE = 1000
"""Characters; more is no sentence about a photo."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, and what is known of the photo that it is about."""

    text: str
    named: dict[str, float]
    """Visual words of this and its neighbours, each with the share of the sentences about the photo
    that have it."""


def read_sentences(path: Path) -> list[str]:
    """Read a text file, plain or compressed by gzip, with a sentence a line.

    Raises:
        DataError: it is not there, not text, or empty.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error}); expected a sentence a line") from None
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE or "\0" in line:
            raise DataError(
                f"{path}:{number}: {len(line)} characters, {line[:40]!r} …; expected a sentence "
                f"of at most {LONGEST_LINE} characters a line"
            )
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences:
        raise DataError(f"{path}: holds no sentence; expected one a line")
    return sentences


def read_translations(path: Path, texts: Sequence[str]) -> dict[str, str]:
    """Return what each of some sentences is in a file that says the same line by line.

    Args:
        path: of the file.
        texts: all sentences of another, as `read_sentences` returns them.

    Raises:
        DataError: it cannot be read, or has not as many.
    """
    others = read_sentences(path)
    if len(others) != len(texts):
        raise DataError(
            f"{path}: {len(others)} sentences, and the other file has {len(texts)}; expected the "
            "same in another language, line by line"
        )
    return dict(zip(texts, others, strict=True))


def with_neighbours(texts: Sequence[str]) -> list[Sentence]:
    """Return sentences with what they and those beside them name of their photo.

    Sentences that name nothing are left out: nothing could be recognised from which to write them.

    Raises:
        DataError: all of them name nothing.
    """
    named = [visual_words(tokenize(text)) for text in texts]
    sentences = []
    for place, own in enumerate(named):
        if not own:
            continue
        around = named[max(0, place - NEIGHBOURS) : place + NEIGHBOURS + 1]
        same = [words for words in around if 2 * len(words & own) >= min(len(words), len(own)) > 0]
        counts = Counter(word for words in same for word in words)
        share = {word: count / len(same) for word, count in counts.items()}
        sentences.append(Sentence(texts[place], share))
    if not sentences:
        raise DataError(
            f"none of {len(texts)} sentences names what can be seen; give English sentences about "
            "photos"
        )
    return sentences
