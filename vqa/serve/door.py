"""The door: who may come in, and how much each may bring and for how long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response

from caption.web.guards import bears
from vqa.serve.asking.pictures import too_large
from vqa.serve.limits import Limits
from vqa.serve.refusal import RefusedError, busy

Endpoint = Callable[[Request], Awaitable[Response]]


class Door:
    """Lets in who knows the token, and reads requests without letting them fill the memory."""

    def __init__(self, limits: Limits, token: str | None) -> None:
        """Set up.

        Args:
            limits: how much is taken.
            token: what every request must bear; None lets in everybody.
        """
        self.limits, self.token = limits, token
        self._held = 0

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """Return an endpoint that asks for the token first."""

        async def ask_first(request: Request) -> Response:
            self._check(request)
            return await endpoint(request)

        return ask_first

    def _check(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if self.token is not None and not bears(given, self.token):
            raise RefusedError(
                "this server asks for its token; send the header 'Authorization: Bearer TOKEN', in "
                "programs the API key",
                status=401,
                code="invalid_api_key",
            )

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytearray]:
        """Hand over what a request holds; it counts as held until the block is left.

        Raises:
            RefusedError: it is too large, too slow, or too much is held already.
        """
        content = bytearray()
        try:
            await self._read(request, content)
            yield content
        finally:
            self._held -= len(content)

    async def _read(self, request: Request, content: bytearray) -> None:
        """Read a request, and count it."""
        limits = self.limits
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limits.body_bytes:
            raise too_large(limits.file_bytes)
        try:
            async with asyncio.timeout(limits.body_seconds):
                async for chunk in request.stream():
                    content += chunk
                    self._held += len(chunk)
                    if len(content) > limits.body_bytes:
                        raise too_large(limits.file_bytes, hang_up=True)
                    if self._held > limits.bodies_bytes:
                        raise busy()
        except TimeoutError:
            raise RefusedError(
                f"the request took longer than {limits.body_seconds:g} s to arrive; send a smaller "
                "copy of the picture",
                status=408,
                code="request_timeout",
                hang_up=True,
            ) from None
