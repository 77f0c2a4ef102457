"""What a person says of words on the command line."""

from collections.abc import Sequence
from contextlib import suppress


def corrections(specs: Sequence[str]) -> dict[str, float]:
    """Return the words of 'cat=1', 'dog=0' or 'cat' alone, each with the probability that it says.

    Raises:
        ValueError: one of them says none.
    """
    return dict(map(_correction, specs))


def _correction(spec: str) -> tuple[str, float]:
    word, _, number = (spec if "=" in spec else f"{spec}=1").rpartition("=")
    with suppress(ValueError):
        if word.strip() and 0 <= float(number) <= 1:
            return word.strip(), float(number)
    raise ValueError(
        "concepts are words, each with a probability from 0 to 1, such as 'cat=1' or 'dog=0', got "
        f"{spec!r}"
    )
