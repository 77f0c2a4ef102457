"""The page as other programs meet it, with good and bad intentions."""

import base64
import io
import json

import httpx
import pytest
from console import run_script_here
from gradio_client import Client, handle_file
from pages import blocks
from serve_tiny import TOKEN
from tiny import ROOT, scene

from caption.web.refusals import BUSY
from vqa.web.page import NO_ANSWERER


def upload(address: str, content: bytes, *, name: str = "a.png", **headers: str) -> httpx.Response:
    """Upload a file as another program than the page does."""
    url = f"{address}/gradio_api/upload"
    return httpx.post(url, files={"files": (name, content)}, headers=headers)


def photo_at(address: str, content: bytes | None = None, *, name: str = "a.png") -> dict:
    """Upload a photo and return what the endpoints know it by."""
    if content is None:
        file = io.BytesIO()
        scene("red", "left").save(file, "PNG")
        content = file.getvalue()
    (path,) = upload(address, content, name=name).json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def call(address: str, endpoint: str, *arguments):
    """Return the results of an endpoint, or the error that it answers with."""
    url = f"{address}/gradio_api/call/{endpoint}"
    event = httpx.post(url, json={"data": arguments}).json()["event_id"]
    told = httpx.get(f"{url}/{event}", timeout=30).text
    data = json.loads(told.split("data: ", 1)[1])
    return data["error"] if told.startswith("event: error") else data


def components(address: str) -> list[dict]:
    """Return the parts of a page."""
    return httpx.get(f"{address}/config").json()["components"]


def test_other_pages_and_names_cannot_send_anything(address) -> None:
    assert upload(address, b"x").status_code == 200
    assert upload(address, b"x", Origin=address).status_code == 200
    assert upload(address, b"x", Origin="http://evil.example").status_code == 403
    assert upload(address, b"x", Origin="null").status_code == 403
    assert upload(address, b"x", Host="evil.example").status_code == 400
    for method, path in {"PUT": "photos/1", "POST": "dropped?name=a.png"}.items():
        refused = httpx.request(method, f"{address}/library/{path}", headers={"Origin": "null"})
        assert refused.status_code == 403


def test_browsers_are_told_that_the_page_needs_nothing_from_elsewhere(address) -> None:
    headers = httpx.get(address).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert not {"http:", "https:", "*"} & set(" ".join(policy.values()).split())
    assert headers["x-content-type-options"] == "nosniff"


def test_files_of_the_machine_are_not_served(address) -> None:
    for path in ("/etc/passwd", str(ROOT / "app.py")):
        assert httpx.get(f"{address}/gradio_api/file={path}").status_code == 403


def test_other_programs_are_told_what_they_may_call(address) -> None:
    described = httpx.get(f"{address}/gradio_api/info").json()
    assert set(described["named_endpoints"]) == {"/caption", "/describe", "/ask", "/search"}


def test_other_programs_get_captions_with_a_map_for_every_word(address) -> None:
    text, others, maps, hint = call(address, "caption", photo_at(address), 3, 2)
    assert [shown["caption"].split()[0] for shown in maps] == text.split()
    assert others.count("of the best") == 2
    assert hint.startswith(("Bright is where", "It looked everywhere"))
    shown = httpx.get(maps[0]["image"]["url"])
    assert shown.headers["content-type"].startswith("image/")
    assert "etag" not in shown.headers  # as if Gradio had handed it out, which takes longer


@pytest.mark.parametrize("name", ["whole", "styles, no answerer"])
def test_a_page_shows_nothing_of_concepts_where_a_model_has_none(addresses, name) -> None:
    parts = components(addresses[name])
    assert not {"recognised", "also"} & {part["props"].get("elem_id") for part in parts}
    assert "checkboxgroup" not in {part["type"] for part in parts}


