"""What two models say of the same photo."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from caption.errors import GlimpseError
from caption.web.describe.card import ShownCaption, card
from caption.web.describe.manners import CAREFUL, MEDIUM, searching
from caption.web.describe.writers import Writers
from caption.web.events import as_sentence
from caption.web.look.drawn import drawn
from caption.web.wording import recognised

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Side:
    """What one of them says."""

    label: str
    """Of the model."""
    caption: ShownCaption
    recognised: str
    """Words with their probabilities; empty for a model that recognises none."""

    @property
    def vocabulary(self) -> set[str]:
        """The different words of its caption."""
        return {word["text"].lower() for word in self.caption["words"]}


class Pair:
    """What the page does with one photo for two models."""

    def __init__(self, writers: Writers) -> None:
        self.writers = writers

    def show(self, image: "Image.Image | None", *chosen: str) -> str:
        """Return as markup what two models say of a photo.

        Args:
            image: the photo, if there is one.
            chosen: the name of a model and the code of a language that it writes, and another two.
        """
        if image is None:
            return drawn("pair.html", sides=())
        try:
            sides = [self._said(image, *one) for one in (chosen[:2], chosen[2:])]
        except GlimpseError as error:
            raise as_sentence(error.message) from None
        return drawn("pair.html", sides=sides)

    def _said(self, image: "Image.Image", name: str, language: str) -> Side:
        label, captioner = self.writers.one(name, language)
        look = self.writers(name).look
        search = searching(captioner.search, CAREFUL, MEDIUM)
        (best,) = captioner.describe(look(image), search=search)
        (said, *_) = card([best])["captions"]
        return Side(label, said, recognised(best.concepts))
