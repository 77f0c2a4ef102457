"""The models that the page can write with, each with its own eyes; loaded when first chosen.

What writes other languages looks with the eyes of the model that it belongs to.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from caption.text.language import Language
from caption.web.eyes import Eyes

if TYPE_CHECKING:
    from caption.predict import Captioner

ALL = "all"
"""Stands for every language of a model at once."""
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
        return [(self.label(name), name) for name in (self.name, *self.others)]

    def label(self, name: str) -> str:
        """Return what people call a model."""
        return LABELS.get(name, name)

    def languages(self, name: str) -> list[tuple[str, str]]:
        """Return what people choose from: a label and a code for each language of a model.

        A model of several can describe in all of them.
        """
        codes = self(name).captioner.languages
        named = [(Language(code).own_name, code) for code in codes]
        return [*named, ("All", ALL)] if len(named) > 1 else named

    def speaking(self, name: str, language: str) -> list["Captioner"]:
        """Return what writes a language with a model's eyes, or each of them for `ALL`.

        A model that does not write it, as after another has been chosen, writes its own.

        Raises:
            ModelError: it cannot be loaded.
        """
        captioner = self(name).captioner
        codes = captioner.languages
        chosen = codes if language == ALL else [language if language in codes else codes[0]]
        return [captioner.in_language(code) for code in chosen]

    def one(self, name: str, language: str) -> "tuple[str, Captioner]":
        """Return what writes one language with a model's eyes, and what people call it.

        Raises:
            ModelError: it cannot be loaded.
        """
        captioner, label = self.speaking(name, language)[0], self.label(name)
        is_one_of_many = len(captioner.languages) > 1
        return f"{label}, {captioner.language.own_name}" if is_one_of_many else label, captioner

    def prefer(self, name: str, captioner: "Captioner") -> None:
        """Let a model that is new be the one to write with, unless people choose another."""
        if name != self.name:
            self.others.pop(name, None)
            # In the order of people's choice: what was first comes right behind it.
            before = self.first.captioner
            self.others = {self.name: lambda: before, **self.others}
            self.name = name
        self.loaded[name] = Writer(captioner, Eyes(captioner.extract))

    def __call__(self, name: str) -> Writer:
        """Return a model by its name.

        Raises:
            ModelError: it cannot be loaded.
        """
        if name not in self.loaded:
            captioner = self.others[name]()
            self.loaded[name] = Writer(captioner, Eyes(captioner.extract))
        return self.loaded[name]
