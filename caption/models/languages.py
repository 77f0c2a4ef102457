"""The languages of a captioner: its own, and those of the writers that lie in its directory.

A writer is a model directory without eyes: a decoder with its own words, and the fingerprint of the
encoder whose features it has learnt to read. So many languages need one encoder, and a photo that
has been looked at once can be described in all of them.
"""

from pathlib import Path

from caption.errors import ModelError
from caption.files.records import short
from caption.models.directory import WRITER, captioner_of, raw_config
from caption.text.language import ENGLISH, Language, listed


def languages_of(directory: Path) -> dict[str, Path]:
    """Return the model directories that write with a captioner's eyes, by code; its own first.

    Args:
        directory: of the captioner, or of one of its writers.

    Raises:
        ModelError: there is no model, or its captioner is not there.
    """
    home = captioner_of(directory)
    found = {_language_of(home): home}
    for inside in (path.parent for path in sorted(home.glob("*/config.json"))):
        if _is_writer(inside):
            found.setdefault(_language_of(inside), inside)
    return found


def nearest(directory: Path, language: Language) -> Path:
    """Return the model directory to go on from with captions in a language.

    It is the one that writes the language with the captioner's eyes, and the given one where none
    does.
    """
    return languages_of(directory).get(language.code, directory)


def in_language(directory: Path, code: str) -> Path:
    """Return the model directory that writes a language with a captioner's eyes.

    Args:
        directory: of the captioner, or of one of its writers.
        code: of the language, such as "de".

    Raises:
        ModelError: none does; names those that there are.
    """
    found = languages_of(directory)
    if code not in found:
        raise ModelError(
            f"{captioner_of(directory).resolve().name}: has not learnt to write {short(code)}; it "
            f"writes {listed(found)}; teach it others with glimpse finetune captions"
        )
    return found[code]


def _is_writer(directory: Path) -> bool:
    """Return whether a directory holds a writer; a captioner may have anything else beside it."""
    try:
        return raw_config(directory)["kind"] == WRITER
    except ModelError:
        return False


def _language_of(directory: Path) -> str:
    """Return the code of the language that a model writes."""
    words = raw_config(directory).get("vocabulary")
    if not isinstance(words, dict):
        raise ModelError(f"{directory / 'config.json'}: lacks vocabulary; get the model again")
    return str(words.get("language", ENGLISH.code))
