"""What stands between the page and those who mean it ill: two small pieces around every answer."""

from typing import Any
from urllib.parse import urlsplit

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


class SameOriginOnly:
    """Refuses what other web pages try to send here through their visitor's browser.

    Gradio accepts uploads from any origin; one that differs from the host that it is sent to can
    only come from a foreign page.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it with 403."""
        from starlette.responses import PlainTextResponse

        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            headers = {name.decode(): value.decode("latin1") for name, value in scope["headers"]}
            origin = headers.get("origin")
            if origin and urlsplit(origin).netloc != headers.get("host"):
                refusal = PlainTextResponse("cross-origin request refused", 403)
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


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
