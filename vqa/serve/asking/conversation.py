"""A conversation, in whatever API it came, as what is asked of one picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from vqa.question import Turn
from vqa.serve.asking.wish import DESCRIPTION, Wish, wish_of
from vqa.serve.refusal import RefusedError

Role = Literal["system", "user", "assistant"]
LONGEST_TEXT = 20_000
"""Letters of the messages together: many times an instruction that is meant."""
ASK_SO = "ask 'Describe this image.', or a question such as 'what colour is the dog?'"


@dataclass(frozen=True)
class Message:
    """One message, as both APIs have it."""

    role: Role
    text: str
    images: tuple[str, ...] = ()
    """As they were sent."""


@dataclass(frozen=True)
class Asked:
    """What is asked of a picture."""

    image: str
    """As it was sent."""
    wish: Wish
    history: tuple[Turn, ...] = ()
    """Questions about the same picture that were answered before."""
    num_words: int = 0
    """Of the message that asks."""


def asked_of(messages: Sequence[Message], *, param: str = "messages") -> Asked:
    """Return what the last message of the user asks of the picture that was sent last.

    Args:
        messages: oldest first.
        param: what the field with them is called.

    Raises:
        RefusedError: there is no picture, more than one in a message, or nothing that can be done.
    """
    if sum(len(message.text) for message in messages) > LONGEST_TEXT:
        raise RefusedError(
            f"the messages have more than {LONGEST_TEXT:,} letters; {ASK_SO}", param=param
        )
    users = [place for place, message in enumerate(messages) if message.role == "user"]
    if not users:
        raise RefusedError(
            f"there is no message of the user; send a picture and {ASK_SO}", param=param
        )
    last = users[-1]
    pictured = [place for place in users if messages[place].images]
    if not pictured:
        raise RefusedError(
            f"there is no picture, and without one this model cannot say anything; send one and "
            f"{ASK_SO}",
            code="image_required",
            param=param,
        )
    since = pictured[-1]
    if len(messages[since].images) > 1:
        raise RefusedError(
            f"there are {len(messages[since].images)} pictures in one message, and this model "
            "looks at one; send a request for each",
            code="too_many_images",
            param=param,
        )
    return Asked(
        image=messages[since].images[0],
        wish=_wish(messages, last, param),
        history=_history(messages[since:last]),
        num_words=len(messages[last].text.split()),
    )


def _wish(messages: Sequence[Message], last: int, param: str) -> Wish:
    """Return what a message asks for or, where it does not say, those of the system before it."""
    told = "\n".join(message.text for message in messages if message.role == "system")
    own = messages[last].text
    wish = wish_of(own) or wish_of(told)
    if wish is None and own.strip():
        raise RefusedError(
            "this model describes a picture, names what is in it, or answers a question about it, "
            f"and finds none of these in the instruction; {ASK_SO}",
            code="unsupported_instruction",
            param=param,
        )
    return wish or DESCRIPTION


def _history(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """Return the questions among some messages with what was answered to each."""
    turns = []
    for message, following in pairwise(messages):
        if message.role == "user" and following.role == "assistant":
            wish = wish_of(message.text)
            if wish is not None and wish.kind == "question":
                turns.append(Turn(wish.question, without_doubt(following.text)))
    return tuple(turns)


def with_doubt(answer: str, doubt: str | None) -> str:
    """Return an answer as it is said to people who ask."""
    return f"{answer} ({doubt})" if doubt else answer


def without_doubt(said: str) -> str:
    """Return the answer alone."""
    return said.partition(" (")[0]
