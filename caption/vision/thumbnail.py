"""Small pictures for pages that need no other file."""

import base64
import io

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
    image.thumbnail((LONGER_SIDE, LONGER_SIDE))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    return base64.b64encode(data.getvalue()).decode("ascii")
