"""The captioner and the question answerer, asked about several pictures at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from caption.errors import GlimpseError
from vqa.question import Turn
from vqa.serve.asking.conversation import with_doubt
from vqa.serve.asking.wish import Wish
from vqa.serve.refusal import RefusedError

if TYPE_CHECKING:
    from caption.predict import Caption, Captioner
    from caption.vision.features import ImageFeatures
    from vqa.predict import QuestionAnswerer


@dataclass(frozen=True, eq=False)
class Job:
    """A picture, and what is wanted of it."""

    pixels: UInt8[Tensor, "channel row column"]
    wish: Wish
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What is said to it."""

    text: str
    confidence: float | None
    """How good it is expected to be, from 0 to 1; None where nothing is expected."""
    doubt: str | None
    """What a person should be told of before believing it."""


class Models:
    """Looks at pictures together, and says of each what is wanted."""

    def __init__(self, captioner: "Captioner", answerer: "QuestionAnswerer | None") -> None:
        self.captioner, self.answerer = captioner, answerer
        learnt: list[nn.Module] = [captioner.model]
        if answerer is not None:
            learnt.append(answerer.model)
        weights = [weight for model in learnt for weight in model.parameters()]
        self.num_parameters = sum(weight.numel() for weight in weights)
        self.num_bytes = sum(weight.nbytes for weight in weights)
        self.fingerprint = captioner.model.fingerprint()

    def read(self, picture: bytes) -> UInt8[Tensor, "channel row column"]:
        """Return what the encoder sees of a picture.

        Raises:
            ImageError: it cannot be read.
        """
        return self.captioner.extract.read(picture)

    def replies(self, jobs: Sequence[Job]) -> list[Reply | GlimpseError]:
        """Return for each what is said, or why nothing can be."""
        places = sorted(range(len(jobs)), key=lambda place: jobs[place].wish.kind == "question")
        features = self.captioner.extract.encode_pixels(
            torch.stack([jobs[place].pixels for place in places])
        )
        count = sum(job.wish.kind != "question" for job in jobs)
        captions = self.captioner.describe(features[slice(0, count)]) if count else []
        said: dict[int, Reply | GlimpseError] = {}
        for place, caption in zip(places[:count], captions, strict=True):
            said[place] = _described(caption, jobs[place].wish)
        for row, place in enumerate(places[count:], start=count):
            said[place] = self._answered(features[slice(row, row + 1)], jobs[place])
        return [said[place] for place in range(len(jobs))]

    def _answered(self, features: "ImageFeatures", job: Job) -> Reply | GlimpseError:
        if self.answerer is None:
            return RefusedError(
                "this model describes pictures and answers no questions; "
                "ask 'Describe this image.'",
                code="unsupported_instruction",
            )
        try:
            (answer,) = self.answerer.ask(features, [job.wish.question], history=job.history)
        except GlimpseError as error:
            return error
        return Reply(with_doubt(answer.text, answer.doubt), answer.sureness, answer.doubt)


def _described(caption: "Caption", wish: Wish) -> Reply | GlimpseError:
    if wish.kind == "description":
        return Reply(caption.text, caption.confidence, caption.doubt)
    if not caption.concepts:
        return RefusedError(
            "this model recognises no words that could be keywords; ask 'Describe this image.'",
            code="unsupported_instruction",
        )
    return Reply(", ".join(caption.keywords), None, None)
