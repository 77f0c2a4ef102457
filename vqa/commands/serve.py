"""The command that serves other programs."""

import os
import string
from dataclasses import dataclass

from caption.web.serve import LOOPBACK
from vqa.serve.limits import Limits

TOKEN_VARIABLE = "GLIMPSE_TOKEN"  # noqa: S105
SHORTEST_TOKEN = 16
OLLAMA_PORT = 11434


@dataclass(frozen=True, kw_only=True)
class Args(Limits):
    """Describe photos for other programs, through the APIs of OpenAI and Ollama."""

    model: str | None = None
    """Model directory, hub id or name (base, small) of the captioner; base by default."""
    ask_model: str | None = None
    """Model directory, hub id or name of the question answerer, trained on the features of the
    captioner's encoder; by default the one of the package that was."""
    host: str = "127.0.0.1"
    """Address to serve; others than this machine can only connect if it is not a loopback one."""
    port: int = OLLAMA_PORT
    """Port to serve, by default the one that programs expect Ollama at; 0 takes a free one."""
    auth: str | None = None
    """Token that every request must bear, at least 16 letters; by default what the environment
    variable GLIMPSE_TOKEN holds, which other users of the machine cannot read."""
    allow_everyone: bool = False
    """Serve another address than a loopback one without a token."""
    names: tuple[str, ...] = ("glimpse",)
    """Names that the model answers to, such as the one that a program always asks for."""
    hosts: tuple[str, ...] = ()
    """Names of this server besides, for a proxy that passes on the one it was called by."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.port < 65536:
            raise ValueError(f"port must be between 0 and 65535, got {self.port}")
        if not self.names or not all(name.strip() for name in self.names):
            raise ValueError(f"names must name the model, got {self.names}")
        token = self.token
        if token is not None and not _is_token(token):
            raise ValueError(
                f"auth must be at least {SHORTEST_TOKEN} letters, digits and signs without spaces, "
                f"got {len(token)} characters"
            )
        if self.host not in LOOPBACK and token is None and not self.allow_everyone:
            raise ValueError(
                f"everyone who reaches {self.host} could send photos: give auth, or allow_everyone "
                "if that is meant"
            )

    @property
    def token(self) -> str | None:
        """What every request must bear."""
        return self.auth if self.auth is not None else os.environ.get(TOKEN_VARIABLE) or None


def _is_token(token: str) -> bool:
    """Return whether a token can be sent in a header, and cannot be guessed in no time."""
    signs = set(string.ascii_letters + string.digits + string.punctuation)
    return len(token) >= SHORTEST_TOKEN and set(token) <= signs


def main(args: Args) -> None:
    """Load the models, say where they are served, and serve until interrupted."""
    from vqa.commands.app import load_models, name_of
    from vqa.serve.models import Models
    from vqa.serve.server import build_server, listen, serve
    from vqa.serve.service import Service

    # A taken port is found before the models are loaded.
    with listen(args.host, args.port) as listening:
        models = Models(*load_models(name_of(args.model, args.ask_model), args.ask_model))
        service = Service(models, limits=args, token=args.token, names=args.names)
        host = f"[{args.host}]" if ":" in args.host else args.host
        address = f"http://{host}:{listening.getsockname()[1]}"
        print(f"{address}/v1 speaks OpenAI's API, {address} Ollama's", flush=True)
        try:
            serve(build_server(service, host=args.host, names=args.hosts), listening)
        finally:
            service.close()
