"""How much the server takes at once; apart from it, so that `--help` is quick."""

import math
from dataclasses import dataclass

TEXT_BYTES = 2**20
"""Room for the words around a picture, and for the rest of a request."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much the server takes at once."""

    max_file_size: float = 20.0
    """Megabytes of the largest picture that is taken."""
    concurrency: int = 8
    """Requests that are answered at once, if so many wait: the model looks at their pictures
    together."""
    max_waiting: int = 32
    """Requests that may wait for their turn; further ones are asked to come back later."""
    body_seconds: float = 30.0
    """Time that a client has to send its request."""

    def __post_init__(self) -> None:
        for name in ("concurrency", "max_waiting"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("max_file_size", "body_seconds"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0 and finite, got {getattr(self, name)}")

    @property
    def file_bytes(self) -> int:
        """Bytes of the largest picture that is taken."""
        return int(self.max_file_size * 2**20)

    @property
    def body_bytes(self) -> int:
        """Bytes of the largest request: base64 writes three bytes with four letters."""
        return self.file_bytes * 4 // 3 + TEXT_BYTES

    @property
    def bodies_bytes(self) -> int:
        """Bytes of all requests together that are held until their pictures are decoded."""
        return self.concurrency * self.body_bytes
