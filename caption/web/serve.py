"""A page on this machine's own address: nothing calls home, and no stranger comes in."""

import os
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from caption.errors import GlimpseError
from caption.web.drawn import HandsOutDrawn
from caption.web.examples import EXAMPLE_FOLDER
from caption.web.guards import KeepsToItself, KnownByName, KnowsTheToken, SameOriginOnly, own_names
from caption.web.look.theme import ICON, shared_head, style, theme
from caption.web.refusals import (
    fetch_nothing,
    fill_in,
    let_tools_in,
    sentences,
    speak_plainly,
)
from caption.web.room import KeepsRoom

if TYPE_CHECKING:
    import gradio as gr
    from starlette.middleware import Middleware
    from starlette.routing import BaseRoute

LOOPBACK = ("127.0.0.1", "localhost", "::1")
UPLOADS = "glimpse-uploads"
"""Folder of its own, as what is oldest in it is removed."""


def settle_gradio() -> None:
    """Tell Gradio to call nobody, what to spare, and where uploads go, which it reads at import."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # After every call it would sum up the last 10,000 of them for an overview that is off here.
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(sys.maxsize)
    # Around every call it asks Matplotlib how it draws, which takes 0.3 s the first time.
    os.environ.setdefault("MPLBACKEND", "agg")
    parent = os.environ.get("GRADIO_TEMP_DIR") or Path.home() / ".cache" / "glimpse"
    os.environ["GRADIO_TEMP_DIR"] = str(Path(parent, UPLOADS))


def launch(
    app: "gr.Blocks",
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    names: Sequence[str] = (),
    below: str = "",
    routes: "Sequence[BaseRoute]" = (),
    token: str | None = None,
    max_file_size: float = 20.0,
    max_waiting: int = 32,
    tools: bool = False,
    block: bool = True,
) -> str:
    """Serve the app with everything off that would reach out or let strangers in.

    Gradio has to be settled before (`settle_gradio`).

    Args:
        app: the page.
        host: the address to serve.
        port: by default the first free one from 7860.
        names: by which the page may be called besides, behind a proxy.
        below: the path below which a proxy serves the page, such as "/photos".
        routes: what is served beside the page.
        token: what everybody must know; None lets in everybody.
        max_file_size: megabytes of the largest photo that is taken.
        max_waiting: requests that may wait for their turn.
        tools: whether the public endpoints are offered as tools too (Model Context Protocol).
        block: whether to return only when interrupted.

    Returns:
        The page's address.

    Raises:
        GlimpseError: the host is unknown or the port taken, or tools need a package.
    """
    if tools and find_spec("mcp") is None:
        raise GlimpseError('tools need a package; run: pip install "gradio[mcp]"')
    from starlette.middleware import Middleware

    try:
        socket.getaddrinfo(host, None)
        folder, file_bytes = Path(os.environ["GRADIO_TEMP_DIR"]), int(max_file_size * 2**20)
        fetch_nothing()
        if tools and token is not None:
            let_tools_in(token)
        fill_in(app)
        speak_plainly(app)
        app.queue(max_size=max_waiting, api_open=False)
        _, address, _ = app.launch(
            server_name=_bracketed(host),
            server_port=port,
            root_path=below or None,
            prevent_thread_lock=not block,
            theme=theme(),
            css=style(),
            head=shared_head(),
            favicon_path=ICON,
            footer_links=[],
            allowed_paths=[str(EXAMPLE_FOLDER)],
            max_file_size=file_bytes,
            share=False,
            ssr_mode=False,
            enable_monitoring=False,
            _frontend=False,  # or it gives up where a busy machine takes 3 s to show the page
            mcp_server=tools,
            app_kwargs={
                "middleware": [
                    *keeping_strangers_out(host, names, token),
                    Middleware(KeepsRoom, folder=folder, file_bytes=file_bytes),
                    Middleware(HandsOutDrawn, folder=folder),
                ],
                "routes": list(routes),
                "exception_handlers": sentences(),
            },
        )
    except OSError as error:
        raise cannot_serve(host, port or 7860, error) from None
    return address


def cannot_serve(host: str, port: int, error: OSError) -> GlimpseError:
    """Return what is said where no server can be started."""
    return GlimpseError(f"cannot serve {host}, port {port}: {error}")


def keeping_strangers_out(
    host: str, names: Sequence[str] = (), token: str | None = None
) -> "list[Middleware]":
    """Return what every request to a server at this host has to pass.

    Args:
        host: the address that is served.
        names: by which it may be called besides.
        token: what everybody must know; None where that is asked elsewhere, or not at all.
    """
    from starlette.middleware import Middleware

    is_local = host in LOOPBACK
    known = [*LOOPBACK, *names] if is_local else [*LOOPBACK, host, *own_names(), *names]
    return [
        Middleware(KnownByName, names=known, by_address=not is_local),
        Middleware(SameOriginOnly),
        Middleware(KeepsToItself),
        *([] if token is None else [Middleware(KnowsTheToken, token=token)]),
    ]


def _bracketed(host: str) -> str:
    """Return a host as addresses write it."""
    return f"[{host}]" if ":" in host else host
