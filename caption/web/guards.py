"""What stands between the page and those who mean it ill: small pieces around every answer."""

import base64
import binascii
import hmac
import ipaddress
import socket
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

OPEN = ("/health", "/gradio_api/startup-events")
"""Answered without a token: they tell nothing, and Gradio asks itself whether it is there."""

HEADERS = {
    # Gradio writes scripts into its page and makes functions of text, so both must be allowed;
    # what this forbids is to load anything from elsewhere, and to send anything there.
    "content-security-policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    ),
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


async def refuse(call: Any, status: int, sentence: str, **headers: str) -> None:
    """Answer a request with a sentence instead of passing it on.

    Args:
        call: scope, receive and send of the request.
        status: of HTTP.
        sentence: why not, and what to do instead.
        headers: of the answer besides.
    """
    from starlette.responses import PlainTextResponse

    told = {name.replace("_", "-"): value for name, value in headers.items()}
    await PlainTextResponse(sentence, status, told)(*call)


def sent(scope: Any, name: str) -> str | None:
    """Return a header of a request."""
    found = (value for key, value in scope["headers"] if key == name.encode())
    value = next(found, None)
    return None if value is None else value.decode("latin1")


class KnownByName:
    """Refuses requests that call this server by a name that is not its own.

    Whoever owns a name can have it lead here, and its page is then of the same origin as ours.
    """

    def __init__(self, app: Any, *, names: Collection[str], by_address: bool) -> None:
        """Set up.

        Args:
            app: what is guarded.
            names: of this server.
            by_address: whether it may be called by any address, which nobody else can own.
        """
        self.app, self.by_address = app, by_address
        self.names = {name.lower() for name in names}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it with 400."""
        for name in _names(scope) if scope["type"] == "http" else ():
            if name not in self.names and not (self.by_address and is_address(name)):
                said = (
                    f"this server is not called {name[:100]!r}; --hosts makes it one of its names"
                )
                return await refuse((scope, receive, send), 400, said)
        return await self.app(scope, receive, send)


def _names(scope: Any) -> list[str]:
    """Return what a request calls this server, and what a proxy says that it was called."""
    forwarded = (sent(scope, "x-forwarded-host") or "").split(",")
    return [called(host.strip()) for host in (sent(scope, "host") or "", *filter(None, forwarded))]


def called(host: str) -> str:
    """Return the name or address in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return host


def is_address(name: str) -> bool:
    """Return whether this is an address, and no name that somebody gave to one."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def own_names() -> list[str]:
    """Return what this machine is called, also by its neighbours."""
    name = socket.gethostname().lower()
    return [name, f"{name}.local"]


class KnowsTheToken:
    """Refuses who does not know the token.

    Programs send it as `Bearer`; a browser asks its person for it, as a password to any name, and
    sends it along with all that the page asks for.
    """

    def __init__(self, app: Any, *, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it with 401."""
        is_guarded = scope["type"] == "http" and scope["path"] not in OPEN
        if is_guarded and not bears(sent(scope, "authorization") or "", self.token):
            said = "this page asks for its token, as the password to any name"
            asks = 'Basic realm="Glimpse", charset="UTF-8"'
            return await refuse((scope, receive, send), 401, said, www_authenticate=asks)
        return await self.app(scope, receive, send)


def bears(authorization: str, token: str) -> bool:
    """Return whether the header of this name holds the token."""
    scheme, _, given = authorization.partition(" ")
    known = given.strip().encode()
    if scheme.lower() == "basic":
        try:
            known = base64.b64decode(known, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    # Compared as bytes, and in the same time whatever is given.
    return scheme.lower() in ("basic", "bearer") and hmac.compare_digest(known, token.encode())


class SameOriginOnly:
    """Refuses what other web pages try to send here through their visitor's browser.

    Gradio accepts uploads from any origin; one that differs from the host that it is sent to can
    only come from a foreign page.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it with 403."""
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            origin = sent(scope, "origin")
            if origin and origin.partition("://")[2] != sent(scope, "host"):
                said = "another web page may not send anything here; open this one"
                return await refuse((scope, receive, send), 403, said)
        return await self.app(scope, receive, send)


class KeepsToItself:
    """Tells browsers that the page needs nothing from elsewhere and belongs in no foreign frame."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, and its answer back with the headers that say so."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                told = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *told]}
            await send(message)

        await self.app(scope, receive, send_with_headers)
