"""Who may come in, under which name, and how much is taken and kept."""

import asyncio
import base64
import os
import socket
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from caption.web.guards import KnowsTheToken
from caption.web.refusals import BUSY, sentences
from caption.web.room import FILE_BYTES, TEXT_BYTES, KeepsRoom, remove_oldest
from caption.web.serve import keeping_strangers_out

TOKEN = "a-token-of-many-letters"  # noqa: S105
UPLOAD = "/gradio_api/upload"


def guarded(*guards: Middleware) -> Starlette:
    """Return a server behind some guards that answers everything."""

    async def answer(request):
        await request.body()
        return PlainTextResponse("in")

    methods = ["GET", "POST"]
    return Starlette(routes=[Route("/{path:path}", answer, methods=methods)], middleware=guards)


def status(server, path: str = "/", *, method: str = "POST", **sent) -> int:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(server)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **sent)

    return asyncio.run(asked()).status_code


@pytest.mark.parametrize(
    ("host", "known", "strange"),
    [
        (
            "127.0.0.1",
            ["127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860", "photos.example"],
            ["192.0.2.1", "evil.example", "localhost.evil.example", "", "[", socket.gethostname()],
        ),
        (
            "0.0.0.0",  # noqa: S104
            ["127.0.0.1", "192.0.2.1:80", "[2001:db8::1]", socket.gethostname(), "photos.example"],
            ["evil.example", "192.0.2.1.evil.example", "", "["],
        ),
    ],
)
def test_only_names_of_this_server_are_answered(host, known, strange) -> None:
    server = guarded(*keeping_strangers_out(host, ["photos.example"]))
    names = {**dict.fromkeys(strange, 400), **dict.fromkeys(known, 200)}
    for name, expected in names.items():
        assert status(server, headers={"Host": name}, method="GET") == expected, name


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN} ", 200),
        ("Basic " + base64.b64encode(f"anybody:{TOKEN}".encode()).decode(), 200),
        ("Basic " + base64.b64encode(TOKEN.encode()).decode(), 401),
        ("Basic %%%", 401),
        ("Basic", 401),
        (f"Bearer {TOKEN}x", 401),
        (TOKEN, 401),
        (f"Digest {TOKEN}", 401),
        ("", 401),
    ],
)
def test_who_does_not_know_the_token_sees_nothing(sent, expected) -> None:
    server = guarded(Middleware(KnowsTheToken, token=TOKEN))
    for path in ("/", UPLOAD, "/v1/models", "/health/"):
        assert status(server, path, headers={"Authorization": sent}) == expected
    assert status(server, "/health", method="GET") == 200


def test_programs_reach_only_what_the_page_uses(tmp_path) -> None:
    server = guarded(Middleware(KeepsRoom, folder=tmp_path, file_bytes=100))
    used = {"POST": ["upload", "queue/join", "call/caption", "cancel"], "GET": ["info", "file=a"]}
    for method, names in used.items():
        for name in names:
            assert status(server, f"/gradio_api/{name}", method=method) == 200
    unused = {"POST": ["process_recording", "vibe-edit/", "a"], "GET": ["deep_link", "proxy=a"]}
    for method, names in unused.items():
        for name in names:
            assert status(server, f"/photos/gradio_api/{name}", method=method) == 404
    assert status(server, "/v1/chat/completions", content=bytes(2 * TEXT_BYTES)) == 200


def test_a_request_says_how_long_it_is_and_is_not_too_long(tmp_path) -> None:
    async def unknown():
        yield b"a"

    server = guarded(Middleware(KeepsRoom, folder=tmp_path, file_bytes=100))
    assert status(server, UPLOAD, content=bytes(TEXT_BYTES + 100)) == 200
    assert status(server, UPLOAD, content=bytes(TEXT_BYTES + 101)) == 413
    assert status(server, UPLOAD, content=unknown()) == 411


def test_no_more_is_on_its_way_than_there_is_room_for(tmp_path) -> None:
    may_go_on = asyncio.Event()

    async def waits(scope, receive, send) -> None:
        await may_go_on.wait()
        await PlainTextResponse("in")(scope, receive, send)

    room = KeepsRoom(waits, folder=tmp_path, file_bytes=100, kept=0)  # at least one has room

    async def crowd() -> list[int]:
        transport = httpx.ASGITransport(room)
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:

            async def send() -> int:
                return (await client.post(UPLOAD, content=bytes(TEXT_BYTES))).status_code

            first = asyncio.create_task(send())
            while not room.on_its_way:
                await asyncio.sleep(0)
            second = await send()
            may_go_on.set()
            return [await first, second, await send()]

    assert asyncio.run(crowd()) == [200, 503, 200]
    assert room.on_its_way == 0


def aged(path: Path, seconds: int) -> Path:
    """Make a file or folder look as old as this."""
    now = path.stat().st_mtime
    os.utime(path, (now - seconds, now - seconds))
    return path


@pytest.mark.parametrize("count", range(5))
def test_the_newest_files_stay(tmp_path, count) -> None:
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        (tmp_path / f"{number}/a.jpg").write_bytes(bytes(100))
        aged(tmp_path / f"{number}/a.jpg", 10 - number)
    remove_oldest(tmp_path, count * (100 + FILE_BYTES))
    assert len(list(tmp_path.rglob("*.jpg"))) == count or count > 4
    assert all((tmp_path / f"{number}/a.jpg").exists() for number in range(4 - count, 4))


def test_folders_that_are_long_empty_go_and_others_stay(tmp_path) -> None:
    old, young = tmp_path / "old", tmp_path / "young"
    for folder in (old, young):
        folder.mkdir()
    aged(old, 600)
    remove_oldest(tmp_path, 0)
    assert list(tmp_path.iterdir()) == [young]


def test_room_is_made_before_more_is_taken(tmp_path) -> None:
    kept = 8 * TEXT_BYTES
    taking = guarded(Middleware(KeepsRoom, folder=tmp_path, file_bytes=100, kept=kept))
    for number in range(20):
        (tmp_path / str(number)).write_bytes(bytes(TEXT_BYTES))
        assert status(taking, UPLOAD, content=b"a") == 200
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= kept


@pytest.mark.parametrize(
    ("error", "expected"), [(HTTPException(503), BUSY), (KeyError(7), "no endpoint")]
)
def test_errors_of_the_page_are_sentences(error, expected) -> None:
    async def fails(_request):
        raise error

    server = Starlette(routes=[Route("/", fails)], exception_handlers=sentences())

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(server)
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return await client.get("/")

    assert expected in asyncio.run(asked()).json()["detail"]
