"""What tests call checks its types, as jaxtyping's plugin makes it, in a fraction of the time.

The plugin gives each call a scope, in which the sizes of shapes must agree; that takes longer than
most of our functions do. A function without a shape in its signature needs none: the type checker
alone says as much of it.
"""

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, ForwardRef, get_args

import jaxtyping
from beartype import BeartypeConf, beartype

_in_scope = jaxtyping.jaxtyped
_alone = beartype(conf=BeartypeConf(violation_type=jaxtyping.TypeCheckError))


def jaxtyped(*, typechecker: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what checks the types of a function, or of what makes a dataclass."""

    def checked(thing: Any) -> Any:
        if inspect.isclass(thing):
            if is_dataclass(thing) and "__init__" in vars(thing):
                thing.__init__ = checked(thing.__init__)
            return thing
        # The scope also takes names that are known only to type checkers for anything.
        if inspect.isgeneratorfunction(thing) or any(map(_needs_scope, _annotations(thing))):
            return _in_scope(thing, typechecker=typechecker)
        return _alone(thing)

    return checked


def _annotations(function: Any) -> list[object]:
    return list(function.__annotations__.values())


def _needs_scope(annotation: object) -> bool:
    if isinstance(annotation, list):
        return any(map(_needs_scope, annotation))
    return (
        isinstance(annotation, str | ForwardRef)
        or (inspect.isclass(annotation) and issubclass(annotation, jaxtyping.AbstractArray))
        or any(map(_needs_scope, get_args(annotation)))
    )


jaxtyping.jaxtyped = jaxtyped
