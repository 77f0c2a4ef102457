"""Scenes of coloured blocks, captioned as people write in six languages."""

import csv
from pathlib import Path

from tiny import COLOURS, SIDES, scene

TOYS = {
    "zh": ("{}方块在画面的{}边。", ("红色", "绿色", "蓝色"), ("左", "右")),
    "ja": ("{}ブロックが{}にある。", ("赤い", "緑の", "青い"), ("左", "右")),
    "th": ("มีบล็อก{}อยู่ทาง{}", ("สีแดง", "สีเขียว", "สีน้ำเงิน"), ("ซ้าย", "ขวา")),
    "ar": ("مكعب {} في الجهة {}.", ("أحمر", "أخضر", "أزرق"), ("اليسرى", "اليمنى")),
    "tr": (
        "İki Işık ile {} bir blok {} tarafta duruyor.",
        ("kırmızı", "yeşil", "mavi"),
        ("sol", "sağ"),
    ),
    "de": (
        "Auf der {1} Seite steht ein {0} Block.",
        ("roter", "grüner", "blauer"),
        ("linken", "rechten"),
    ),
}
"""By code: a sentence, the colours and the sides."""


def captions_in(code: str) -> dict[tuple[str, str], str]:
    """Return what is said of each scene in a language."""
    sentence, colours, sides = TOYS[code]
    return {
        (colour, side): sentence.format(said, where)
        for colour, said in zip(COLOURS, colours, strict=True)
        for side, where in zip(SIDES, sides, strict=True)
    }


def write_folder(folder: Path, code: str) -> Path:
    """Write twelve pictures with their captions in a language, as a table."""
    folder.mkdir(parents=True)
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "caption"])
        for (colour, side), caption in captions_in(code).items():
            for size in (60, 70):
                name = f"{colour}-{side}-{size}.png"
                scene(colour, side).resize((size, 50)).save(folder / name)
                table.writerow([name, caption])
    return folder
