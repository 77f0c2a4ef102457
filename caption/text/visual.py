"""Which words of a caption can be seen: things, what somebody is doing, and colours.

English only: the table of nouns is, and so is the ending that tells what somebody is doing.
"""

from collections.abc import Sequence
from functools import cache

from caption.text.nouns import base_forms

COLOURS = frozenset(
    (
        *("black", "white", "brown", "red", "blue", "yellow", "green", "orange", "pink", "purple"),
        *("tan", "grey", "gray", "golden", "silver"),
    )
)
NOT_SEEN = frozenset(
    (
        *("being", "including", "having", "doing", "getting", "going", "showing", "looking"),
        *("trying", "using", "something", "anything", "nothing", "everything", "morning"),
        *("evening", "during", "according", "following", "featuring", "beginning", "ending"),
    )
)
"""Words that end as what somebody is doing does, and that no picture shows."""
NOT_THESE = frozenset({("hot", "dog"), ("hot", "dogs"), ("teddy", "bear"), ("teddy", "bears")})
"""Two words in a row of which the second is no such animal."""


def visual_words(tokens: Sequence[str]) -> set[str]:
    """Return the words of a caption that can be seen, plurals as their singulars.

    Args:
        tokens: as `tokenize` gives them.
    """
    pairs = zip(("", *tokens), tokens, strict=False)
    bases = (visual_base(token) for before, token in pairs if (before, token) not in NOT_THESE)
    return {base for base in bases if base is not None}


@cache
def visual_base(token: str) -> str | None:
    """Return what a word is called as a concept, or None if it cannot be seen."""
    base = base_forms().get(token)
    if base is not None:
        return base
    is_doing = token.endswith("ing") and len(token) > 5 and token not in NOT_SEEN
    return token if is_doing or token in COLOURS else None
