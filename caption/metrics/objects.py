"""Whether captions name what there is: object recall, and CHAIR for what there is not.

CHAIR is that of Rohrbach et al. 2018 ("Object Hallucination in Image Captioning", arXiv
1809.02156), with what people wrote of an image as the only truth. Objects are those of
`text.nouns`, English only: captions in another language name none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from caption.files.paths import ImageId
from caption.metrics.ngrams import Floats, Ints, tokenised
from caption.text.nouns import objects_in

AGREED = 3
"""People who name an object that a caption is expected to name."""
OFTEN = 50
"""Captions: who has learnt from so many that name an object has seen it often."""
BANDS = ("often", "seldom", "never")
"""How often an object was seen in the captions learnt from: OFTEN times, fewer, never."""
OBJECT_METRICS = ("object_recall", "chair_i", "chair_s")


@dataclass(frozen=True, slots=True)
class ImageObjects:
    """The objects of one image and of its caption."""

    expected: frozenset[str]
    """That enough people name."""
    right: frozenset[str]
    """That the caption names, and somebody else too."""
    wrong: frozenset[str]
    """That the caption names, and nobody else: hallucinated."""

    @property
    def missed(self) -> frozenset[str]:
        """What the caption should have named."""
        return self.expected - self.right


@dataclass(frozen=True)
class ObjectCounts:
    """Sums over images, of one object or of many, that make fractions."""

    expected: int
    found: int
    """Named, of the expected."""
    right: int
    wrong: int

    @property
    def named(self) -> int:
        """Captions that name the object."""
        return self.right + self.wrong

    @property
    def recall(self) -> float | None:
        """Share of the expected that is named; None where nothing is expected."""
        return self.found / self.expected if self.expected else None

    @property
    def precision(self) -> float | None:
        """Share of the named that some reference names; None where nothing is named."""
        return self.right / self.named if self.named else None


@dataclass(frozen=True)
class ObjectScores:
    """How well the captions of a set of images name objects."""

    per_image: Mapping[ImageId, ImageObjects]
    per_object: Mapping[str, ObjectCounts]
    """Of the objects that are expected or named at least once."""
    seen: Mapping[str, int] | None
    """Captions that the writer learnt from, by what they name; None if they are unknown."""

    def metrics(self) -> dict[str, float]:
        """Return the OBJECT_METRICS that are known, by name."""
        counts = total(self.per_object.values())
        figures = {} if counts.recall is None else {"object_recall": counts.recall}
        if self.per_object:
            whole = np.ones((1, len(self.per_image)), np.int64)
            chairs = metrics_of_objects(self, whole)[0, 1:]
            figures |= zip(OBJECT_METRICS[1:], chairs.tolist(), strict=True)
        return figures

    def bands(self) -> dict[str, dict[str, ObjectCounts]]:
        """Return the objects of each band; none where what the writer learnt from is unknown."""
        if self.seen is None:
            return {}
        bands: dict[str, dict[str, ObjectCounts]] = {band: {} for band in BANDS}
        for name, counts in self.per_object.items():
            seen = self.seen.get(name, 0)
            band = "often" if seen >= OFTEN else "seldom" if seen else "never"
            bands[band][name] = counts
        return bands


def total(counts: Iterable[ObjectCounts]) -> ObjectCounts:
    """Return the counts of several objects as one."""
    rows = [(some.expected, some.found, some.right, some.wrong) for some in counts]
    return ObjectCounts(*map(sum, zip(*rows, strict=True))) if rows else ObjectCounts(0, 0, 0, 0)


def score_objects(
    captions: Mapping[ImageId, str],
    references: Mapping[ImageId, Sequence[str]],
    *,
    learnt: Iterable[str] | None = None,
    agreed: int = AGREED,
) -> ObjectScores:
    """Score what captions name.

    Args:
        captions: by image.
        references: what people wrote of these images.
        learnt: captions that the writer learnt from, to tell what it has seen often.
        agreed: people who name what is expected of the caption; of fewer references, all.
    """
    per_image = {
        image: _objects_of(caption, references[image], agreed)
        for image, caption in captions.items()
    }
    images = per_image.values()
    expected = Counter(name for image in images for name in image.expected)
    found = Counter(name for image in images for name in image.expected & image.right)
    right = Counter(name for image in images for name in image.right)
    wrong = Counter(name for image in images for name in image.wrong)
    per_object = {
        name: ObjectCounts(expected[name], found[name], right[name], wrong[name])
        for name in sorted(expected.keys() | right.keys() | wrong.keys())
    }
    seen = None
    if learnt is not None:
        seen = Counter(name for text in learnt for name in named_by(text))
    return ObjectScores(per_image, per_object, seen)


def nothing_named(images: Iterable[ImageId]) -> ObjectScores:
    """Return the scores of captions in another language, of whose nouns none is known."""
    none: frozenset[str] = frozenset()
    return ObjectScores(dict.fromkeys(images, ImageObjects(none, none, none)), {}, None)


def named_by(caption: str) -> set[str]:
    """Return the objects that a caption names."""
    return objects_in(tokenised(caption).split())


def metrics_of_objects(scores: ObjectScores, times: Ints) -> Floats:
    """Return the OBJECT_METRICS, [draw, metric], of draws with each image so often, [draw, image].

    Where a draw has nothing to count, the metric is 0.
    """
    images = scores.per_image.values()
    sums = times @ np.array(
        [
            (
                len(image.expected & image.right),
                len(image.expected),
                len(image.wrong),
                len(image.wrong | image.right),
                bool(image.wrong),
                1,
            )
            for image in images
        ]
    )
    shares: Floats = sums[:, ::2] / np.maximum(sums[:, 1::2], 1)
    return shares


def _objects_of(caption: str, references: Sequence[str], agreed: int) -> ImageObjects:
    people = Counter(name for text in references for name in named_by(text))
    named, enough = named_by(caption), min(agreed, len(references))
    return ImageObjects(
        expected=frozenset(name for name, count in people.items() if count >= enough),
        right=frozenset(named & people.keys()),
        wrong=frozenset(named - people.keys()),
    )
