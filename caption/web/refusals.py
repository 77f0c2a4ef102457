"""What the page says instead of Gradio where something cannot be done: one sentence."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from caption.web.events import as_sentence

if TYPE_CHECKING:
    import gradio as gr

BUSY = "As many photos are waiting as this page takes; please try again in a moment."
UNKNOWN = "There is no endpoint of this name; /gradio_api/info lists those for programs."
UNUSABLE = (
    "This is not what the endpoint takes: a photo is uploaded first, and /gradio_api/info lists "
    "the rest."
)
FAILED = "Something went wrong here; the log of the page says more."


def fetch_nothing() -> None:
    """Keep Gradio from fetching what a program names by its address in place of a photo."""
    from gradio import processing_utils

    def refuse(*_: object, **__: object) -> NoReturn:
        raise as_sentence("This page fetches no address; send the photo itself.")

    # Each way of a file from elsewhere leads through one of these.
    for name in ("async_ssrf_protected_download", "async_ssrf_protected_get", "unsafe_download"):
        setattr(processing_utils, name, refuse)


def speak_plainly(app: "gr.Blocks") -> None:
    """Have the page say a sentence where Gradio says nothing at all."""
    for name, sentence, is_our_fault in (
        ("preprocess_data", UNUSABLE, False),
        ("process_api", FAILED, True),
    ):
        setattr(app, name, _saying(getattr(app, name), sentence, is_our_fault))


def fill_in(app: "gr.Blocks") -> None:
    """Let programs leave out the last values of an endpoint, where these have defaults."""
    name = "validate_inputs"
    check = getattr(app, name)

    def filled(called: Any, inputs: list[Any]) -> None:
        left_out = [getattr(part, "value", None) for part in called.inputs[len(inputs) :]]
        if None not in left_out:
            inputs += left_out  # in place, as those who ask go on with this list
        check(called, inputs)

    setattr(app, name, filled)


def let_tools_in(token: str) -> None:
    """Let the tools of the next page, which call its endpoints as programs do, know its token."""
    from gradio import mcp
    from gradio_client import Client

    class Knowing(mcp.GradioMCPServer):
        def _get_or_create_client(self) -> Any:
            if self._client_instance is None:
                headers = {"x-gradio-user": "mcp", "authorization": f"Bearer {token}"}
                self._client_instance = Client(
                    self.local_url,
                    download_files=False,
                    verbose=False,
                    analytics_enabled=False,
                    headers=headers,
                    _skip_components=False,
                )
            return self._client_instance

    mcp.GradioMCPServer = Knowing  # type: ignore[misc]


def _saying(work: Any, sentence: str, is_our_fault: bool) -> Any:
    """Return some work of Gradio's, all of whose errors are sentences."""
    import gradio as gr

    async def working(*given: Any, **options: Any) -> Any:
        try:
            return await work(*given, **options)
        except gr.Error:
            raise
        except Exception as error:
            # With its traceback in the log only where somebody here can do something about it.
            raise gr.Error(sentence, print_exception=is_our_fault) from error

    return working


def sentences() -> dict[Any, Callable[..., Any]]:
    """Return what answers errors, by status or kind, in the shape of Gradio's own answers."""
    from fastapi.exceptions import RequestValidationError
    from gradio.route_utils import FnIndexInferError
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse, Response

    def said(sentence: str, status: int, **headers: str) -> JSONResponse:
        return JSONResponse({"detail": sentence}, status, headers)

    def invalid(_: object, error: RequestValidationError) -> JSONResponse:
        first, *_others = error.errors()
        place = ".".join(map(str, first["loc"]))
        return said(f"The request is not as expected: {place}: {first['msg']}.", 422)

    def unknown(*_: object) -> JSONResponse:
        return said(UNKNOWN, 404)

    return {
        503: lambda *_: said(BUSY, 503, **{"Retry-After": "1"}),
        RequestValidationError: invalid,
        FnIndexInferError: unknown,
        KeyError: unknown,  # what Gradio looks up by a number that the program gives
        ClientDisconnect: lambda *_: Response(status_code=499),  # nobody reads it
        Exception: lambda *_: said(FAILED, 500),
    }
