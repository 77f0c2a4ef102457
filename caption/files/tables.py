"""Records from tables that anyone may have made: CSV and its kin, JSON Lines, and what is wrong.

A record that cannot be read becomes a `Problem` with its place, and reading goes on: the owner of a
data set wants to hear of all of them at once.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any, TextIO

from caption.errors import Command, DataError
from caption.files.locate import IMAGE_FIELDS
from caption.files.paths import SUFFIXES
from caption.files.records import is_unicode, short

MAX_LINE = 2**20
"""Characters of a line: no caption needs more, and a hostile file may be one endless line."""
DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
HEAD_ROWS, HEAD_LINES = 20, 1000
"""How much of a table is looked at to see what parts its columns: a row may take many lines."""


@dataclass(frozen=True)
class Problem:
    """Something about a data set that its owner should know."""

    kind: str
    """In a few words, the same for all of its kind: they are counted."""
    where: str
    """File and record."""
    message: str
    """What was found, what was expected, what to do."""
    fatal: bool = True
    """Whether the data set cannot be trained on as it is."""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def refuse_fatal(problems: Iterable[Problem], data: Path) -> None:
    """Refuse a data set that cannot be trained on as it is.

    Raises:
        DataError: names the first of its fatal problems.
    """
    fatal = [problem for problem in problems if problem.fatal]
    if fatal:
        raise DataError(
            f"{fatal[0]} ({len(fatal)} such)",
            Command(
                f"check {quote(str(data))} --fix clean.jsonl",
                "which shows them all and writes a manifest without them",
            ),
        )


@dataclass(frozen=True)
class Record:
    """One line of a table."""

    where: str
    """File and line."""
    values: Mapping[str, Any]


def read_json_lines(path: Path) -> Iterator[Record | Problem]:
    """Yield the object on each line; empty lines are passed over."""
    for number, line in enumerate(lines_of(path), start=1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "too long or deep"
            yield Problem(
                "unreadable record",
                where,
                f"not JSON ({reason}); expected one object a line, such as "
                '{"file_name": "a.jpg", "text": "a dog"}',
            )
            continue
        if isinstance(values, dict):
            yield Record(where, values)
        else:
            yield Problem(
                "unreadable record", where, f"expected an object in braces, got {short(values)}"
            )


def read_csv(path: Path, *, columns: Sequence[str] = ()) -> Iterator[Record | Problem]:
    """Yield the rows of a table whose first line names the columns.

    Args:
        path: of the table; its columns are parted by commas, tabs, semicolons or bars.
        columns: their names, for a table that does not begin with them.
    """
    rows = csv.reader(lines_of(path), delimiter=delimiter_of(path), strict=True)
    names = list(columns)
    csv.field_size_limit(MAX_LINE)
    while True:
        number = rows.line_num + 1
        where = f"{path}, line {number}"
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Problem(
                "unreadable record", where, f"not a row of a table ({error}); check its quotes"
            )
            continue
        if row is None:
            return
        if not any(cell.strip() for cell in row):
            continue
        if not names:
            names = [name.strip().lower() for name in row]
        elif len(row) != len(names):
            yield Problem(
                "unreadable record",
                where,
                f"has {len(row)} columns, expected {len(names)}; put quotes around texts that "
                f"contain {rows.dialect.delimiter!r}",
            )
        else:
            yield Record(where, dict(zip(names, row, strict=True)))


def read_table(path: Path) -> Iterator[Record | Problem]:
    """Yield the records of JSON lines or of a table with a header, as the suffix says."""
    return read_json_lines(path) if path.suffix.lower() == ".jsonl" else read_csv(path)


def first_fields(path: Path) -> list[str]:
    """Return the fields of the first record, in lower case, whatever they are."""
    if path.suffix.lower() != ".jsonl":
        first = next(_head_rows(_head(path), delimiter_of(path)), [])
        return [cell.strip().lower() for cell in first]
    try:
        values = json.loads(first_line(path))
    except (ValueError, RecursionError):
        return []
    return list(values) if isinstance(values, dict) else []


def delimiter_of(path: Path) -> str:
    """Return what parts the columns of a table: a comma if its first rows do not say.

    Captions have commas and semicolons of their own, so whole rows decide: the right delimiter
    leaves the name of the image, or of its column, in a cell by itself, and rows of one length.
    """
    head = _head(path)
    return max(DELIMITERS, key=lambda delimiter: _evidence(list(_head_rows(head, delimiter))))


def names_a_picture(cell: str) -> bool:
    """Return whether a cell is the name of a picture file."""
    return Path(cell.strip()).suffix.lower() in SUFFIXES


def _evidence(rows: Sequence[Sequence[str]]) -> tuple[bool, bool, float, int]:
    """Return how much speaks for the delimiter that gave these rows; greater is more."""
    if not rows or len(rows[0]) < 2:
        return False, False, 0.0, 0
    first = rows[0]
    has_image = names_a_picture(first[0]) or any(c.strip().lower() in IMAGE_FIELDS for c in first)
    same_length = sum(len(row) == len(first) for row in rows) / len(rows)
    # A caption may end in ".jpg" before its first comma: then what comes first parts the columns.
    return has_image, True, same_length, -len(first[0])


def _head(path: Path) -> list[str]:
    """Return the first lines of a text file, which together may be as long as one.

    What cannot be read further on is left to those who read it all.
    """
    head: list[str] = []
    size = 0
    try:
        for line in islice(lines_of(path), HEAD_LINES):
            head.append(line)
            size += len(line)
            if size > MAX_LINE:
                break
    except DataError:
        if not head:
            raise
    return head


def _head_rows(head: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the first rows that are not blank; one that cannot be read has no cells."""
    csv.field_size_limit(MAX_LINE)
    rows = csv.reader(head, delimiter=delimiter)
    for _ in range(HEAD_ROWS):
        try:
            row = next(rows, None)
        except csv.Error:
            row = []
            yield row
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield row


def first_line(path: Path) -> str:
    """Return the first line of a text file.

    Raises:
        DataError: it cannot be read as text.
    """
    return next(lines_of(path), "")


def lines_of(path: Path) -> Iterator[str]:
    """Yield the lines of a text file, with their ends."""
    if not path.is_file():  # a pipe or a device might never end
        raise DataError(f"{path}: not a regular file; expected a table or JSON lines")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _short_lines(file, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check it") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8; save it as UTF-8 (in Excel 'CSV UTF-8')") from None


def _short_lines(file: TextIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise DataError(
                f"{path}, line {number}: is longer than a million characters; "
                "expected one record a line"
            )
        yield line


def text_of(values: Mapping[str, Any], names: Sequence[str]) -> tuple[str | None, str]:
    """Return the text of the first of these fields that a record has, and its name.

    Raises:
        ValueError: with a plain sentence, if it is not a text that can be written down.
    """
    name = next((name for name in names if values.get(name) is not None), None)
    if name is None:
        return None, names[0]
    return check_text(values[name], name), name


def first_of(values: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return what the first of these fields that a record has holds; None if it has none."""
    return next((values[name] for name in names if values.get(name) is not None), None)


def check_text(value: Any, name: str) -> str:
    """Return a value that should be text.

    Raises:
        ValueError: with a plain sentence, if it is not.
    """
    if not isinstance(value, str):
        raise ValueError(f"expected {name!r} to be a text, got {short(value)}")  # noqa: TRY004
    if not is_unicode(value):
        raise ValueError(f"{name!r} has half characters (surrogates): {short(value)}; remove them")
    return value
