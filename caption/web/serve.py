"""A page on this machine's own address: nothing calls home, and no stranger comes in."""

import os
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from caption.errors import GlimpseError
from caption.web.examples import EXAMPLE_FOLDER
from caption.web.guards import KeepsToItself, SameOriginOnly
from caption.web.look.theme import ICON, shared_head, style, theme

if TYPE_CHECKING:
    import gradio as gr
    from starlette.middleware import Middleware
    from starlette.routing import BaseRoute

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def settle_gradio() -> None:
    """Tell Gradio to call nobody, and where uploads go; it reads both when it is imported."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("GRADIO_TEMP_DIR", str(Path.home() / ".cache" / "glimpse" / "uploads"))


def launch(
    app: "gr.Blocks",
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    names: Sequence[str] = (),
    routes: "Sequence[BaseRoute]" = (),
    tools: bool = False,
    block: bool = True,
) -> str:
    """Serve the app with everything off that would reach out or let strangers in.

    Args:
        app: the page.
        host: the address to serve.
        port: by default the first free one from 7860.
        names: by which the page may be called besides, behind a proxy.
        routes: what is served beside the page.
        tools: whether the public endpoints are offered as tools too (Model Context Protocol).
        block: whether to return only when interrupted.

    Returns:
        The page's address.

    Raises:
        GlimpseError: the host is unknown or the port taken, or tools need a package.
    """
    if tools and find_spec("mcp") is None:
        raise GlimpseError('tools need a package; run: pip install "gradio[mcp]"')
    try:
        socket.getaddrinfo(host, None)
        _, address, _ = app.launch(
            server_name=_bracketed(host),
            server_port=port,
            prevent_thread_lock=not block,
            theme=theme(),
            css=style(),
            head=shared_head(),
            favicon_path=ICON,
            footer_links=[],
            allowed_paths=[str(EXAMPLE_FOLDER)],
            max_file_size="64mb",
            share=False,
            ssr_mode=False,
            enable_monitoring=False,
            mcp_server=tools,
            app_kwargs={
                "middleware": keeping_strangers_out(host, names),
                "routes": list(routes),
            },
        )
    except OSError as error:
        raise cannot_serve(host, port or 7860, error) from None
    return address


def cannot_serve(host: str, port: int, error: OSError) -> GlimpseError:
    """Return what is said where no server can be started."""
    return GlimpseError(f"cannot serve {host}, port {port}: {error}")


def keeping_strangers_out(host: str, names: Sequence[str] = ()) -> "list[Middleware]":
    """Return what every request to a server at this host has to pass.

    Args:
        host: the address that is served.
        names: by which it may be called besides.
    """
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return [
        Middleware(TrustedHostMiddleware, allowed_hosts=trusted_hosts(host, names)),
        Middleware(SameOriginOnly),
        Middleware(KeepsToItself),
    ]


def trusted_hosts(host: str, names: Sequence[str] = ()) -> list[str]:
    """Return the names that what is served at this host may be called by.

    On loopback only this machine's own: a foreign name that leads here is a foreign page's trick.
    """
    return [*map(_bracketed, LOOPBACK), *names] if host in LOOPBACK else ["*"]


def _bracketed(host: str) -> str:
    """Return a host as addresses write it."""
    return f"[{host}]" if ":" in host else host