def test_other_programs_call_a_page_with_concepts_as_they_call_others(addresses) -> None:
    address = addresses["concepts"]
    described = httpx.get(f"{address}/gradio_api/info").json()["named_endpoints"]
    expected = httpx.get(f"{addresses['whole']}/gradio_api/info").json()["named_endpoints"]
    assert set(described) == {"/caption", "/describe"}
    names = [
        [parameter["parameter_name"] for parameter in endpoints["/caption"]["parameters"]]
        for endpoints in (described, expected)
    ]
    assert names[0] == names[1]
    text, *_ = call(address, "caption", photo_at(address), 3, 2)
    assert text


def test_other_programs_get_plain_values(address) -> None:
    (described,) = call(address, "describe", photo_at(address))
    assert [shown["word"] for shown in described["words"]] == described["caption"].split()
    (answered,) = call(address, "ask", photo_at(address), "what colour is it?")
    assert answered["answer"] == answered["top"][0]["answer"]


def test_the_page_speaks_what_photo_managers_speak(address) -> None:
    assert httpx.get(f"{address}/health").json() == {"status": "ok"}
    assert [m["id"] for m in httpx.get(f"{address}/v1/models").json()["data"]] == ["glimpse"]
    file = io.BytesIO()
    scene("red", "left").save(file, "PNG")
    asked = {"prompt": "Describe it.", "images": [base64.b64encode(file.getvalue()).decode()]}
    lines = httpx.post(f"{address}/api/generate", json=asked, timeout=30).text.splitlines()
    (described,) = call(address, "describe", photo_at(address))
    assert "".join(json.loads(line)["response"] for line in lines) == described["caption"]
    refused = httpx.post(f"{address}/api/generate", json=asked, headers={"Origin": "null"})
    assert refused.status_code == 403


def test_the_example_for_gradios_client_works(address, tmp_path, monkeypatch, capsys) -> None:
    scene("red", "left").save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    programs = blocks("vqa/serve/README.md", "python")
    (program,) = [text for text in programs if "gradio_client" in text]
    program = program.replace('photo, "de"', 'photo, "en"')  # all that the tiny model has learnt
    exec(program.replace("http://127.0.0.1:7860", address), {})  # noqa: S102
    (described,) = call(address, "describe", photo_at(address))
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert described["caption"]


def test_a_proxy_may_pass_on_the_name_that_it_was_called_by(address) -> None:
    for name, status in {"photos.example": 200, "evil.example": 400}.items():
        assert httpx.get(f"{address}/health", headers={"Host": name}).status_code == status


def test_behind_a_proxy_the_page_asks_for_what_it_needs_there(addresses) -> None:
    def config(**headers: str) -> httpx.Response:
        known = ("anybody", TOKEN)
        return httpx.get(f"{addresses['token']}/config", headers=headers, auth=known)

    named = {"Host": "photos.example", "X-Forwarded-Proto": "https"}
    assert config(**named).json()["root"] == "https://photos.example/photos"
    forwarded = {"X-Forwarded-Host": "photos.example", "X-Forwarded-Proto": "https"}
    assert config(**forwarded).json()["root"] == "https://photos.example/photos"
    assert config(**{"X-Forwarded-Host": "photos.example, evil.example"}).status_code == 400


@pytest.mark.parametrize(
    ("endpoint", "photo", "rest", "message"),
    [
        ("caption", b"no picture at all", (3, 2), "'holiday.jpg' is not a picture"),
        ("ask", b"no picture at all", ("is it red?",), "'holiday.jpg' is not a picture"),
        ("ask", None, ("?!",), "the question '?!' has no words"),
        ("describe", ..., (), "Send a photo too."),
    ],
)
def test_what_cannot_be_used_is_answered_with_a_sentence(
    address, endpoint, photo, rest, message
) -> None:
    sent = None if photo is ... else photo_at(address, photo, name="holiday.jpg")
    assert call(address, endpoint, sent, *rest).startswith(message)


