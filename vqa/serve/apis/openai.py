"""OpenAI's API: the models there are, and chat completions."""

import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vqa.serve.asking.conversation import Asked, Message, Role, asked_of
from vqa.serve.refusal import RefusedError
from vqa.serve.service import Answered, Body, Service

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Headers that keep proxies from collecting what is streamed."""


class ImageUrl(BaseModel):
    """Where a picture is."""

    url: str


class Part(BaseModel):
    """A piece of a message."""

    type: str
    text: str = ""
    image_url: ImageUrl | str | None = None


class ChatMessage(BaseModel):
    """A message of any role."""

    role: str
    content: str | list[Part] | None = None

    def plain(self) -> Message:
        """Return the message as all APIs have it."""
        if self.role not in ROLES:
            raise RefusedError(
                f"messages of the role '{self.role[:100]}' are not understood; expected "
                f"{', '.join(ROLES)}",
                param="messages",
            )
        parts = [Part(type="text", text=self.content)] if isinstance(self.content, str) else None
        parts = parts or ([] if self.content is None else list(_parts(self.content)))
        text = "\n".join(part.text for part in parts if part.type == "text")
        images = (part.image_url for part in parts if part.image_url is not None)
        return Message(
            ROLES[self.role],
            text,
            tuple(image if isinstance(image, str) else image.url for image in images),
        )


def _parts(content: Sequence[str | Part]) -> Iterator[Part]:
    """Yield the pieces that are text or pictures; there are no others that are understood."""
    for part in content:
        if isinstance(part, str) or part.type not in ("text", "image_url"):
            kind = "text" if isinstance(part, str) else part.type
            raise RefusedError(
                f"parts of the type '{kind[:100]}' are not understood; expected text, image_url",
                param="messages",
            )
        yield part


class StreamOptions(BaseModel):
    """What a stream tells besides."""

    include_usage: bool = False


class ResponseFormat(BaseModel):
    """The form that the reply should have."""

    type: str = "text"


class ChatBody(Body):
    """A chat that is to be completed."""

    messages: list[ChatMessage]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    n: int | None = 1
    logprobs: bool | None = False
    response_format: ResponseFormat | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None

    @property
    def max_words(self) -> int | None:
        """How many words the reply may have at most, if that is said."""
        return self.max_completion_tokens or self.max_tokens

    def asked(self) -> Asked:
        """Return what is asked."""
        cannot = {
            "tools": self.tools or self.functions,
            "n": self.n not in (None, 1),
            "logprobs": self.logprobs,
            "response_format": self.response_format and self.response_format.type != "text",
        }
        for param, is_asked in cannot.items():
            if is_asked:
                raise RefusedError(
                    f"this model does not support '{param}': it says one plain sentence or answer; "
                    "leave it out",
                    code="unsupported_parameter",
                    param=param,
                )
        return asked_of([message.plain() for message in self.messages])


class OpenAI:
    """The endpoints below `/v1`."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @property
    def routes(self) -> list[Route]:
        """Where they are."""
        guarded = self.service.door.guarded
        return [
            Route("/models", guarded(self.models)),
            Route("/models/{name:path}", guarded(self.model)),
            Route("/chat/completions", guarded(self.complete), methods=["POST"]),
        ]

    @staticmethod
    def refused(refused: RefusedError) -> Response:
        """Return an error as this API has it."""
        kind = "server_error" if refused.status >= 500 else "invalid_request_error"
        error = {
            "message": refused.message,
            "type": kind,
            "param": refused.param,
            "code": refused.code,
        }
        return JSONResponse({"error": error}, refused.status, refused.headers)

    async def models(self, request: Request) -> Response:
        """List the models."""
        rows = [self._model(name) for name in self.service.languages]
        return JSONResponse({"object": "list", "data": rows})

    async def model(self, request: Request) -> Response:
        """Tell of one model."""
        name = request.path_params["name"]
        self.service.language_of(name)
        return JSONResponse(self._model(name))

    def _model(self, name: str) -> dict[str, object]:
        since = int(self.service.since)
        return {"id": name, "object": "model", "created": since, "owned_by": "glimpse"}

    async def complete(self, request: Request) -> Response:
        """Say the next message of a chat."""
        body, answered = await self.service.answer(request, ChatBody)
        head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": body.model,
        }
        end = "length" if answered.is_cut else "stop"
        if body.stream:
            options = body.stream_options or StreamOptions()
            head["object"] = "chat.completion.chunk"
            return StreamingResponse(
                _events(_chunks(head, answered, end, with_usage=options.include_usage)),
                media_type="text/event-stream",
                headers=UNBUFFERED,
            )
        message = {"role": "assistant", "content": answered.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": end}
        return JSONResponse(
            {
                **head,
                "object": "chat.completion",
                "choices": [choice],
                "usage": _usage(answered),
                "glimpse": answered.besides,
            }
        )


def _chunks(
    head: dict[str, object], answered: Answered, end: str, *, with_usage: bool
) -> Iterator[dict[str, object]]:
    """Yield a reply word by word, as a stream has it."""
    yield {**head, "choices": [_delta({"role": "assistant", "content": ""})]}
    for word in answered.words:
        yield {**head, "choices": [_delta({"content": word})]}
    yield {**head, "choices": [_delta({}, end)], "glimpse": answered.besides}
    if with_usage:
        yield {**head, "choices": [], "usage": _usage(answered)}


def _delta(delta: dict[str, str], end: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}


def _usage(answered: Answered) -> dict[str, int]:
    """Return how many words were read and said; the models have no other tokens."""
    read, said = answered.asked.num_words, len(answered.words)
    return {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said}


async def _events(chunks: Iterator[dict[str, object]]) -> AsyncIterator[str]:
    """Yield server-sent events."""
    for chunk in chunks:
        yield f"data: {json.dumps(chunk)}\n\n"
    yield "data: [DONE]\n\n"
