"""Every error a user can meet, as one tree, and what each of them can do about it.

    GlimpseError            catch this one to catch them all
    ├── ImageError          a picture cannot be read
    ├── DataError           annotations, results or files of a data set are not as expected
    ├── FeatureStoreError   stored features are missing, unfinished or of another encoder
    └── ModelError          a model directory or training state cannot be used

Messages are one plain sentence for the person at the keyboard: what was found, what was expected,
what to do next. Where the next step is an argument or a command, it is data: Python code is told to
pass `subset=True`, the command line says `--subset`, and a page says neither. Wrong arguments of
our own functions raise ValueError as everywhere in Python.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Argument:
    """A remedy: do the same again with this argument."""

    name: str
    """As Python calls it, such as "no_repeat_ngram"."""
    value: str = ""
    """What to give it, in the words of a person; empty for a switch that is to be on."""
    why: str = ""
    """What comes of it, such as "to score the rest"."""


@dataclass(frozen=True)
class Command:
    """A remedy: run a command of `glimpse`."""

    words: str
    """Behind `glimpse`, such as "check mine"."""
    why: str = ""
    """What comes of it, such as "which shows them all"."""


Remedy = Argument | Command


class GlimpseError(Exception):
    """Something a user gave cannot be used; the message says what and how to mend it."""

    def __init__(self, message: str, *remedies: Remedy) -> None:
        super().__init__(message, *remedies)
        self.message = message
        self.remedies = remedies

    def __str__(self) -> str:
        return self.worded(in_python)

    def worded(self, word: Callable[[Remedy], str]) -> str:
        """Return the message and its remedies, each as the given function words it."""
        ways = ", or ".join(map(word, self.remedies))
        return f"{self.message}; {ways}" if ways else self.message


def in_python(remedy: Remedy) -> str:
    """Return a remedy for people who call the library."""
    if isinstance(remedy, Command):
        return in_words(f"run `glimpse {remedy.words}`", remedy.why)
    return in_words(f"pass {remedy.name}={remedy.value or True}", remedy.why)


def in_words(step: str, why: str) -> str:
    """Return a step and what comes of it."""
    return f"{step}{', ' if why.startswith('which') else ' '}{why}" if why else step


class ImageError(GlimpseError):
    """A picture cannot be read."""


class DataError(GlimpseError):
    """A data set is not as expected."""


class FeatureStoreError(GlimpseError):
    """Stored features cannot be used."""


class ModelError(GlimpseError):
    """A model directory or a training state cannot be used."""
