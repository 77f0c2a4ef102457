"""What was drawn is handed out ahead of Gradio, and nothing else is."""

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse

from caption.web.drawn import FILES, NAME, HandsOutDrawn


@pytest.fixture
def folder(tmp_path):
    """Return a folder of the page, with a picture in it and one beside it."""
    for path in (tmp_path / "kept" / "a", tmp_path / "beside"):
        path.mkdir(parents=True)
        (path / NAME).write_bytes(b"drawn")
    (tmp_path / "kept" / "link").symlink_to(tmp_path / "beside")
    (tmp_path / "kept" / "a" / "photo.jpeg").write_bytes(b"sent")
    return tmp_path / "kept"


def got(folder, path, *, method="GET", **headers) -> httpx.Response:
    server = HandsOutDrawn(PlainTextResponse("passed on"), folder=folder)

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(server)
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(asked())


def test_a_picture_that_was_drawn_is_handed_out(folder) -> None:
    reply = got(folder, f"{FILES}{folder}/a/{NAME}")
    assert (reply.content, reply.headers["content-type"]) == (b"drawn", "image/jpeg")


@pytest.mark.parametrize(
    "place",
    ["beside", "kept/../beside", "kept/%2e%2e/beside", "kept/link", "kept/none", "kept/%00"],
)
def test_nothing_outside_the_folder_is(folder, place) -> None:
    assert got(folder, f"{FILES}{folder.parent}/{place}/{NAME}").text == "passed on"


def test_gradio_answers_all_else(folder) -> None:
    drawn = f"{FILES}{folder}/a/{NAME}"
    assert got(folder, f"{FILES}{folder}/a/photo.jpeg").text == "passed on"
    assert got(folder, f"/elsewhere{drawn}").text == "passed on"
    assert got(folder, drawn, method="POST").text == "passed on"
    assert got(folder, drawn, Range="bytes=1-2").text == "passed on"
