"""What the owner of a data set is told of it: on the screen, as JSON, and as a list mended."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caption.files.tables import Problem
from caption.files.writing import write_json, write_text

SHOWN = 3
"""Problems of each kind that are told; the JSON file has them all."""


@dataclass(frozen=True)
class Review:
    """What is known of a data set."""

    lines: Sequence[str]
    """For people."""
    problems: Sequence[Problem]
    """What is wrong with it, fatal ones first."""
    facts: Mapping[str, Any]
    """For programs."""
    cleaned: Iterable[Mapping[str, Any]]
    """Its records without the problems."""

    def __str__(self) -> str:
        return "\n".join([*self.lines, *_problem_lines(self.problems)])


def _problem_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """Yield each kind of problem with its number and the first of them."""
    yield "" if problems else "no problems found"
    kinds = Counter((problem.kind, problem.fatal) for problem in problems)
    for (kind, fatal), count in kinds.items():
        yield f"{kind:<28} {count:>6}  {'must be mended' if fatal else 'worth a look'}"
        of_kind = [problem for problem in problems if problem.kind == kind]
        yield from (f"    {problem}" for problem in of_kind[:SHOWN])


def by_split(splits: Iterable[str]) -> str:
    """Return how many images there are in all and in each split."""
    counts = Counter(splits)
    named = ", ".join(f"{split} {count}" for split, count in sorted(counts.items()) if split)
    return f"{counts.total()}{f' ({named})' if named else ', not split'}"


def write_reviews(path: Path, reviews: Sequence[Review]) -> None:
    """Write all that is known as one JSON object."""
    facts = {name: value for review in reviews for name, value in review.facts.items()}
    problems = [asdict(problem) for review in reviews for problem in review.problems]
    write_json(path, {**facts, "problems": problems})


def write_cleaned(path: Path, review: Review) -> int:
    """Write the records without the problems as JSON lines, and return how many they are."""
    rows = list(review.cleaned)
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return len(rows)
