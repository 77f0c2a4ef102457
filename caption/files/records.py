"""JSON from anyone, whose records are checked one by one."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from caption.errors import Argument, DataError

Id = TypeVar("Id", bound=int | str)

MAX_JSON = 2**30
"""Bytes: twice the largest data set known (Visual Genome's), and memory for ten times as many."""


def read_json(path: Path, *, expected: str) -> Any:
    """Return what a JSON file from anyone holds.

    Args:
        path: of the file.
        expected: what it should be, for the message.

    Raises:
        DataError: it cannot be read or is no JSON.
    """
    if path.exists() and not path.is_file():  # a pipe or a device might never end
        raise DataError(f"{path}: not a regular file; expected {expected}")
    if path.exists() and path.stat().st_size > MAX_JSON:
        raise DataError(f"{path}: larger than {MAX_JSON // 2**30} GB; give a part of it")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); expected {expected}") from None
    return parse_json(data, path, expected=expected)


def parse_json(data: bytes, source: Path, *, expected: str) -> Any:
    """Return what JSON from anyone holds.

    Args:
        data: of the file.
        source: the file, for the message.
        expected: what it should be, for the message.

    Raises:
        DataError: it is no JSON.
    """
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{source}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"{source}: line {error.lineno} is not JSON ({error.msg}); expected {expected}"
        ) from None
    except RecursionError:
        raise DataError(f"{source}: nested too deeply; expected {expected}") from None
    except ValueError:  # a number of thousands of digits
        raise DataError(f"{source}: holds a number that is too long; expected {expected}") from None


def check_fields(
    records: Sequence[Any], kind: str, fields: Mapping[str, tuple[type, ...]], source: Path
) -> None:
    """Refuse records that lack a field or have one of another type.

    Args:
        records: what the file has where records should be.
        kind: what a record is, for the message.
        fields: the types that each field may have.
        source: the file, for the message.

    Raises:
        DataError: names the first such record.
    """
    for number, record in enumerate(records):
        if fault := fault_of(record, fields):
            raise DataError(f"{source}: {kind} number {number}: {fault}")


def fault_of(record: Any, fields: Mapping[str, tuple[type, ...]]) -> str | None:
    """Return what is wrong with a record that should have fields of these types, if anything."""
    for name, types in fields.items():
        value = record.get(name) if isinstance(record, dict) else None
        if not isinstance(value, types) or isinstance(value, bool):
            expected = " or ".join(t.__name__ for t in types)
            return f"expected {name!r} to be {expected}, got {short(value)}"
        if isinstance(value, str) and not is_unicode(value):
            return (
                f"{name!r} is no valid Unicode text: {short(value)}; remove the half characters "
                "(surrogates)"
            )
    return None


def short(value: Any) -> str:
    """Return a value as a message can show it: in ASCII, on one line, cut where it is long."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_unicode(text: str) -> bool:
    """Return whether a text can be written down as UTF-8: JSON allows half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_unicode(text: str) -> str:
    """Return a text with a question mark for all that cannot be written down as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def refuse_duplicates(ids: Iterable[Any], kind: str, source: Path) -> None:
    """Raise a DataError if an id occurs more than once."""
    repeated = [value for value, count in Counter(map(repr, ids)).items() if count > 1]
    if repeated:
        raise DataError(
            f"{source}: {kind} {repeated[0]} appears more than once ({len(repeated)} such); "
            "give every record its own id"
        )


def results_of(
    path: Path,
    known: Collection[Id],
    *,
    about: str,
    said: str,
    example: str,
    subset: bool,
    source: Path | None = None,
) -> dict[Id, str]:
    """Return what a results file says of each thing, in the order of the things.

    Args:
        path: a list of records, each with the id of a thing and what is said of it.
        known: ids of what something is to be said of.
        about: what the things are, such as "image"; the id's field is "image_id".
        said: what is said of them, such as "caption": the other field.
        example: of a record, for the message.
        subset: whether things may be missing.
        source: where the things are listed, for the message.

    Raises:
        DataError: a thing is unknown, missing or there twice, or a record is not as expected.
    """
    key = f"{about}_id"
    records = read_json(path, expected=f"a JSON file with a list of {key} and {said}")
    if not isinstance(records, list) or not records:
        found = "an empty list" if records == [] else type(records).__name__
        raise DataError(f"{path}: expected a list of records like {example}, got {found}")
    check_fields(records, "record", {key: (int, str), said: (str,)}, path)
    refuse_duplicates((record[key] for record in records), key, path)
    results = {record[key]: record[said] for record in records}
    unknown = [one for one in results if one not in known]
    if unknown:
        same = [one for one in known if str(one) == str(unknown[0])]
        cure = f"write the id as {same[0]!r}" if same else "remove it, or give the list that has it"
        listed = f"{about}s" if source is None else f"{about}s of {source}"
        raise DataError(
            f"{path}: {key} {unknown[0]!r} is not among the {listed} ({len(unknown)} such); {cure}"
        )
    missing = [one for one in known if one not in results]
    if missing and not subset:
        raise DataError(
            f"{path}: no {said} for {len(missing)} of {len(known)} {about}s, the first is "
            f"{missing[0]!r}; {said} them all",
            Argument("subset", why="to score the rest"),
        )
    return {one: results[one] for one in known if one in results}
