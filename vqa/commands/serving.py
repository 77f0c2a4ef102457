"""What the page and the server for programs are told alike: models, address, and who may come."""

import os
import string
from dataclasses import dataclass

from caption.web.serve import LOOPBACK
from vqa.serve.limits import Limits

TOKEN_VARIABLE = "GLIMPSE_TOKEN"  # noqa: S105
SHORTEST_TOKEN = 16


@dataclass(frozen=True, kw_only=True)
class Serving(Limits):
    """What is served, where, and to whom."""

    model: str | None = None
    """Model directory, hub id or name (base, small) of the captioner; base by default."""
    ask_model: str | None = None
    """Model directory, hub id or name of the question answerer, trained on the features of the
    captioner's encoder; by default the one of the package that was."""
    host: str = "127.0.0.1"
    """Address to serve; others than this machine can only connect if it is not a loopback one."""
    auth: str | None = None
    """Token that everybody must know, at least 16 letters: programs send it as their API key, a
    browser asks for it as the password to any name. By default what the environment variable
    GLIMPSE_TOKEN holds, which other users of the machine cannot read."""
    allow_everyone: bool = False
    """Serve another address than a loopback one without a token."""
    hosts: tuple[str, ...] = ()
    """Names of this server besides, for a proxy that passes on the one it was called by."""

    def __post_init__(self) -> None:
        super().__post_init__()
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
