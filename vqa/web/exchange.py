"""A question and its answer as plain values, from which the browser draws them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from caption.errors import DataError
from caption.web.describe.card import DECIMALS, Grid, grid_of
from caption.web.events import as_sentence
from caption.web.eyes import Eyes

if TYPE_CHECKING:
    from PIL import Image

    from vqa.predict import Answer, QuestionAnswerer
    from vqa.question import Turn


LEAST = 0.001
"""Probability of an answer that is worth a bar."""


class Exchange(TypedDict):
    """What the page shows of a question and its answer."""

    question: str
    answer: str
    sureness: float
    top: list[tuple[str, float]]
    """The likeliest answers with their probabilities."""
    doubts: list[str]
    """Why not to believe it, if there are reasons."""
    grids: list[Grid]
    """Where the model looked, a grid for each look."""


def exchange(question: str, answer: "Answer") -> Exchange:
    """Return a question and its answer as the browser draws them."""
    return Exchange(
        question=question,
        answer=answer.text,
        sureness=round(answer.sureness, DECIMALS),
        top=[(text, round(share, DECIMALS)) for text, share in answer.top if share >= LEAST],
        doubts=answer.doubt.split("; ") if answer.doubt else [],
        grids=[grid_of(weights) for weights in answer.attention],
    )


def asked(
    answerer: "QuestionAnswerer",
    look: Eyes,
    image: "Image.Image | None",
    question: str,
    turns: "Sequence[Turn]",
) -> "Answer":
    """Return what a model answers about a photo; what cannot be asked is a sentence."""
    if image is None:
        raise as_sentence("Give a photo first, or click an example.")
    try:
        (answer,) = answerer.ask(look(image), [question], history=turns)
    except DataError as error:
        raise as_sentence(error.message) from None
    return answer
