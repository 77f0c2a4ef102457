"""The models that the page can write with, each with its own eyes; loaded when first chosen."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from caption.web.eyes import Eyes

if TYPE_CHECKING:
    from caption.predict import Captioner

LABELS = {"base": "Best", "small": "Small"}
"""Of the models that come with the package; others are called as they were given."""


class Writer(NamedTuple):
    """A captioner, and what it sees photos with."""

    captioner: "Captioner"
    look: Eyes


class Writers:
    """The models of a page by name; the first is there already."""

    def __init__(
        self,
        captioner: "Captioner",
        look: Eyes,
        *,
        name: str = "base",
        others: Mapping[str, Callable[[], "Captioner"]] | None = None,
    ) -> None:
        self.name = name
        self.loaded = {name: Writer(captioner, look)}
        self.others = dict(others or {})

    @property
    def first(self) -> Writer:
        """The model that the page was opened with."""
        return self.loaded[self.name]

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What people choose from: a label and a name for each model."""
        return [(LABELS.get(name, name), name) for name in (self.name, *self.others)]

    def __call__(self, name: str) -> Writer:
        """Return a model by its name.

        Raises:
            ModelError: it cannot be loaded.
        """
        if name not in self.loaded:
            captioner = self.others[name]()
            self.loaded[name] = Writer(captioner, Eyes(captioner.extract))
        return self.loaded[name]
