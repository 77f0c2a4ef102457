"""The list of variants: a TOML file that people write and read."""

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption.errors import DataError
from caption.files.records import short

NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
"""A variant is named as its folder."""
FIELDS: dict[str, dict[str, type]] = {
    "the file": {"baseline": str, "common": dict, "variants": dict},
    "common": {"train": str, "evaluate": str},
    "a variant": {"title": str, "train": str, "after": str},
}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way of training, to be compared with others."""

    name: str
    title: str
    """What is special about it, for people."""
    train: tuple[str, ...]
    """Words for the training command: those that are common to all variants, then its own."""
    after: str | None = None
    """Variant whose result it starts from, that of the same seed."""


@dataclass(frozen=True, kw_only=True)
class Variants:
    """What is to be compared."""

    baseline: str
    """Name of the variant that the others are compared with."""
    evaluate: tuple[str, ...]
    """Words for the scoring command, the same for all: how captions are searched for."""
    by_name: Mapping[str, Variant]
    """In the order of the file."""


def read_variants(path: Path) -> Variants:
    """Read a list of variants.

    Raises:
        DataError: it cannot be read, names what is not there, or a variant starts from itself.
    """
    content = _read_toml(path)
    _check(content, "the file", path)
    common, variants = content.get("common", {}), content.get("variants", {})
    _check(common, "common", path)
    train = _words(common.get("train", ""), path)
    by_name = {name: _variant(name, values, train, path) for name, values in variants.items()}
    _check_order(by_name, path)
    baseline = content.get("baseline", next(iter(by_name)))
    if baseline not in by_name:
        raise DataError(f"{path}: baseline {baseline!r} is none of {_listed(by_name)}")
    return Variants(
        baseline=baseline, evaluate=_words(common.get("evaluate", ""), path), by_name=by_name
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); expected a TOML file with variants"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML ({error}); expected a list of variants") from None


def _check(values: Any, where: str, path: Path, name: str = "") -> None:
    """Refuse a table that has other fields than it may have, or of other types."""
    called = name or where
    fields = FIELDS[where]
    if not isinstance(values, dict):
        raise DataError(f"{path}: {called}: expected a table, got {short(values)}")
    for field, value in values.items():
        if field not in fields:
            raise DataError(f"{path}: {called} has no {field!r}; it may have {_listed(fields)}")
        if not isinstance(value, fields[field]):
            expected = "a table" if fields[field] is dict else "a text"
            raise DataError(f"{path}: {called}: {field!r} is {short(value)}, expected {expected}")


def _variant(name: str, values: Any, common: tuple[str, ...], path: Path) -> Variant:
    if not NAME.fullmatch(name):
        raise DataError(
            f"{path}: variant {short(name)} gives its folder the name; "
            "use letters, digits, dots, hyphens and underscores"
        )
    _check(values, "a variant", path, f"variant {name!r}")
    return Variant(
        name=name,
        title=values.get("title", name),
        train=common + _words(values.get("train", ""), path),
        after=values.get("after"),
    )


def _words(text: str, path: Path) -> tuple[str, ...]:
    """Return the words of a text as a shell would part them."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise DataError(f"{path}: {short(text)}: {error}; close its quotes") from None


def _check_order(by_name: Mapping[str, Variant], path: Path) -> None:
    """Refuse an empty list, and a variant that starts from nothing or, in the end, from itself."""
    if not by_name:
        raise DataError(f"{path}: has no variants; add a table such as [variants.baseline]")
    for variant in by_name.values():
        course = [variant.name]
        while (after := by_name[course[-1]].after) is not None:
            if after not in by_name:
                raise DataError(
                    f"{path}: variant {course[-1]!r} starts from {after!r}, which is none of "
                    f"{_listed(by_name)}"
                )
            course.append(after)
            if course.count(after) > 1:
                raise DataError(
                    f"{path}: {' after '.join(map(repr, course))}: no variant can start from its "
                    "own result"
                )


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, names))
