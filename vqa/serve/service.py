"""One request after the other: read, decoded, waiting for its turn, answered."""

import asyncio
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from caption.errors import GlimpseError
from caption.text.scripts import spaceless
from vqa.serve.asking.conversation import Asked
from vqa.serve.asking.pictures import decoded
from vqa.serve.batcher import Batcher, FullError
from vqa.serve.door import Door
from vqa.serve.limits import Limits
from vqa.serve.models import Job, Models, Reply, Weights
from vqa.serve.refusal import RefusedError, busy

DECODERS = 2
"""Threads that decode pictures while the model works."""
NAME = "glimpse"


class Body(BaseModel):
    """A request, as far as the APIs have it in common."""

    model: str = NAME

    @property
    def max_words(self) -> int | None:
        """How many words the reply may have at most, if that is said."""
        return None

    def asked(self) -> Asked:
        """Return what is asked.

        Raises:
            RefusedError: it asks for what this server cannot do.
        """
        raise NotImplementedError


AnyBody = TypeVar("AnyBody", bound=Body)


@dataclass(frozen=True)
class Answered:
    """What is said to a request, as far as the APIs have it in common."""

    asked: Asked
    reply: Reply
    seconds: float
    """From the request to here."""
    words: tuple[str, ...]
    """The text word by word, each with the space before it; joined they are the text."""
    is_cut: bool
    """Whether there would have been more words."""

    @property
    def text(self) -> str:
        """What is said."""
        return "".join(self.words)

    @property
    def besides(self) -> dict[str, object]:
        """What neither API has a field for: how sure the model is, and what it doubts."""
        return {"confidence": self.reply.confidence, "doubt": self.reply.doubt}


class Service:
    """Answers requests of any API with the same models, those that wait together."""

    def __init__(
        self,
        models: Models,
        *,
        limits: Limits | None = None,
        token: str | None = None,
        names: Sequence[str] = (NAME,),
    ) -> None:
        """Start to take requests.

        Args:
            models: what answers.
            limits: how much is taken at once.
            token: what every request must bear; None lets in everybody.
            names: what the model may be called by. Behind each, "/de" and the like name the
                languages that it describes photos in besides its own.
        """
        self.models = models
        own, *others = models.writers
        self.languages = {
            f"{name}{ending}": code
            for name in names
            for ending, code in {"": own, **{f"/{code}": code for code in others}}.items()
        }
        """What each model that programs may name describes photos in."""
        self.limits = limits or Limits()
        self.door = Door(self.limits, token)
        self.since = time.time()
        self._decoders = ThreadPoolExecutor(DECODERS, "decoder")
        self._batcher: Batcher[Job, Reply | GlimpseError] = Batcher(
            models.replies,
            max_batch=self.limits.concurrency,
            max_waiting=self.limits.max_waiting,
        )

    def close(self) -> None:
        """Take no more, and return when all that was taken is answered."""
        self._decoders.shutdown()
        self._batcher.close()

    async def answer(self, request: Request, kind: type[AnyBody]) -> tuple[AnyBody, Answered]:
        """Return a request and what is said to it.

        Raises:
            GlimpseError: nothing can be said to it, and why.
        """
        begun = time.perf_counter()
        if self._batcher.is_full:
            raise busy()
        async with self.door.body(request) as content:
            body, asked, job = await asyncio.get_running_loop().run_in_executor(
                self._decoders, self._understood, content, kind
            )
        try:
            reply = await asyncio.wrap_future(self._batcher.submit(job))
        except FullError:
            raise busy() from None
        if isinstance(reply, GlimpseError):
            raise reply
        words = tuple(_word().findall(reply.text))
        most = body.max_words
        answered = Answered(
            asked=asked,
            reply=reply,
            seconds=time.perf_counter() - begun,
            words=words[:most],
            is_cut=most is not None and len(words) > most,
        )
        return body, answered

    async def read(self, request: Request, kind: type[AnyBody]) -> AnyBody:
        """Return a request that asks for nothing of a picture."""
        async with self.door.body(request) as content:
            return self._checked(content, kind)

    def _understood(self, content: bytearray, kind: type[AnyBody]) -> tuple[AnyBody, Asked, Job]:
        """Return a request, what it asks, and what of that concerns the models."""
        body = self._checked(content, kind)
        asked = body.asked()
        picture = decoded(asked.image, max_bytes=self.limits.file_bytes)
        language = self.language_of(body.model)
        return body, asked, Job(self.models.read(picture), asked.wish, asked.history, language)

    def _checked(self, content: bytearray, kind: type[AnyBody]) -> AnyBody:
        """Return a request that is as its API has it."""
        try:
            body = kind.model_validate_json(content)
        except ValidationError as error:
            raise _invalid(error) from None
        self.language_of(body.model)  # refused before a picture is decoded
        return body

    def language_of(self, name: str) -> str:
        """Return the code of the language that a model of this name describes photos in.

        Raises:
            RefusedError: there is no such model here.
        """
        code = self.languages.get(name.removesuffix(":latest"))
        if code is None:
            known = ", ".join(f"'{own}'" for own in self.languages)
            raise RefusedError(
                f"model '{name[:100]}' not found; this server has {known}",
                status=404,
                code="model_not_found",
                param="model",
            )
        return code

    def weights_of(self, name: str) -> Weights:
        """Return what there is to tell of a model.

        Raises:
            RefusedError: there is no such model here.
        """
        return self.models.weights[self.language_of(name)]


@cache
def _word() -> re.Pattern[str]:
    """Return what matches a word with the space before it; in Chinese and the like a character."""
    character = spaceless().pattern
    return re.compile(rf"\s*(?:{character}|(?:(?!{character})\S)+)")


def _invalid(error: ValidationError) -> RefusedError:
    """Return the first thing that is wrong with a request, without what was sent."""
    first, *_ = error.errors(include_input=False, include_url=False, include_context=False)
    place = ".".join(map(str, first["loc"]))
    where = f"'{place}': " if place else "the request: "
    return RefusedError(f"{where}{first['msg']}", code="invalid_request", param=place or None)
