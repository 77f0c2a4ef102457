"""Words that a mirror image would make untrue."""

from collections.abc import Iterable

from caption.text.tokenize import tokenize

SIDES = frozenset(["left", "right", "links", "rechts", "gauche", "droite"])
"""In English, German and French; Chinese writes no spaces, hence the characters below."""
SIDE_CHARACTERS = frozenset("左右")


def name_sides(captions: Iterable[str]) -> bool:
    """Return whether a caption tells left from right, or may do so: "a man left" counts too."""
    return any(
        not SIDE_CHARACTERS.isdisjoint(caption) or not SIDES.isdisjoint(tokenize(caption))
        for caption in captions
    )
