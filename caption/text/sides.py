"""Words that a mirror image would make untrue."""

import re
from collections.abc import Iterable

from caption.text.tokenize import tokenize

SIDES = frozenset(
    (
        *("left", "right", "links", "rechts", "gauche", "droite", "izquierda", "derecha"),
        *("sinistra", "destra", "esquerda", "direita", "sol", "sağ", "solda", "sağda"),
        *("слева", "справа", "يسار", "يمين", "اليسار", "اليمين", "اليسرى", "اليمنى"),
    )
)
"""In several languages; others write no spaces, hence the characters below."""
SIDE_CHARACTERS = re.compile("[左右]|ซ้าย|ขวา")


def name_sides(captions: Iterable[str]) -> bool:
    """Return whether a caption tells left from right, or may do so: "a man left" counts too."""
    return any(
        SIDE_CHARACTERS.search(caption) is not None or not SIDES.isdisjoint(tokenize(caption))
        for caption in captions
    )
