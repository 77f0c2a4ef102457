"""Ollama's API: the models there are, completions of a prompt and of a chat."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from caption import __version__
from vqa.serve.asking.conversation import Asked, Message, Role, asked_of
from vqa.serve.models import Weights
from vqa.serve.refusal import RefusedError
from vqa.serve.service import Answered, Body, Service

LATEST = ":latest"
"""How Ollama calls a model of whose versions none is named."""


class Options(BaseModel):
    """Settings of the model."""

    num_predict: int | None = None


class OllamaBody(Body):
    """What the prompt and the chat have in common."""

    stream: bool | None = True
    format: Any = None
    think: Any = None
    options: Options | None = None

    @property
    def max_words(self) -> int | None:
        """How many words the reply may have at most; all numbers below 1 are for no limit."""
        most = None if self.options is None else self.options.num_predict
        return None if most is None or most < 1 else most

    def check(self, *, tools: object = None, suffix: object = None) -> None:
        """Refuse what this model has not.

        Raises:
            RefusedError: something like that is asked for.
        """
        cannot = {
            "tools": tools,
            "thinking": self.think,
            "insert": suffix,
            "a format of the reply": self.format,
        }
        for what, is_asked in cannot.items():
            if is_asked:
                raise RefusedError(f"'{self.model[:100]}' does not support {what}; leave it out")


class PromptBody(OllamaBody):
    """A prompt that is to be completed."""

    prompt: str = ""
    system: str = ""
    suffix: str | None = None
    images: list[str] | None = None

    def asked(self) -> Asked:
        """Return what is asked."""
        self.check(suffix=self.suffix)
        own = Message("user", self.prompt, tuple(self.images or ()))
        return asked_of([Message("system", self.system), own])


class ChatMessage(BaseModel):
    """A message of any role."""

    role: Role
    content: str = ""
    images: list[str] | None = None


class ChatBody(OllamaBody):
    """A chat that is to be continued."""

    messages: list[ChatMessage]
    tools: list[Any] | None = None

    def asked(self) -> Asked:
        """Return what is asked."""
        self.check(tools=self.tools)
        return asked_of([Message(m.role, m.content, tuple(m.images or ())) for m in self.messages])


class ShowBody(Body):
    """A model that is to be told of, which older clients call by `name`."""

    name: str = ""

    def model_post_init(self, context: object, /) -> None:
        """Take the older field where there is no newer."""
        if self.name and "model" not in self.model_fields_set:
            self.model = self.name


class Ollama:
    """The endpoints below `/api`."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.since = _moment(service.since)

    @property
    def routes(self) -> list[Route]:
        """Where they are."""
        guarded = self.service.door.guarded
        return [
            Route("/version", guarded(self.version)),
            Route("/tags", guarded(self.tags)),
            Route("/show", guarded(self.show), methods=["POST"]),
            Route("/generate", guarded(self.generate), methods=["POST"]),
            Route("/chat", guarded(self.chat), methods=["POST"]),
        ]

    @staticmethod
    def refused(refused: RefusedError) -> Response:
        """Return an error as this API has it."""
        return JSONResponse({"error": refused.message}, refused.status, refused.headers)

    async def version(self, request: Request) -> Response:
        """Tell the version of this program."""
        return JSONResponse({"version": __version__})

    async def tags(self, request: Request) -> Response:
        """List the models."""
        rows = [self._row(name) for name in self.service.languages]
        return JSONResponse({"models": rows})

    def _row(self, name: str) -> dict[str, object]:
        weights = self.service.weights_of(name)
        return {
            "name": f"{name}{LATEST}",
            "model": f"{name}{LATEST}",
            "modified_at": self.since,
            "size": weights.num_bytes,
            "digest": weights.fingerprint,
            "details": _details(weights),
        }

    async def show(self, request: Request) -> Response:
        """Tell of one model."""
        body = await self.service.read(request, ShowBody)
        weights = self.service.weights_of(body.model)
        return JSONResponse(
            {
                "modelfile": "",
                "parameters": "",
                "template": "{{ .Prompt }}",
                "details": _details(weights),
                "model_info": {
                    "general.architecture": "glimpse",
                    "general.languages": [self.service.language_of(body.model)],
                    "general.parameter_count": weights.num_parameters,
                },
                "capabilities": ["completion", "vision"],
                "modified_at": self.since,
            }
        )

    async def generate(self, request: Request) -> Response:
        """Complete a prompt."""
        body, answered = await self.service.answer(request, PromptBody)
        return _told(body, answered, lambda text: {"response": text})

    async def chat(self, request: Request) -> Response:
        """Say the next message of a chat."""
        body, answered = await self.service.answer(request, ChatBody)
        return _told(
            body, answered, lambda text: {"message": {"role": "assistant", "content": text}}
        )


def _details(weights: Weights) -> dict[str, object]:
    return {
        "parent_model": "",
        "format": "safetensors",
        "family": "glimpse",
        "families": ["glimpse"],
        "parameter_size": f"{weights.num_parameters / 1e6:.1f}M",
        "quantization_level": "F32",
    }


def _told(
    body: OllamaBody, answered: Answered, said: Callable[[str], dict[str, object]]
) -> Response:
    """Return a reply at once or, as is usual here, in lines of JSON, one for each word.

    Args:
        body: the request.
        answered: the reply.
        said: returns a piece of the reply as the endpoint calls it.
    """
    head = {"model": body.model, "created_at": _moment()}
    end = {
        "done": True,
        "done_reason": "length" if answered.is_cut else "stop",
        "total_duration": int(answered.seconds * 1e9),
        "load_duration": 0,
        "prompt_eval_count": answered.asked.num_words,
        "eval_count": len(answered.words),
        "glimpse": answered.besides,
    }
    if body.stream is False:
        return JSONResponse({**head, **said(answered.text), **end})

    async def lines() -> AsyncIterator[str]:
        for word in answered.words:
            yield f"{json.dumps({**head, **said(word), 'done': False})}\n"
        yield f"{json.dumps({**head, **said(''), **end})}\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def _moment(seconds: float | None = None) -> str:
    """Return a moment, by default this one, as JSON has it."""
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat().replace("+00:00", "Z")
