"""What is known to be in photos, as JSON lines: what a head that recognises things learns from.

The first line says which words were judged of every photo and by whom; a photo that does not list
one of them does not show it. Every further line is a photo with its words, which may be others too:
nothing is known of those in the photos that do not list them.

    {"judged": ["cat", "zebra"], "by": "mobilenet_v2"}
    {"file_name": "000123.jpg", "words": {"zebra": 0.92, "grass": 1.0}}
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption.errors import DataError
from caption.files.records import is_unicode, refuse_duplicates, short
from caption.files.tables import Problem, Record, read_json_lines
from caption.files.writing import sha256, write_text

LEAST = 0.01
"""Probabilities below are as good as none and are not written down."""
DIGITS = 4
HEADER = '{"judged": ["cat"], "by": "a name"}'
PHOTO = '{"file_name": "a.jpg", "words": {"cat": 0.9}}'


@dataclass(frozen=True)
class Labels:
    """How likely words are of photos."""

    judged: tuple[str, ...]
    """Words that a photo does not show where it does not list them."""
    words: Mapping[str, Mapping[str, float]]
    """Words of each photo with their probabilities, by the name of its file."""
    by: str
    """Who or what says so."""


def write_labels(path: Path, labels: Labels) -> None:
    """Write labels, those that are likely enough to matter.

    Raises:
        DataError: the file cannot be written there.
    """
    lines: list[dict[str, Any]] = [{"judged": list(labels.judged), "by": labels.by}]
    for name, words in labels.words.items():
        likely = {word: round(p, DIGITS) for word, p in words.items() if p >= LEAST}
        lines.append({"file_name": name, "words": likely})
    # In ASCII, since names of files may be no valid Unicode.
    write_text(path, "".join(f"{json.dumps(line)}\n" for line in lines))


def read_labels(path: Path) -> Labels:
    """Read labels.

    Raises:
        DataError: names the first line that is not as expected.
    """
    found = read_json_lines(path)
    first = next(found, None)
    if first is None:
        raise DataError(f"{path}: is empty; expected a first line like {HEADER}")
    judged, by = _header(_sound(first))
    words: dict[str, Mapping[str, float]] = {}
    for record in map(_sound, found):
        name, of_photo = _photo(record)
        if name in words:
            raise DataError(f"{record.where}: {name!r} is there already; give each photo one line")
        words[name] = of_photo
    return Labels(judged, words, by)


def by_bare_name(files: Iterable[Path]) -> dict[str, Path]:
    """Return photos by the names of their files alone, by which labels go.

    Raises:
        DataError: two different photos have the same.
    """
    named: dict[str, Path] = {}
    for file in files:
        first = named.setdefault(file.name, file)
        if first != file and sha256(first) != sha256(file):
            raise DataError(
                f"{first} and {file} are different photos of one name, and labels go by names "
                "alone; rename one of them"
            )
    return named


def _sound(found: Record | Problem) -> Record:
    if isinstance(found, Problem):
        raise DataError(str(found))
    return found


def _header(record: Record) -> tuple[tuple[str, ...], str]:
    judged, by = record.values.get("judged"), record.values.get("by")
    if not isinstance(judged, list) or not all(map(_is_word, judged)) or not isinstance(by, str):
        raise DataError(
            f"{record.where}: expected a first line like {HEADER}, got {short(record.values)}"
        )
    refuse_duplicates(judged, "judged word", Path(record.where))
    return tuple(judged), by


def _photo(record: Record) -> tuple[str, dict[str, float]]:
    name, words = record.values.get("file_name"), record.values.get("words")
    if not isinstance(name, str) or not name or not isinstance(words, dict):
        raise DataError(f"{record.where}: expected {PHOTO}, got {short(record.values)}")
    for word, probability in words.items():
        if not _is_word(word):
            raise DataError(f"{record.where}: expected a word, got {short(word)}")
        if not _is_probability(probability):
            raise DataError(
                f"{record.where}: expected the probability of {word!r} to be a number from 0 to 1, "
                f"got {short(probability)}"
            )
    return name, {word: float(probability) for word, probability in words.items()}


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and is_unicode(value)


def _is_probability(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
