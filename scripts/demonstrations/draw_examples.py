"""Draw photos on one sheet, with what a captioner says of each and what a person thinks of that."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.run import run

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE, TEXT, COLUMNS = 240, 84, 4
"""Pixels of a photo's side and of the height of the text below it; photos side by side."""
COLOURS = {"right": "#1a7f37", "wrong": "#b42318"}


@dataclass(frozen=True, kw_only=True)
class Args:
    """Draw photos on one sheet, with what a captioner says of each and what a person thinks."""

    right: tuple[Path, ...]
    """Photos whose captions are right, in a person's opinion."""
    wrong: tuple[Path, ...]
    """Photos whose captions are wrong."""
    output: Path
    """JPEG file; its comment holds the captions as JSON."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""


def main(args: Args) -> None:
    """Caption the photos and write the sheet."""
    from caption.files.writing import write_whole
    from caption.predict import Captioner

    photos = [*args.right, *args.wrong]
    captioner = Captioner.from_pretrained(args.model, device="cpu")
    captions = [caption.text for caption in captioner(photos)]
    opinions = ["right"] * len(args.right) + ["wrong"] * len(args.wrong)
    sheet = _sheet(photos, captions, opinions)
    said = {photo.name: caption for photo, caption in zip(photos, captions, strict=True)}
    comment = json.dumps(said).encode()
    write_whole(args.output, lambda path: sheet.save(path, "JPEG", quality=88, comment=comment))
    for photo, caption in said.items():
        print(f"{photo}\t{caption}")


def _sheet(photos: Sequence[Path], captions: Sequence[str], opinions: Sequence[str]) -> "Image":
    """Return the sheet: the middle of each photo, its caption and the opinion."""
    from PIL import Image, ImageDraw, ImageFont, ImageOps

    from caption.vision.image import load_image

    rows = -(-len(photos) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + TEXT)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for number, (path, caption, opinion) in enumerate(zip(photos, captions, opinions, strict=True)):
        row, column = divmod(number, COLUMNS)
        left, top = column * SIDE, row * (SIDE + TEXT)
        photo = ImageOps.fit(load_image(path), (SIDE - 8, SIDE - 8))
        sheet.paste(photo, (left + 4, top + 4))
        text = textwrap.fill(caption, 32)
        draw.text((left + 6, top + SIDE), opinion, fill=COLOURS[opinion], font=font)
        draw.multiline_text((left + 6, top + SIDE + 19), text, fill="#1f2328", font=font, spacing=3)
    return sheet


if __name__ == "__main__":
    run(main, Args)
