"""Where the browser reaches the library: addresses below /library, with plain values and pictures.

They go beside Gradio, whose queue is for the models: who searches as they type waits for nobody.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from caption.errors import DataError, GlimpseError
from caption.web.library.answers import Answer, Asked, answers
from caption.web.library.exports import Document
from caption.web.library.shelf import Shelf

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

MAX_VALUES = 64 * 1024
"""Bytes of what is sent as values."""
LARGER = {"/like": 20 * 2**20}
"""Likewise, by address, where it is a picture, which is held in memory."""
Endpoint = Callable[[Any], Awaitable[Any]]


def library_routes(shelf: Shelf) -> "list[BaseRoute]":
    """Return where a library is reached."""
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Mount, Route

    async def refused(request: "Request", error: Exception) -> "Response":
        if isinstance(error, GlimpseError):
            # The page shows it, so nothing has failed that a browser should write in its log.
            return JSONResponse({"problem": shelf.told(error.message)})
        if isinstance(error, ClientDisconnect):
            return Response(status_code=499)  # nobody reads it
        said = "something went wrong here, and the log says more; nothing was changed"
        return JSONResponse({"problem": said}, 500)

    routes: list[BaseRoute] = [
        Route(path, _endpoint(answer, LARGER.get(path, MAX_VALUES)), methods=[method])
        for (method, path), answer in answers(shelf).items()
    ]
    routes.append(Route("/dropped", _dropped(shelf), methods=["POST"]))
    kinds = (GlimpseError, ClientDisconnect, Exception)
    return [
        Mount(
            "/library",
            Starlette(routes=routes, exception_handlers=dict.fromkeys(kinds, refused)),
        )
    ]


def _endpoint(answer: Answer, most: int) -> Endpoint:
    """Return what answers a request in a thread, as all that touches a disk may take its time."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse

    async def endpoint(request: "Request") -> "Response":
        asked = Asked(
            photo=min(request.path_params.get("photo", 0), 2**62),
            query=dict(request.query_params),
            content=await _content(request, most),
        )
        said = await run_in_threadpool(answer, asked)
        return _sent(said) if isinstance(said, Document) else JSONResponse(said)

    return endpoint


def _sent(document: Document) -> "Response":
    from starlette.responses import Response

    headers = {"cache-control": "private, no-cache"}
    if document.name:
        headers["content-disposition"] = f'attachment; filename="{document.name}"'
    return Response(document.content, media_type=document.media_type, headers=headers)


async def _content(request: "Request", most: int) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise DataError(f"more than {most // 1024} KB were sent; send less")
    return bytes(content)


def _dropped(shelf: Shelf) -> Endpoint:
    """Return what takes in a file that was dropped, and writes it as it comes."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse

    from caption.web.library.intake import arriving

    async def endpoint(request: "Request") -> "Response":
        name = request.query_params.get("name", "")
        with arriving(name, shelf.dropped, shelf.quota) as file:
            async for chunk in request.stream():
                await run_in_threadpool(file.write, chunk)
            taken = await run_in_threadpool(file.settle)
        told = {"pictures": taken.num_pictures, "passed_over": taken.num_passed_over}
        return JSONResponse(told)

    return endpoint
