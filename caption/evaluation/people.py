"""How people's captions score against each other: what a captioner is measured by."""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from caption.errors import DataError
from caption.files.paths import ImageId
from caption.metrics.score import Scores, language_of, score


def left_out_in_turn(references: Mapping[ImageId, Sequence[str]]) -> Iterator[Scores]:
    """Yield scores of people's first captions against the others of the images, of the second, ...

    Images with one caption, or without so many, are not in a turn's scores.
    """
    language = language_of(references)
    for turn in range(max(map(len, references.values()), default=0)):
        some = {i: texts for i, texts in references.items() if len(texts) > max(turn, 1)}
        if len(some) > 1:
            yield score(
                {image: texts[turn] for image, texts in some.items()},
                {image: (*texts[:turn], *texts[turn + 1 :]) for image, texts in some.items()},
                language=language,
            )


def people_score(references: Mapping[ImageId, Sequence[str]]) -> float:
    """Return the mean CIDEr-D of people's captions, each left out in turn and scored by the others.

    Raises:
        DataError: no image has two captions that have anything in common.
    """
    turns = left_out_in_turn(references)
    found = [of_image.cider_d for scores in turns for of_image in scores.per_image.values()]
    human = fmean(found) if found else 0.0
    if math.isclose(human, 0.0, abs_tol=1e-9):
        raise DataError(
            "how good people's captions are cannot be told: no two of them, of the same picture, "
            "have anything in common; give several captions of each picture"
        )
    return human
