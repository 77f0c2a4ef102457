"""Files as people keep them in their folders: odd, broken and hostile, one kind after another."""

import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image, PngImagePlugin


def photo(width: int = 48, height: int = 32, mode: str = "RGB") -> Image.Image:
    """Return a picture with something in every part."""
    image = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (image, image.rotate(180), image.rotate(90))).convert(mode)


def encoded(image: Image.Image, format: str = "JPEG", **options) -> bytes:
    """Return a picture as a file's bytes."""
    data = io.BytesIO()
    image.save(data, format, **options)
    return data.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk with its checksum."""
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def png(width: int, height: int, *more: bytes, pixels: bytes | None = None) -> bytes:
    """Return a grey PNG that says so of its size, whatever it holds."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = zlib.compress(bytes((width + 1) * height)) if pixels is None else pixels
    return (
        b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("photo.jpg", encoded(photo()))
    return data.getvalue()


def exif(orientation: int) -> bytes:
    values = Image.Exif()
    values[0x0112] = orientation
    return values.tobytes()


def patched(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def tiff_that_leads_to_itself() -> bytes:
    entries = struct.pack("<HHII", 256, 4, 1, 9) + struct.pack("<HHII", 257, 4, 1, 9)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2) + entries + struct.pack("<I", 8)


JPEG, PNG = encoded(photo()), encoded(photo(), "PNG")
TEXT = PngImagePlugin.PngInfo()
TEXT.add_text("Comment", "words " * 1000)
FRAMES = {"save_all": True, "append_images": [photo().rotate(90), photo().rotate(180)]}

ODD: dict[str, bytes] = {
    "grey.jpg": encoded(photo(mode="L")),
    "cmyk.jpg": encoded(photo(mode="CMYK")),
    "progressive.jpg": encoded(photo(), progressive=True),
    "tiny quality.jpg": encoded(photo(), quality=1),
    "on its side.jpg": encoded(photo(), exif=exif(6)),
    "orientation of none.jpg": encoded(photo(), exif=exif(99)),
    "broken exif.jpg": encoded(photo(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
    "broken profile.jpg": encoded(photo(), icc_profile=b"no profile at all"),
    "long comment.jpg": encoded(photo(), comment=b"c" * 60_000),
    "more behind its end.jpg": JPEG + b"PK\x03\x04" + bytes(5000),
    "a jpeg.png": JPEG,
    "a png.jpg": PNG,
    "SHOUTING.JPEG": JPEG,
    "palette.png": encoded(photo(mode="P"), "PNG"),
    "black and white.png": encoded(photo(mode="1"), "PNG"),
    "sixteen bits.png": encoded(Image.new("I;16", (9, 9), 30_000), "PNG"),
    "see through.png": encoded(photo(mode="RGBA"), "PNG"),
    "grey see through.png": encoded(photo(mode="LA"), "PNG"),
    "with text.png": encoded(photo(), "PNG", pnginfo=TEXT),
    "one pixel.png": png(1, 1),
    "as long as allowed.png": png(100, 1),
    "animated.png": encoded(photo(), "PNG", **FRAMES),
    "animated.gif": encoded(photo(), "GIF", **FRAMES),
    "animated.webp": encoded(photo(), "WEBP", **FRAMES),
    "lossless.webp": encoded(photo(mode="RGBA"), "WEBP", lossless=True),
    "pages.tiff": encoded(photo(), "TIFF", **FRAMES),
    "deflated.tif": encoded(photo(), "TIFF", compression="tiff_adobe_deflate"),
    "floating point.tif": encoded(Image.new("F", (9, 9), 0.5), "TIFF"),
    "plain.bmp": encoded(photo(), "BMP"),
    "two pictures.jpg": encoded(photo(), "MPO", **FRAMES),
    "line\nbreak.jpg": JPEG,
    "naïve ☃ 例.jpg": JPEG,
    "-rf.jpg": JPEG,
}
"""Each has pixels that can be captioned."""

BAD: dict[str, bytes] = {
    "empty.jpg": b"",
    "zeros.jpg": bytes(10_000),
    "noise.jpg": random.Random(0).randbytes(10_000),
    "words.jpg": b"these are words " * 100,
    "web page.jpg": b"<!DOCTYPE html><html>404 not found</html>",
    "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "document.jpg": b"%PDF-1.7\n" + bytes(100),
    "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
    "telephone.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500),
    "modern.png": b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(500),
    "film.jpg": b"\0\0\0\x18ftypisom\0\0\0\0mp42isom" + bytes(500),
    "archive.png": zipped(),
    "program.jpg": b"\x7fELF\x02\x01\x01" + bytes(500),
    "icon.bmp": encoded(photo(32, 32), "ICO"),
    "photoshop.tif": b"8BPS\0\1" + bytes(500),
    "pickle.png": b"\x80\x04\x95\x1a\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    **{
        f"cut.{format.lower()}": encoded(photo(), format)[: len(encoded(photo(), format)) // 2]
        for format in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
    },
    "only a head.jpg": JPEG[:3],
    "only a signature.png": PNG[:8],
    "wrong checksum.png": patched(PNG, 29, b"\xde\xad\xbe\xef"),
    "no pixels.png": png(48, 32, pixels=b""),
    "too few pixels.png": png(48, 32, pixels=zlib.compress(b"\0")),
    "pixels no zlib.png": png(48, 32, pixels=b"not compressed"),
    "nothing wide.png": png(0, 32),
    "bomb.png": png(60_000, 60_000, pixels=zlib.compress(bytes(10_000))),
    "bomb.gif": b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0" + bytes(20),
    "bomb.bmp": patched(encoded(photo(), "BMP"), 18, struct.pack("<ii", 60_000, 60_000)),
    "bomb of text.png": png(9, 9, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))),
    "thread.png": png(20_000, 1),
    "leads to itself.tif": tiff_that_leads_to_itself(),
    "size of none.jpg": patched(JPEG, JPEG.index(b"\xff\xc0") + 5, bytes(4)),
}
"""Each can only be refused."""


def _link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(65 * 2**20)


SPECIAL: dict[str, Callable[[Path], None]] = {
    "folder.jpg": Path.mkdir,
    "pipe.jpg": os.mkfifo,
    "link to nothing.jpg": _link_to("nothing.jpg"),
    "link to itself.jpg": _link_to("link to itself.jpg"),
    "zeros for ever.jpg": _link_to("/dev/zero"),
    "too large.jpg": _large,
}
"""What is no ordinary file, or is one too large to be looked at."""


def write_all(folder: Path) -> list[Path]:
    """Write a file of every kind and return their paths."""
    folder.mkdir(parents=True)
    for name, data in {**ODD, **BAD}.items():
        (folder / name).write_bytes(data)
    for name, make in SPECIAL.items():
        make(folder / name)
    return [folder / name for name in (*ODD, *BAD, *SPECIAL)]


def mutations(count: int, *, seed: int) -> list[bytes]:
    """Return good image files, each damaged a little."""
    rng = random.Random(seed)
    options: dict[str, dict[str, object]] = {name: {} for name in ("GIF", "BMP", "TIFF")}
    options |= {name: {"exif": exif(6)} for name in ("JPEG", "PNG", "WEBP")}
    sound = [encoded(photo(24, 16), format, **more) for format, more in options.items()]
    damaged = []
    for number in range(count):
        data = bytearray(sound[number % len(sound)])
        for _ in range(rng.choice((1, 2, 8))):
            # Headers hold what matters, so half of the damage goes there.
            reach = len(data) if rng.random() < 0.5 else min(64, len(data))
            data[rng.randrange(reach)] = rng.randrange(256)
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        damaged.append(bytes(data))
    return damaged
