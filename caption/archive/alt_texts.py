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
    language: Language = ENGLISH,
    minimum_confidence: float = 0.0,
) -> None:
    """Write an HTML page with every captioned picture, the caption as its alternative text.

    Args:
        page: where to; the pictures are linked relative to it.
        rows: of an output.
        language: of the captions; the page itself is English.
        minimum_confidence: below which a caption, with its picture, is left out.

    Raises:
        DataError: a picture lies in an archive, where no page can show it.
    """
    # Another language has its own voice for those who listen, and perhaps its own direction.
    direction = ' dir="rtl"' * language.is_right_to_left
    spoken = "" if language == ENGLISH else f' lang="{language.code}"{direction}'

    def write(partial: Path) -> None:
        with partial.open("w", encoding="utf-8") as file:
            file.write('<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n')
            file.write("<title>Pictures with alternative texts</title>\n")
            for row in rows:
                if "caption" in row and row.get("confidence", 1.0) >= minimum_confidence:
                    if not Path(row["file"]).is_file():
                        raise DataError(
                            f"{row['file']}: no file that a page can show; unpack the archive, or "
                            "run where the pictures are"
                        )
                    address = quote(os.fsencode(os.path.relpath(row["file"], page.parent)))
                    text = html.escape(row["caption"])
                    file.write(f'<img src="{address}" alt="{text}"{spoken} loading="lazy">\n')
            file.write("</html>\n")

    write_whole(page, write)
