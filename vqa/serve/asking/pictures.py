"""Pictures as programs send them: base64 in JSON. No address is ever fetched and no file opened."""

import base64
import binascii
import re

from vqa.serve.refusal import RefusedError

_DATA_URI = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{1,20}:", re.IGNORECASE)


def decoded(sent: str, *, max_bytes: int) -> bytes:
    """Return the bytes of a picture, which nobody has looked at yet.

    Args:
        sent: base64, by itself or in a data URI.
        max_bytes: of the largest picture that is taken.

    Raises:
        RefusedError: it is no base64, too large, or an address.
    """
    start = _DATA_URI.match(sent)
    if start is None and _ADDRESS.match(sent):
        raise RefusedError(
            "this server fetches no address and opens no file; send the picture itself, as "
            "data:image/jpeg;base64,...",
            code="invalid_image_url",
        )
    letters = "".join(sent[start.end() if start else 0 :].split())
    if len(letters) * 3 // 4 > max_bytes + 2:
        raise too_large(max_bytes)
    try:
        return base64.b64decode(letters, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(
            "the picture is no valid base64; encode the bytes of the file with it",
            code="invalid_base64",
        ) from None


def too_large(max_bytes: int, *, hang_up: bool = False) -> RefusedError:
    """Return what is said of a picture, or a request, that is larger than is taken."""
    return RefusedError(
        f"this server takes pictures up to {max_bytes / 2**20:.3g} MB, one in a request; send a "
        "smaller copy",
        status=413,
        code="image_too_large",
        hang_up=hang_up,
    )
