"""Small pictures, for pages that need no other file and for lists of many."""

import base64
import io

from PIL import Image

from caption.errors import ImageError
from caption.files.paths import ImageFile
from caption.vision.image import load_image

LONGER_SIDE = 240
"""Pixels."""


def thumbnail(file: ImageFile) -> str | None:
    """Return a small JPEG as base64; None for a file that is no picture."""
    try:
        image = load_image(file, at_least=(LONGER_SIDE, LONGER_SIDE))
    except ImageError:
        return None
    return base64.b64encode(small_jpeg(image)).decode("ascii")


def small_jpeg(image: Image.Image) -> bytes:
    """Return a small JPEG of a picture, which is never made larger and stays as it is."""
    small = image.copy()
    small.thumbnail((LONGER_SIDE, LONGER_SIDE))
    data = io.BytesIO()
    small.save(data, "JPEG", quality=80)
    return data.getvalue()
