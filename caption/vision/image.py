"""The one door for pixels: anything a person may call a picture becomes upright RGB, or ImageError.

Pictures come from strangers, so only six well-trodden formats are parsed, sizes are checked before
anything is decoded, and whatever goes wrong inside a parser ends as one plain sentence.
"""

import hashlib
import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from caption.errors import ImageError
from caption.files.tar import TarMember

ImageSource = str | os.PathLike[str] | TarMember | bytes | Image.Image | npt.NDArray[Any]
MAX_PIXELS = 64_000_000
"""Above any phone's ordinary photo; decoding that many needs about half a gigabyte."""
MAX_ASPECT = 100


MAX_BYTES = 64 * 2**20
"""Room for a 20-megapixel TIFF without compression; the largest JPEG photos need a third of it."""
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


_EXPECTED = "JPEG, PNG, WebP, GIF, BMP or TIFF"
_ORIENTATION = 0x0112  # the tag's number in EXIF and TIFF


_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


# catch_warnings swaps process-wide filters, so two threads must not do it at once.
_warning_filters = threading.Lock()


def load_image(source: ImageSource, *, at_least: tuple[int, int] | None = None) -> Image.Image:
    """Return the picture upright, in RGB, with transparency over white; never changes the source.

    Args:
        source: A path, a file in a tar archive, the bytes of a file, a PIL image, or an array
            (rows, columns, channels).
        at_least: (width, height) that is enough for the caller. A JPEG of twice that or more is
            then decoded at a half, a quarter or an eighth: a phone's photo five times faster.

    Raises:
        ImageError: The picture cannot be read; the message says why and what to do.
    """
    if isinstance(source, np.ndarray):
        return _to_rgb(_from_array(source), "the array")
    if isinstance(source, Image.Image):
        with _plain_errors("the image"):
            _check_size(source.size, "the image")
            return _to_rgb(source, "the image")
    if isinstance(source, bytes):
        name, data = "the image", source
    elif isinstance(source, TarMember):
        name, data = _read_member(source)
    else:
        name, data = _read(os.fspath(source))
    with _plain_errors(name):
        return _to_rgb(_decode(data, name, at_least), name)


def pixel_digest(image: Image.Image) -> bytes:
    """Return the SHA-256 of a picture's pixels: the same whatever file they came from."""
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).digest()


def _read(path: str) -> tuple[str, bytes]:
    """Return how to call the file in messages, and its bytes."""
    name = repr(Path(path).name or path)
    if "://" in path:
        raise ImageError(f"{name} is a web address, not a file; download the picture first")
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(f"{name} is a folder, not a picture; name a file inside it")
        # Opening a pipe would wait for ever, and a device has no end.
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{name} is a pipe or device, not a picture; name an ordinary file")
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {name}; check the spelling and the folder") from error
    except PermissionError as error:
        raise ImageError(f"{name} may not be read by this user; change its permissions") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be opened ({type(error).__name__}); check it") from error
    return name, data


def _read_member(member: TarMember) -> tuple[str, bytes]:
    name = f"{member.name!r} in {member.archive.name!r}"
    try:
        return name, member.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImageError(f"{name} cannot be read ({type(error).__name__}); check it") from error


def _decode(data: bytes, name: str, at_least: tuple[int, int] | None) -> Image.Image:
    if not data:
        raise ImageError(f"{name} is empty, expected {_EXPECTED}; get the file again")
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"{name} is larger than {MAX_BYTES // 2**20} MB; save a smaller copy as JPEG"
        )
    if kind := _foreign_kind(data):
        raise ImageError(f"{name} is {kind}, expected {_EXPECTED}; convert it to JPEG or PNG")
    with _silence():
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        _check_size(image.size, name)
        if at_least and image.format in ("JPEG", "MPO"):
            sideways = image.getexif().get(_ORIENTATION, 1) >= 5
            image.draft(None, at_least[::-1] if sideways else at_least)
    image.load()
    return image


