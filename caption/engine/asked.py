"""What somebody's settings ask for that a trained model does not have."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """A setting that is not as usual, and that a model does not have so."""

    name: str
    """With the settings that it is part of: 'decoder.cell'."""
    wanted: Any
    has: Any
    """What it is in the model."""

    def __str__(self) -> str:
        return f"{self.name} is {self.wanted!r} and the model's is {self.has!r}"


def asked(name: str, wanted: Any, has: Any, usual: Any = None) -> Iterator[Asked]:
    """Yield what is asked for and not so. What is as usual asks for nothing.

    Args:
        name: what the settings are called.
        wanted: a config.
        has: the same of a model.
        usual: the same where nobody has chosen; by default what its type gives.
    """
    usual = type(wanted)() if usual is None else usual
    for field in fields(wanted):
        dotted = f"{name}.{field.name}"
        mine, its, other = (getattr(part, field.name) for part in (wanted, has, usual))
        if is_dataclass(mine):
            yield from asked(dotted, mine, its, other)
        elif mine not in (other, its):
            yield Asked(dotted, mine, its)
