"""Photos are looked at once, whatever the tabs then want to know of them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from caption.vision.extract import FeatureExtractor
    from caption.vision.features import ImageFeatures


class Eyes:
    """Looks at a photo once, however often it is captioned and asked about."""

    REMEMBERED = 16

    def __init__(self, extract: "FeatureExtractor") -> None:
        self.extract = extract
        self.seen: dict[bytes, ImageFeatures] = {}

    def __call__(self, image: "Image.Image") -> "ImageFeatures":
        """Return the features of a photo, remembered by what the encoder sees of it."""
        pixels = self.extract.read(image)
        key = pixels.numpy().tobytes()
        if key not in self.seen:
            self.seen[key] = self.extract.encode_pixels(pixels.unsqueeze(0))
            if len(self.seen) > self.REMEMBERED:
                del self.seen[next(iter(self.seen))]
        return self.seen[key]
