"""Every error a user can meet, as one tree.

    GlimpseError            catch this one to catch them all
    ├── ImageError          a picture cannot be read
    ├── DataError           annotations, results or files of a data set are not as expected
    ├── FeatureStoreError   stored features are missing, unfinished or of another encoder
    └── ModelError          a model directory or training state cannot be used

Messages are one plain sentence for the person at the keyboard: what was found, what was expected,
what to do next. Wrong arguments of our own functions raise ValueError as everywhere in Python.
"""


class GlimpseError(Exception):
    """Something a user gave cannot be used; the message says what and how to mend it."""


class ImageError(GlimpseError):
    """A picture cannot be read."""


class DataError(GlimpseError):
    """A data set is not as expected."""


class FeatureStoreError(GlimpseError):
    """Stored features cannot be used."""


class ModelError(GlimpseError):
    """A model directory or a training state cannot be used."""
