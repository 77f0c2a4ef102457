"""Captions for web pages: alternative texts."""

import html
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from caption.errors import DataError
from caption.files.writing import write_whole
from caption.text.language import ENGLISH, Language


def write_alt_texts(
    page: Path,
    rows: Iterable[Mapping[str, Any]],
    *,
    minimum_confidence: float = 0.0,
) -> None:
    """Write an HTML page with every captioned picture, the caption as its alternative text.

    A picture that is captioned in several languages is there once for each; the page is English.

    Args:
        page: where to; the pictures are linked relative to it.
        rows: of an output.
        minimum_confidence: below which a caption, with its picture, is left out.

    Raises:
        DataError: a picture lies in an archive, where no page can show it.
    """

    def write(partial: Path) -> None:
        with partial.open("w", encoding="utf-8") as file:
            file.write('<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n')
            file.write("<title>Pictures with alternative texts</title>\n")
            for row in rows:
                for said in (row, *row.get("also", ())):
                    if "caption" in said and said.get("confidence", 1.0) >= minimum_confidence:
                        file.write(_picture(row["file"], said, page.parent))
            file.write("</html>\n")

    write_whole(page, write)


def _picture(file: str, said: Mapping[str, Any], folder: Path) -> str:
    """Return a picture as the element of a page in a folder, with what is said of it."""
    if not Path(file).is_file():
        raise DataError(
            f"{file}: no file that a page can show; unpack the archive, or run where the pictures "
            "are"
        )
    # Another language has its own voice for those who listen, and perhaps its own direction.
    language = Language(said.get("language", ENGLISH.code))
    direction = ' dir="rtl"' * language.is_right_to_left
    spoken = "" if language == ENGLISH else f' lang="{language.code}"{direction}'
    address = quote(os.fsencode(os.path.relpath(file, folder)))
    return f'<img src="{address}" alt="{html.escape(said["caption"])}"{spoken} loading="lazy">\n'
