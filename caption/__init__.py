"""Captions for photos, with where the model looked for every word.

    from caption import Captioner
    caption = Captioner.from_pretrained()("photo.jpg")
    print(caption.text)

In reading order: `vision` turns pixels into a grid of features, `text` words into ids; `networks`
has the decoders that write, `search` finds their best captions; `models` joins them and keeps them
on disk; `data`, `training` and `evaluation` teach and score them through `engine`; `predict` is
what people import, and `commands`, `archive`, `library` and `web` use it. README.md beside this
draws it.

Nothing inside imports from here, and importing this loads nothing heavy: a script must be able to
say how it is used without waiting for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caption.predict import Caption, Captioner
    from caption.vision.features import ImageFeatures

__version__ = "0.6.0"
__all__ = ["Caption", "Captioner", "ImageFeatures", "__version__"]

_HOMES = {
    "Caption": "caption.predict",
    "Captioner": "caption.predict",
    "ImageFeatures": "caption.vision.features",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
