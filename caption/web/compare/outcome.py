"""How two models do on many photos: what they score, and where they differ most."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from caption.errors import DataError

if TYPE_CHECKING:
    from caption.data.captioned import CaptionedImage
    from caption.files.paths import ImageId
    from caption.metrics.bootstrap import Difference
    from caption.metrics.score import Scores
    from caption.predict import Captioner, DescribedFile
    from caption.text.language import Language

AT_ONCE = 8
"""Photos that are captioned at once; between them a person can stop."""
FIGURES = ("cider_d", "bleu_4")
CHANGED = 6
"""Photos that are shown."""
Interval = tuple[float, float]


@dataclass(frozen=True)
class Progress:
    """How far it is."""

    label: str
    """Of the model that writes."""
    done: int
    total: int
    """Captions, of both models."""


@dataclass(frozen=True)
class Figure:
    """What both score by one metric, each with the interval in which 95 % of the draws lie."""

    name: str
    scores: tuple[float, float]
    intervals: tuple[Interval, Interval]
    difference: float
    """Positive where the first is better."""
    interval: Interval

    @property
    def is_certain(self) -> bool:
        """Whether the difference is more than chance."""
        low, high = self.interval
        return low > 0 or high < 0

    @property
    def reach(self) -> float:
        """The greatest distance from zero, to draw the interval with."""
        return max(*map(abs, self.interval), abs(self.difference)) or 1.0


@dataclass(frozen=True)
class Changed:
    """A photo of which they say things of different worth."""

    name: str
    picture: str | None
    """Base64 of a small JPEG."""
    captions: tuple[str, str]
    scores: tuple[float, float]
    """CIDEr-D of each."""
    references: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that is shown of a comparison."""

    labels: tuple[str, str]
    language: str
    num_photos: int
    figures: Sequence[Figure]
    changed: Sequence[Changed]
    notes: Sequence[str]


def compared(
    images: "Sequence[CaptionedImage]",
    models: "Sequence[tuple[str, Captioner]]",
    notes: Sequence[str] = (),
) -> Generator[Progress | Outcome, None, None]:
    """Caption photos with two models; yield how far it is, and in the end the outcome.

    Args:
        images: with what people said of them.
        models: both of them, with their labels.
        notes: on what is not among the images.

    Raises:
        DataError: too few of the photos can be read.
    """
    written: list[dict[ImageId, DescribedFile]] = []
    for label, captioner in models:
        rows = captioner.describe_files((i.source for i in images), batch_images=AT_ONCE)
        found: dict[ImageId, DescribedFile] = {}
        for number, (image, row) in enumerate(zip(images, rows, strict=True)):
            if number % AT_ONCE == 0:
                done = len(written) * len(images) + number
                yield Progress(label, done, len(models) * len(images))
            found[image.image_id] = row
        written.append(found)
    yield _outcome(images, models, written, notes)


def _outcome(
    images: "Sequence[CaptionedImage]",
    models: "Sequence[tuple[str, Captioner]]",
    written: "Sequence[Mapping[ImageId, DescribedFile]]",
    notes: Sequence[str],
) -> Outcome:
    from caption.evaluation.compare import compare, intervals, most_changed
    from caption.metrics.score import language_of, score

    errors = [row.error for row in written[0].values() if row.error]
    readable = {image.image_id: image for image in images if not written[0][image.image_id].error}
    if len(readable) < 2:
        raise DataError(
            f"{len(readable)} of these photos can be read, and it takes two or better hundreds to "
            f"compare models{f'; {errors[0]}' if errors else ''}"
        )
    if errors:
        notes = [*notes, f"{len(errors)} cannot be read, the first of them: {errors[0]}"]
    references = {name: image.captions for name, image in readable.items()}
    language = language_of(references)
    notes = [*notes, *_of_another_language(models, language)]
    captions = [{name: _text(found[name]) for name in readable} for found in written]
    first, second = scores = [score(said, references, language=language) for said in captions]
    differing = most_changed(first, second, CHANGED)
    return Outcome(
        labels=(models[0][0], models[1][0]),
        language=language.code,
        num_photos=len(readable),
        figures=_figures(scores, compare(first, second), [intervals(each) for each in scores]),
        changed=[_changed(readable[name], captions, scores) for name in differing],
        notes=notes,
    )


def _of_another_language(
    models: "Sequence[tuple[str, Captioner]]", language: "Language"
) -> list[str]:
    """Return a note on each model that does not write the language that people wrote."""
    return [
        f"People described these photos in {language}, and {label} writes "
        f"{captioner.language}: its scores say nothing."
        for label, captioner in models
        if language.is_told and captioner.language.is_another_than(language)
    ]


def _text(row: "DescribedFile") -> str:
    return "" if row.caption is None else row.caption.text


def _figures(
    scores: "Sequence[Scores]",
    differences: "Mapping[str, Difference]",
    intervals: Sequence[Mapping[str, Interval]],
) -> list[Figure]:
    from caption.evaluation.report import NAMES, metrics_of

    first, second = map(metrics_of, scores)
    return [
        Figure(
            NAMES[metric],
            (first[metric], second[metric]),
            (intervals[0][metric], intervals[1][metric]),
            differences[metric].difference,
            differences[metric].interval,
        )
        for metric in FIGURES
    ]


def _changed(
    image: "CaptionedImage",
    captions: "Sequence[Mapping[ImageId, str]]",
    scores: "Sequence[Scores]",
) -> Changed:
    from caption.vision.thumbnail import thumbnail

    name = image.image_id
    return Changed(
        image.name,
        thumbnail(image.source),
        (captions[0][name], captions[1][name]),
        (scores[0].per_image[name].cider_d, scores[1].per_image[name].cider_d),
        image.captions,
    )
