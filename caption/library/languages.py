"""The language of a library's captions: what is new is in it too, unless another is asked for."""

from typing import TYPE_CHECKING

from caption.text.language import Language

if TYPE_CHECKING:
    from caption.library.library import Library
    from caption.predict import Captioner


def writer_for(library: "Library", captioner: "Captioner", code: str | None = None) -> "Captioner":
    """Return what is to caption the photos of a library.

    Args:
        library: with captions, or none yet.
        captioner: looks at them.
        code: of the language to write; by default the one that it is kept in.

    Raises:
        ModelError: the captioner has not learnt the language that is asked for.
    """
    return captioner.in_language(code or kept_in(library, captioner))


def kept_in(library: "Library", captioner: "Captioner") -> str:
    """Return the code of the language that what is new is captioned in.

    It is that of most captions that are there, as far as the captioner has learnt it, and else the
    captioner's own.
    """
    learnt = (code for code in library.languages() if code in captioner.languages)
    return next(learnt, captioner.language.code)


def in_others(library: "Library", language: Language) -> str:
    """Return how many captions models have written in other languages: "3 in English, ..."."""
    counts = library.languages().items()
    others = [f"{count} in {Language(code)}" for code, count in counts if code != language.code]
    return ", ".join(others)