@pytest.mark.parametrize("path", ["http://127.0.0.1:9/a.jpg", "https://a.example/a.jpg"])
def test_no_address_is_fetched(address, path) -> None:
    sent = {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
    assert call(address, "describe", sent).startswith("This page fetches no address")


@pytest.mark.parametrize(
    "arguments", [[{"path": "/etc/passwd"}], [{"path": "../a"}], [7], [], [None, "many", "few"]]
)
def test_what_no_endpoint_takes_is_answered_with_a_sentence(address, arguments) -> None:
    for sent in arguments:
        if isinstance(sent, dict):
            sent["meta"] = {"_type": "gradio.FileData"}
    assert call(address, "caption", *arguments).startswith("This is not what the endpoint takes")


def test_who_finds_no_place_in_the_queue_is_asked_to_come_back(addresses) -> None:
    url = f"{addresses['styles, no answerer']}/gradio_api/call/describe"
    refused = httpx.post(url, json={"data": [None]})
    assert (refused.status_code, refused.json()["detail"]) == (503, BUSY)
    assert int(refused.headers["retry-after"]) > 0


def test_who_knows_the_token_may_come_in(addresses) -> None:
    address = addresses["token"]
    for path in ("", "/config", "/gradio_api/info", "/v1/models"):
        assert httpx.get(address + path).status_code == 401
    assert upload(address, b"x").status_code == 401
    bearing = {"Authorization": f"Bearer {TOKEN}"}
    assert upload(address, b"x", **bearing).status_code == 200
    client = Client(address, headers=bearing, verbose=False)
    photo = handle_file(str(ROOT / "caption" / "examples" / "chelsea.jpg"))
    assert client.predict(photo, api_name="/describe")["caption"]


def test_the_page_bears_what_strangers_send(address) -> None:
    photos = ROOT / "caption" / "examples"
    for serve in ((), ("--serve",)):
        words = ("--images", photos, "--address", address, "--uploads", 80, "--crowd", 2)
        done = run_script_here("bench_load.py", *words, *serve)
        assert done.returncode == 0, done.stderr
        assert "good photo: 40 captions, 0 sentences" in done.stdout
        assert "neither a caption nor a sentence: 0\n" in done.stdout, done.stdout


def test_other_programs_find_photos_of_the_library(address) -> None:
    file = io.BytesIO()
    scene("blue", "right").save(file, "PNG")
    httpx.post(f"{address}/library/dropped?name=found.png", content=file.getvalue())
    httpx.post(f"{address}/library/look", json={})
    while httpx.get(f"{address}/library/state").json()["job"]["is_running"]:
        pass
    (found,) = call(address, "search", "", 100)
    (dropped,) = [photo for photo in found if photo["name"] == "found.png"]
    thumbnail = httpx.get(address + dropped["thumbnail"])
    assert thumbnail.headers["content-type"] == "image/jpeg"
    assert call(address, "search", "a " * 40, 5).startswith("a search of 40 words")


def test_a_page_without_an_answerer_says_what_to_do(addresses) -> None:
    parts = components(addresses["styles, no answerer"])
    assert NO_ANSWERER.strip() in [part["props"].get("value") for part in parts]


def test_styles_can_be_chosen_where_a_model_has_them(addresses) -> None:
    choices = [
        [part["props"]["choices"] for part in components(address) if part["type"] == "dropdown"]
        for address in (addresses["whole"], addresses["styles, no answerer"])
    ]
    # One for people, and one for other programs.
    assert choices == [[], [[["its own", ""], ["original", "original"]]] * 2]


def test_it_is_served_by_an_address_of_version_6(addresses) -> None:
    if "version 6" not in addresses:
        pytest.skip("this machine has no IPv6")
    assert addresses["version 6"].startswith("http://[::1]:")
    assert httpx.get(addresses["version 6"]).status_code == 200
    assert upload(addresses["version 6"], b"x", Origin="http://evil.example").status_code == 403
