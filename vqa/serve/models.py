"""The captioner and the question answerer, asked about several pictures at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
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
    language: str | None = None
    """Code of the one to describe it in; by default the captioner's own."""


@dataclass(frozen=True)
class Reply:
    """What is said to it."""

    text: str
    confidence: float | None
    """How good it is expected to be, from 0 to 1; None where nothing is expected."""
    doubt: str | None
    """What a person should be told of before believing it."""


@dataclass(frozen=True)
class Weights:
    """What lists of models tell of one of them."""

    num_parameters: int
    num_bytes: int
    fingerprint: str

    @classmethod
    def of(cls, captioner: "Captioner", answerer: "QuestionAnswerer | None") -> "Weights":
        """Return how much describes and answers, and what the describing is known by."""
        learnt: list[nn.Module] = [captioner.model]
        if answerer is not None:
            learnt.append(answerer.model)
        weights = [weight for model in learnt for weight in model.parameters()]
        return cls(
            sum(weight.numel() for weight in weights),
            sum(weight.nbytes for weight in weights),
            captioner.model.fingerprint(),
        )


class Models:
    """Looks at pictures together, and says of each what is wanted."""

    def __init__(self, captioner: "Captioner", answerer: "QuestionAnswerer | None") -> None:
        self.captioner, self.answerer = captioner, answerer
        self.writers = {code: captioner.in_language(code) for code in captioner.languages}
        """What describes in each language, by code; the captioner's own first."""
        recognising = (code for code, writer in self.writers.items() if writer.reads_concepts)
        self._naming = next(recognising, captioner.language.code)
        """The language that keywords are in, whichever photos are described in."""
        self.weights = {code: Weights.of(writer, answerer) for code, writer in self.writers.items()}

    def read(self, picture: bytes) -> UInt8[Tensor, "channel row column"]:
        """Return what the encoder sees of a picture.

        Raises:
            ImageError: it cannot be read.
        """
        return self.captioner.extract.read(picture)

    def replies(self, jobs: Sequence[Job]) -> list[Reply | GlimpseError]:
        """Return for each what is said, or why nothing can be."""
        codes = [self._language_of(job) for job in jobs]
        order = [*self.writers, None]
        places = sorted(range(len(jobs)), key=lambda place: order.index(codes[place]))
        features = self.captioner.extract.encode_pixels(
            torch.stack([jobs[place].pixels for place in places])
        )
        said: dict[int, Reply | GlimpseError] = {}
        for code, alike in groupby(places, codes.__getitem__):
            some, begin = list(alike), len(said)
            seen = features[slice(begin, begin + len(some))]
            captions = [] if code is None else self.writers[code].describe(seen)
            for row, place in enumerate(some):
                said[place] = (
                    _described(captions[row], jobs[place].wish)
                    if captions
                    else self._answered(seen[slice(row, row + 1)], jobs[place])
                )
        return [said[place] for place in range(len(jobs))]

    def _language_of(self, job: Job) -> str | None:
        """Return the language in which a job is described; None of a question."""
        if job.wish.kind == "question":
            return None
        if job.wish.kind == "keywords":
            return self._naming
        return job.language or self.captioner.language.code

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
