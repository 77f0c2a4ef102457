"""What search knows of a caption writer, and what it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

Own = TypeVar("Own")


@runtime_checkable
class Selectable(Protocol):
    """A decoder's state, one row for each hypothesis."""

    def select(
        self: Own, rows: Int[Tensor, " row"], images: Int[Tensor, " image"] | None = None, /
    ) -> Own:
        """Return the state of these rows, which may repeat, and of these images if not of all."""
        ...


State = TypeVar("State", bound=Selectable)


@dataclass(frozen=True)
class Step(Generic[State]):
    """What a decoder says after reading one more word of every row."""

    log_probs: Float[Tensor, "row vocabulary"]
    """Of the next word."""
    state: State
    trace: Float[Tensor, "row position"] | None
    """What to remember with the next word, whichever it is, if anything: attention weights, say."""


StepFunction = Callable[[Int[Tensor, " row"], State], Step[State]]


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One caption as ids, and what the model thought of it."""

    words: tuple[int, ...]
    """Without the start and the end."""
    log_probs: tuple[float, ...]
    """The model's own, of each word and then, only if finished, of the end."""
    finished: bool
    """False for a caption cut at max_length."""
    score: float
    """Sum of log_probs, and of what the words are worth if that counts, divided by
    len(log_probs) ** length_penalty."""
    trace: Float[Tensor, "word position"] | None
    """What the step that proposed it wanted remembered with each word, if anything; on the CPU."""

    @property
    def rank(self) -> tuple[bool, float]:
        """What is greater of a better caption: a finished one comes before all that were cut."""
        return self.finished, self.score


@dataclass(frozen=True, kw_only=True)
class SpecialIds:
    """Ids that are no words."""

    start: int
    end: int
    pad: int
    unknown: int

    def __post_init__(self) -> None:
        if len({self.start, self.end, self.pad, self.unknown}) < 4:
            raise ValueError(f"the special ids must differ from each other, got {self}")
