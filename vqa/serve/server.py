"""The server of both APIs: its routes, also for the page, and how it is started."""

import logging
import socket
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from caption.errors import GlimpseError
from caption.web.serve import cannot_serve, keeping_strangers_out
from vqa.serve.apis.ollama import Ollama
from vqa.serve.apis.openai import OpenAI
from vqa.serve.refusal import RefusedError, as_refused
from vqa.serve.service import Service

MOST_CONNECTIONS = 256
"""Above this many the server answers 503 without looking at the request."""
GRACE_SECONDS = 10
"""In which what was begun is finished when the server is stopped."""


def routes(service: Service) -> list[BaseRoute]:
    """Return where both APIs and the state of health are."""
    return [
        Route("/health", _health),
        Mount("/v1", _api(OpenAI(service))),
        Mount("/api", _api(Ollama(service))),
    ]


async def _health(request: Request) -> Response:
    """Say that there is somebody; it needs no token and tells nothing else."""
    return JSONResponse({"status": "ok"})


async def _greeting(request: Request) -> Response:
    return PlainTextResponse("Glimpse is running: /v1 is OpenAI's API, /api Ollama's.\n")


def _api(api: OpenAI | Ollama) -> Starlette:
    """Return the endpoints of an API, where also every error has its shape."""

    async def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, GlimpseError):
            return api.refused(as_refused(error))
        if isinstance(error, HTTPException):
            said = f"there is no {request.method} {request.url.path[:100]} here"
            return api.refused(RefusedError(said, status=error.status_code, code="not_found"))
        if isinstance(error, ClientDisconnect):
            return Response(status_code=499)  # nobody reads it
        said = "something went wrong here, which is not the request's fault; the log says more"
        return api.refused(RefusedError(said, status=500, code="internal_error"))

    kinds = (GlimpseError, HTTPException, ClientDisconnect, Exception)
    return Starlette(routes=api.routes, exception_handlers=dict.fromkeys(kinds, refused))


def build_server(service: Service, *, host: str, names: Sequence[str] = ()) -> Starlette:
    """Return both APIs as a server of their own.

    Args:
        service: what answers.
        host: the address that is served.
        names: by which it may be called besides.
    """
    own = [Route("/", _greeting, methods=["GET", "HEAD"]), *routes(service)]
    return Starlette(routes=own, middleware=keeping_strangers_out(host, names))


def serve(server: Starlette, listening: socket.socket) -> None:
    """Serve until interrupted."""
    import uvicorn

    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        server,
        log_level="warning",
        access_log=False,
        ws="none",
        lifespan="off",
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections.

    Args:
        host: name or address.
        port: 0 takes a free one.

    Raises:
        GlimpseError: the host is unknown or the port taken.
    """
    try:
        found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, *_, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=MOST_CONNECTIONS)
    except OSError as error:
        raise cannot_serve(host, port, error) from None
