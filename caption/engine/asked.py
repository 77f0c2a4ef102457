"""What somebody's settings ask for that a trained model does not have."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar

Config = TypeVar("Config", bound=Any)


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


def with_asked(has: Config, wanted: Config, name: str, *, free: Collection[str]) -> Config:
    """Return a model's config with those settings that are asked for and may be changed.

    Args:
        has: of the model.
        wanted: what is as usual in it asks for nothing.
        name: what both are called, such as 'encoder'.
        free: settings that may be changed, such as 'encoder.preprocess.size'.
    """
    for setting in asked(name, wanted, has):
        if setting.name in free:
            has = _replaced(has, setting.name.removeprefix(f"{name}."), setting.wanted)
    return has


def _replaced(config: Any, dotted: str, value: object) -> Any:
    """Return a config with another value of a setting, which may be in a part of it."""
    name, _, rest = dotted.partition(".")
    if rest:
        value = _replaced(getattr(config, name), rest, value)
    return replace(config, **{name: value})


def contradiction(found: Iterable[object]) -> str:
    """Return what to say where a trained model is asked for what only a new one can have."""
    return (
        f"a model to start from keeps its sizes, but {', '.join(map(str, found))}; leave out what "
        "differs, or train a new model"
    )
