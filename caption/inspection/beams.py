"""How beam search got to its captions: what it began, how far it went, and why no further."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from caption.search.rounds import Round

Fate = Literal["finished", "dropped", "left"]
"""A whole caption; one that others were likelier than; one that was not needed any more."""


@dataclass(frozen=True)
class Attempt:
    """A caption that was begun, as far as beam search went with it."""

    words: tuple[int, ...]
    """Ids, without start and end."""
    share: float
    """How likely it was, when it got there, against the likeliest of as many words."""
    fate: Fate


def attempts(rounds: Iterable[Round], *, image: int = 0) -> list[Attempt]:
    """Return all captions that beam search began for an image, in the order in which they ended.

    Args:
        rounds: all of a search, from the first on.
        image: its number in the batch.
    """
    found: list[Attempt] = []
    beams: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
    for each in rounds:
        numbers = each.images.tolist()
        if image not in numbers:
            break
        row = numbers.index(image)
        parents, words = each.parents[row].tolist(), each.words[row].tolist()
        sums, ends = each.sums[row].tolist(), each.ends[row].tolist()
        shares = [math.exp(total - sums[0]) for total in sums]
        finished = [place for place, is_end in enumerate(ends) if is_end]
        # Those that there are no words for come last, so that beams stay where they were.
        going_on = [place for place in each.going_on[row].tolist() if shares[place] > 0]
        found += [Attempt(beams[parents[p]][0], shares[p], "finished") for p in finished]
        followed = {parents[place] for place in (*finished, *going_on)}
        fate: Fate = "dropped" if going_on else "left"
        found += [
            Attempt(*beam, fate) for number, beam in enumerate(beams) if number not in followed
        ]
        beams = [((*beams[parents[p]][0], words[p]), shares[p]) for p in going_on]
    return found + [Attempt(*beam, "left") for beam in beams]
