"""Heat maps for other programs: the photo, bright where the model looked."""

import math
from typing import TYPE_CHECKING

from caption.web.wording import percent

if TYPE_CHECKING:
    from PIL import Image

    from caption.predict import Caption


def word_maps(image: "Image.Image", caption: "Caption") -> list[tuple["Image.Image", str]]:
    """Return a map for every word, with how sure the model was of it and what it went by.

    There is none for a model that does not attend to places.
    """
    from caption.vision.overlay import heat_maps

    if not caption.has_attention:
        return []
    probabilities = map(percent, map(math.exp, caption.log_probs))
    sources = (f"  ·  from {source!r}" if source else "" for source in caption.sources)
    labels = map("{}  {}{}".format, caption.shown, probabilities, sources)
    return list(zip(heat_maps(image, caption.attention), labels, strict=True))