def _foreign_kind(data: bytes) -> str | None:
    """Return what the file is, where people often have it instead of a picture that can be read."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data[4:8] == b"ftyp":
        brands = data[8:64]
        if b"avif" in brands or b"avis" in brands:
            return "an AVIF picture"
        if any(brand in brands for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")):
            return "an HEIC picture"
        return "a video"
    if head.startswith(b"<") and b"<svg" in head:
        return "an SVG drawing"
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if head.startswith(b"%pdf"):
        return "a PDF document"
    return None


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{name} is {width} x {height} pixels, expected at least 1 x 1")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} is {width} x {height} pixels, expected at most "
            f"{MAX_PIXELS // 10**6} megapixels; save a smaller copy"
        )
    if max(size) > MAX_ASPECT * min(size):
        raise ImageError(
            f"{name} is {width} x {height} pixels, expected no side over {MAX_ASPECT} times "
            "the other; cut out the part of interest"
        )


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    """Return grey, RGB or RGBA as the number of channels says."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise ImageError(
            f"the array has shape {array.shape}, expected (rows, columns) or (rows, columns, "
            "channels) with 1, 3 or 4 channels; transpose it if its channels come first"
        )
    _check_size((array.shape[1], array.shape[0]), "the array")
    if array.dtype == np.uint16:
        array = array >> 8
    elif np.issubdtype(array.dtype, np.floating):
        # Written so that NaN fails too.
        if not (array.min() >= 0 and array.max() <= 1):
            raise ImageError(
                "the array is floating point with values outside 0 to 1 or not a number; "
                "divide it by its white value"
            )
        array = (array * 255).round()
    elif array.dtype != np.uint8:
        raise ImageError(
            f"the array has dtype {array.dtype}, expected uint8, uint16 or floating point "
            "from 0 to 1; convert it with astype"
        )
    return Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8))


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Return a new RGB image without metadata, so that loading it again cannot turn it again."""
    # After decoding: TIFF turns itself upright then, and PNG may keep the tag behind its pixels.
    image.load()
    with _silence():
        turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    if image.mode.startswith("I;16"):
        # Pillow's own conversion would clip everything above 255 to white.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        image = _scale_by_range(image, name)
    if image.mode == "La":
        image = image.convert("LA")  # Pillow knows no shorter way
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(rgba, mask=rgba.getchannel("A"))
    else:
        image = image.convert("RGB")
    image.info = {}
    return image if turn is None else image.transpose(turn)


def _scale_by_range(image: Image.Image, name: str) -> Image.Image:
    """Return grey from numbers without a declared white: the lowest usual one that holds them."""
    values = np.asarray(image)
    lowest, highest = float(values.min()), float(values.max())
    whites = (1, 255, 65535) if image.mode == "F" else (255, 65535)
    white = next((white for white in whites if lowest >= 0 and highest <= white), None)
    if white is None:
        raise ImageError(
            f"{name} holds values from {lowest:g} to {highest:g}, expected 0 to {whites[-1]}; "
            "save it with 8 or 16 bits per channel"
        )
    return Image.fromarray((values * np.float32(255 / white)).round().astype(np.uint8))


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Pillow's remarks about odd metadata from the user, who can do nothing about them."""
    with _warning_filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    """Turn whatever a parser raises into ImageError; damaged files raise nearly everything."""
    try:
        yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{name} has over {MAX_PIXELS // 10**6} megapixels; save a smaller copy"
        ) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a picture that can be read, expected {_EXPECTED}; open it in an "
            "image viewer and save it as JPEG or PNG"
        ) from error
    except MemoryError as error:
        raise ImageError(f"there is not enough memory for {name}; save a smaller copy") from error
    except Exception as error:
        raise ImageError(
            f"{name} is damaged or incomplete; get the file again or save it as JPEG or PNG"
        ) from error
