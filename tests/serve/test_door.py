"""Who comes in, with how much and for how long, in the shape of either API."""

import asyncio
import base64
import io
import re
import threading

import httpx
import pytest
from tiny import scene
from tiny_models import question_answerer

from vqa.serve.limits import Limits
from vqa.serve.models import Models
from vqa.serve.server import build_server
from vqa.serve.service import Service

TOKEN = "a-token-of-many-letters"  # noqa: S105
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LIMITS = Limits(max_file_size=0.01, body_seconds=0.5, max_waiting=1, concurrency=1)


class Held(Models):
    """Models that are held up until told to go on."""

    def __init__(self, captioner) -> None:
        super().__init__(captioner, question_answerer(captioner))
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()

    def replies(self, jobs):
        self.has_begun.set()
        assert self.may_go_on.wait(10)
        if any(job.wish.question == "fail?" for job in jobs):
            raise RuntimeError("a secret")
        return super().replies(jobs)


@pytest.fixture
def models(captioner) -> Held:
    return Held(captioner)


@pytest.fixture
def server(models):
    service = Service(models, limits=LIMITS, token=TOKEN)
    yield build_server(service, host="127.0.0.1")
    models.may_go_on.set()
    service.close()
    assert service.door._held == 0  # whatever came in has left


def photo() -> str:
    file = io.BytesIO()
    scene("red", "left").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def asking(text: str = "Describe this image.", **more: object) -> dict[str, object]:
    return {"prompt": text, "images": [photo()], "stream": False, **more}


def client(server) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(server, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=20)


def post(server, path: str = "/api/generate", *, headers=BEARER, **content) -> httpx.Response:
    async def sent() -> httpx.Response:
        async with client(server) as opened:
            return await opened.post(path, headers=headers, **content)

    return asyncio.run(sent())


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
def test_who_does_not_know_the_token_stays_outside(server, given) -> None:
    for path in ("/api/generate", "/v1/chat/completions"):
        refused = post(server, path, json=asking(), headers=given)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
    assert post(server, json=asking()).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 400),
        ({"Origin": "http://127.0.0.1"}, 200),
    ],
)
def test_other_pages_and_names_cannot_send_anything(server, headers, status) -> None:
    assert post(server, json=asking(), headers=BEARER | headers).status_code == status


def test_a_large_request_is_not_read_to_its_end(server) -> None:
    size, sent = LIMITS.body_bytes, 0

    async def endless():
        nonlocal sent
        while True:
            sent += 2**16
            yield bytes(2**16)

    declared = post(server, content=bytes(size + 1))
    assert declared.status_code == 413
    assert declared.json()["error"].startswith("this server takes pictures up to 0.01 MB")
    undeclared = post(server, content=endless())
    assert (undeclared.status_code, undeclared.headers["connection"]) == (413, "close")
    assert sent <= size + 2 * 2**16


def test_a_large_picture_is_refused_though_its_request_is_taken(server) -> None:
    large = base64.b64encode(bytes(2 * LIMITS.file_bytes)).decode()
    assert post(server, json={"prompt": "", "images": [large]}).status_code == 413


def test_a_slow_request_is_not_waited_for(server) -> None:
    async def slow():
        yield b"{"
        await asyncio.sleep(30)
        yield b"}"

    refused = post(server, content=slow())
    assert (refused.status_code, refused.headers["connection"]) == (408, "close")
    assert "longer than 0.5 s" in refused.json()["error"]


def test_a_full_queue_asks_to_come_back(server, models) -> None:
    models.may_go_on.clear()

    async def crowd() -> list[httpx.Response]:
        async with client(server) as opened:

            async def ask(path: str = "/api/generate") -> httpx.Response:
                return await opened.post(path, json=asking(), headers=BEARER)

            first = asyncio.create_task(ask())
            await asyncio.to_thread(models.has_begun.wait, 10)
            second = asyncio.create_task(ask())
            while (refused := await ask("/v1/chat/completions")).status_code != 503:
                await asyncio.sleep(0.01)
            models.may_go_on.set()
            return [refused, await first, await second]

    refused, *answered = asyncio.run(crowd())
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["error"]["type"] == "server_error"
    assert "please try again" in refused.json()["error"]["message"]
    assert [response.status_code for response in answered] == [200, 200]


def test_what_goes_wrong_inside_stays_inside(server) -> None:
    failed = post(server, json=asking("fail?"))
    assert failed.status_code == 500
    assert "secret" not in failed.text
    assert "the log says more" in failed.json()["error"]
    assert post(server, json=asking()).status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"", 400, "Invalid JSON"),
        (b"\xff\xfe", 400, "Invalid JSON"),
        (b"[" * 100_000, 400, "Invalid JSON"),
        (b'{"images": 3}', 400, "'images': "),
        (b'{"images": ["%%%"]}', 400, "no valid base64"),
        (b'{"images": ["bm90IGEgcGljdHVyZQ=="]}', 400, "not a picture"),
        (b'{"images": ["http://169.254.169.254/"]}', 400, "fetches no address"),
        (b'{"images": ["/etc/passwd"]}', 400, "not a picture|no valid base64"),
        (b'{"model": "llava", "images": []}', 404, "model 'llava' not found"),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(server, content, status, said) -> None:
    refused = post(server, content=content)
    assert refused.status_code == status
    assert re.search(said, refused.json()["error"])


@pytest.mark.parametrize(
    "settings",
    [{"max_file_size": 0.0}, {"max_file_size": float("nan")}, {"concurrency": 0}],
)
def test_limits_that_are_none_are_refused(settings) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Limits(**settings)
