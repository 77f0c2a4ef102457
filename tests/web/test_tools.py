"""The page's endpoints as tools for language models, behind the guards that the page has."""

import asyncio
import base64
import io

import httpx
import pytest
from serve_tiny import TOKEN
from tiny import scene

BEARER = {"Authorization": f"Bearer {TOKEN}"}
READS = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def address(addresses):
    """The page with tools, which asks for a token."""
    if "tools" not in addresses:
        pytest.skip("mcp is not installed")
    return addresses["tools"]


def photo() -> str:
    file = io.BytesIO()
    scene("red", "left").save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def test_a_language_model_uses_the_tools_with_the_token(address) -> None:
    mcp = pytest.importorskip("mcp")
    http = pytest.importorskip("mcp.client.streamable_http")

    async def use() -> list:
        url = f"{address}/gradio_api/mcp/"
        async with (
            httpx.AsyncClient(headers=BEARER, timeout=60) as known,
            http.streamable_http_client(url, http_client=known) as (read, write, *_),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            listed = {tool.name: tool for tool in (await session.list_tools()).tools}
            calls = (
                ("describe", {"image": photo()}),
                ("ask", {"image": photo(), "question": "what colour is it?"}),
                ("describe", {"image": "http://127.0.0.1:9/a.jpg"}),
                ("describe", {"image": "/etc/passwd"}),
            )
            return [listed, *[await session.call_tool(*call) for call in calls]]

    listed, described, answered, *refused = asyncio.run(use())
    assert {"describe", "ask"} <= set(listed)
    asked = listed["describe"].inputSchema
    assert asked["required"] == ["image"]
    assert asked["properties"]["image"]["description"].endswith("data:image/jpeg;base64,...")
    assert "'caption': '" in described.content[0].text
    assert "'answer': '" in answered.content[0].text
    assert [result.isError for result in (described, answered, *refused)] == [0, 0, 1, 1]
    assert refused[0].content[0].text.startswith("This page fetches no address")
    assert "root:" not in refused[1].content[0].text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (BEARER, 200),
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        (BEARER | {"Origin": "null"}, 403),
        (BEARER | {"Origin": "http://evil.example"}, 403),
        (BEARER | {"Host": "evil.example"}, 400),
        (BEARER | {"Host": "photos.example"}, 200),
    ],
)
def test_strangers_reach_no_tool(address, headers, status) -> None:
    called = {"name": "describe", "arguments": {"image": photo()}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": called}
    url = f"{address}/gradio_api/mcp/"
    said = httpx.post(url, json=call, headers=READS | headers, timeout=60)
    assert said.status_code == status
    assert ("'caption': '" in said.text) == (status == 200)
    seen = httpx.get(f"{url}schema", headers=headers, timeout=60)
    assert seen.status_code == (200 if status == 403 else status)  # to read, pages may lead here
