"""A question as the ids that the model reads."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from caption.text.tokenize import tokenize
from caption.text.vocabulary import Vocabulary


class Turn(NamedTuple):
    """What was asked and answered earlier in a dialog."""

    question: str
    answer: str


def encode_question(
    text: str,
    vocabulary: Vocabulary,
    *,
    max_length: int,
    history: Sequence[Turn] = (),
) -> list[int]:
    """Return the ids to read: earlier questions and answers, each with an end, then the question.

    A question without words is one unknown word.
    """
    before = encode_history(history, vocabulary, max_length=max_length)
    return [*before, *encode_words(tokenize(text), vocabulary, max_length=max_length)]


def encode_history(
    history: Sequence[Turn], vocabulary: Vocabulary, *, max_length: int
) -> list[int]:
    """Return the ids of earlier questions and answers, each with an end."""
    ids = []
    for said in (part for turn in history for part in turn):
        *words, end = vocabulary.encode(said)
        ids += [*words[:max_length], end]
    return ids


def encode_words(words: Sequence[str], vocabulary: Vocabulary, *, max_length: int) -> list[int]:
    """Return the ids of a question's words; none at all are one unknown word."""
    return [vocabulary.id_of(word) for word in words[:max_length]] or [vocabulary.unknown_id]


def pad(
    rows: Sequence[Sequence[int]], pad_id: int
) -> tuple[Int[Tensor, "question length"], Int[Tensor, " question"]]:
    """Return rows of ids as one tensor, and their lengths."""
    words = torch.full((len(rows), max(map(len, rows))), pad_id)
    for place, ids in enumerate(rows):
        words[place, : len(ids)] = torch.tensor(ids)
    return words, torch.tensor([len(ids) for ids in rows])


def last_turns(history: Sequence[Turn], count: int) -> Sequence[Turn]:
    """Return so many of the latest turns."""
    return history[max(0, len(history) - count) :]
