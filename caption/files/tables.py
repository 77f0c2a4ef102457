"""Records from tables that anyone may have made: CSV and its kin, JSON Lines, and what is wrong.

A record that cannot be read becomes a `Problem` with its place, and reading goes on: the owner of a
data set wants to hear of all of them at once.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from caption.errors import DataError
from caption.files.records import is_unicode, short

MAX_LINE = 2**20
"""Characters of a line: no caption needs more, and a hostile file may be one endless line."""
DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}


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
            f"{fatal[0]} ({len(fatal)} such; scripts/check_data.py {data} shows them all, and with "
            "--fix clean.jsonl writes a list without them to give as --manifest)"
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
    lines = lines_of(path)
    # The first line is needed twice: to see what parts the columns, and as a row.
    first = next(lines, "")
    delimiter = delimiter_of(first)

    def all_lines() -> Iterator[str]:
        yield first
        yield from lines

    rows = csv.reader(all_lines(), delimiter=delimiter, strict=True)
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
                f"contain {delimiter!r}",
            )
        else:
            yield Record(where, dict(zip(names, row, strict=True)))


def read_table(path: Path) -> Iterator[Record | Problem]:
    """Yield the records of JSON lines or of a table with a header, as the suffix says."""
    return read_json_lines(path) if path.suffix.lower() == ".jsonl" else read_csv(path)


def first_fields(path: Path) -> list[str]:
    """Return the fields of the first record, in lower case, whatever they are."""
    line = first_line(path)
    if path.suffix.lower() != ".jsonl":
        return [cell.strip().strip('"').lower() for cell in line.split(delimiter_of(line))]
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(values) if isinstance(values, dict) else []


def delimiter_of(line: str) -> str:
    """Return what parts the columns of a table, given its first line: a comma unless more tabs."""
    return max(DELIMITERS, key=line.count)


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
