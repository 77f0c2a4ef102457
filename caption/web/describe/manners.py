"""How to write, in words for people: what each means for the search."""

from dataclasses import replace
from typing import Any

from caption.search.config import SearchConfig

CAREFUL = "careful"
MANNERS: dict[str, dict[str, Any]] = {
    CAREFUL: {"method": "beam"},
    "balanced": {"method": "sample", "temperature": 0.7, "top_p": 0.9},
    "playful": {"method": "sample", "temperature": 1.0, "top_p": 0.95},
}
"""The likeliest sentence; one of the likely ones by chance; whatever comes to mind."""
MEDIUM = "medium"
LENGTHS: dict[str, dict[str, Any]] = {
    "short": {"length_penalty": 0.0, "max_length": 10, "forbid_bad_endings": True},
    MEDIUM: {},
    "long": {"length_penalty": 1.5, "min_length": 12, "max_length": 28},
}
SENTENCES = 4
"""Written of a photo: the caption, and others to pick."""
BEAMS = 5


def searching(usual: SearchConfig, manner: str, length: str, style: str = "") -> SearchConfig:
    """Return how to search for captions in this manner and of this length.

    Args:
        usual: how the captioner searches where nobody says anything.
        manner: one of `MANNERS`.
        length: one of `LENGTHS`.
        style: the way of captioning, where the model has several.
    """
    beams = max(usual.num_beams, BEAMS)
    changes = {**MANNERS[manner], **LENGTHS[length], "style": style}
    # What the captioner was told never to exceed still holds, except where more is asked for.
    if length == "short":
        changes["max_length"] = min(changes["max_length"], usual.max_length)
        changes["min_length"] = min(usual.min_length, changes["max_length"])
    return replace(usual, num_beams=beams, num_captions=SENTENCES, **changes)


def is_by_chance(manner: str) -> bool:
    """Return whether writing in this manner again gives something else."""
    return bool(MANNERS[manner]["method"] == "sample")
