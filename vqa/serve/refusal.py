"""What is not answered, and why: each API says it in its own shape."""

from caption.errors import GlimpseError, ImageError

RETRY_SECONDS = 1


class RefusedError(GlimpseError):
    """A request that is not answered; the message says why and what to do instead."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        hang_up: bool = False,
    ) -> None:
        """Say why not.

        Args:
            message: one sentence for the person.
            status: of HTTP.
            code: what programs may go by, as OpenAI's errors have it.
            param: the field that is not as expected.
            hang_up: whether to close the connection, because more is coming that nobody reads.
        """
        super().__init__(message)
        self.status, self.code, self.param, self.hang_up = status, code, param, hang_up

    @property
    def headers(self) -> dict[str, str]:
        """What HTTP says about it beside the status."""
        headers = {}
        if self.status == 503:
            headers["Retry-After"] = str(RETRY_SECONDS)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if self.hang_up:
            headers["Connection"] = "close"
        return headers


def as_refused(error: GlimpseError) -> RefusedError:
    """Return an error of any kind as a refusal."""
    if isinstance(error, RefusedError):
        return error
    code = "invalid_image" if isinstance(error, ImageError) else "invalid_request"
    return RefusedError(error.message, code=code)


def busy() -> RefusedError:
    """Return what is said when as many wait as may."""
    return RefusedError(
        "as many requests are waiting as this server takes; please try again in a moment",
        status=503,
        code="server_busy",
    )
