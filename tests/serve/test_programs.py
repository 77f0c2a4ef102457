"""`glimpse serve` with the model of the package, as the programs meet it that people use."""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import ollama
import openai
import pytest
from console import run_here, run_script_here
from pages import blocks, shown
from tiny import ROOT

from caption import Captioner
from vqa import QuestionAnswerer

PHOTOS = {
    name: (ROOT / "caption" / "examples" / f"{name}.jpg").read_bytes()
    for name in ("astronaut", "camera", "chelsea", "coffee")
}
PAGE = "vqa/serve/README.md"
DEFAULT = "http://127.0.0.1:11434"
NAMES = [f"{name}{end}" for name in ("glimpse", "llava") for end in ("", "/de", "/fr", "/zh")]


@pytest.fixture(scope="module")
def address():
    """Where the command serves."""
    command = "from vqa.commands import main; main()"
    words = ["serve", "--port", "0", "--names", "glimpse", "llava"]
    with subprocess.Popen(
        [sys.executable, "-c", command, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        said = server.stdout.readline()
        assert said, "the server has ended; what it said is above"
        yield said.split("/v1")[0]
        server.terminate()


@pytest.fixture(scope="module")
def captioner():
    return Captioner.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def captions(captioner):
    found = captioner(list(PHOTOS.values()))
    return dict(zip(PHOTOS, [caption.text for caption in found], strict=True))


@pytest.fixture(scope="module")
def answerer():
    return QuestionAnswerer.from_pretrained(device="cpu")


@pytest.fixture
def chatgpt(address):
    """OpenAI's own client."""
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
def llama(address):
    """Ollama's own client."""
    with ollama.Client(address) as client:
        yield client


def uri(name: str) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(PHOTOS[name]).decode()}"


def user(text: str, *addresses: str) -> dict[str, object]:
    images = [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
    return {"role": "user", "content": [{"type": "text", "text": text}, *images]}


def test_openais_client_gets_the_caption_at_once_and_word_by_word(chatgpt, captions) -> None:
    assert [model.id for model in chatgpt.models.list()] == NAMES
    asked = {"model": "glimpse", "messages": [user("Write a caption.", uri("chelsea"))]}
    whole = chatgpt.chat.completions.create(**asked)
    assert whole.choices[0].message.content == captions["chelsea"]
    assert whole.usage.completion_tokens == len(captions["chelsea"].split())
    with chatgpt.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last = list(stream)
    words = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(words) == captions["chelsea"]
    assert len(list(filter(None, words))) == last.usage.completion_tokens
    assert chunks[-1].choices[0].finish_reason == "stop"
    cut = chatgpt.chat.completions.create(**asked, max_tokens=2).choices[0]
    assert cut.message.content.split() == captions["chelsea"].split()[:2]
    assert cut.finish_reason == "length"


def test_a_conversation_goes_on_about_its_photo(chatgpt, answerer) -> None:
    talk = answerer.talk(PHOTOS["astronaut"])
    messages = []
    for question, photos in {"is there a woman?": [uri("astronaut")], "what is she?": []}.items():
        messages.append(user(question, *photos))
        reply = chatgpt.chat.completions.create(model="glimpse", messages=messages)
        said = reply.choices[0].message.content
        assert said.partition(" (")[0] == talk.ask(question).text
        messages.append({"role": "assistant", "content": said})


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"messages": [user("Describe a dog.")]}, 400, "image_required"),
        ({"messages": [user("Compare.", uri("camera"), uri("coffee"))]}, 400, "too_many_images"),
        ({"messages": [user("", "http://127.0.0.1:9/a.jpg")]}, 400, "invalid_image_url"),
        ({"messages": [user("", "file:///etc/passwd")]}, 400, "invalid_image_url"),
        ({"messages": [user("", "data:image/jpeg;base64,aaaa")]}, 400, "invalid_image"),
        ({"messages": [user("Write a poem.", uri("coffee"))]}, 400, "unsupported_instruction"),
        ({"n": 2}, 400, "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, 400, "unsupported_parameter"),
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            400,
            "unsupported_parameter",
        ),
        ({"messages": [{"role": "tool", "content": "", "tool_call_id": "1"}]}, 400, None),
        ({"model": "gpt-4o"}, 404, "model_not_found"),
    ],
)
def test_openais_client_is_told_what_cannot_be_done(chatgpt, asked, status, code) -> None:
    asked = {"model": "glimpse", "messages": [user("Describe it.", uri("coffee"))], **asked}
    with pytest.raises(openai.APIStatusError) as error:
        chatgpt.chat.completions.create(**asked)
    assert (error.value.status_code, error.value.code) == (status, code)
    assert error.value.type == "invalid_request_error"
    assert "Traceback" not in error.value.message
    assert str(ROOT) not in error.value.message


def test_ollamas_client_gets_captions_keywords_and_answers(
    llama, captions, captioner, answerer
) -> None:
    names = [model.model for model in llama.list().models]
    assert names == [f"{name}:latest" for name in NAMES]
    assert "vision" in llama.show("glimpse").capabilities
    asked = {"model": "llava:latest", "images": [PHOTOS["coffee"]]}
    assert llama.generate(**asked, prompt="Describe it.").response == captions["coffee"]
    *pieces, end = llama.generate(**asked, system="Write alt text.", stream=True)
    assert "".join(piece.response for piece in pieces) == captions["coffee"]
    assert (end.done, end.done_reason, end.eval_count) == (True, "stop", len(pieces))
    keywords = captioner(PHOTOS["coffee"]).keywords
    assert llama.generate(**asked, prompt="List keywords.").response == ", ".join(keywords)
    message = {"role": "user", "content": "what is it?", "images": [PHOTOS["coffee"]]}
    said = llama.chat(model="glimpse", messages=[message]).message.content
    assert said.partition(" (")[0] == answerer(PHOTOS["coffee"], "what is it?").text


def test_both_clients_choose_the_language_by_the_model(chatgpt, llama, captioner) -> None:
    features = captioner.encode(PHOTOS["chelsea"])
    for code in ("de", "fr", "zh"):
        (expected,) = captioner.in_language(code).describe(features)
        name = f"glimpse/{code}"
        assert chatgpt.models.retrieve(name).id == name
        messages = [user("Write a caption.", uri("chelsea"))]
        said = chatgpt.chat.completions.create(model=name, messages=messages)
        assert said.choices[0].message.content == expected.text
        assert llama.show(name).modelinfo["general.languages"] == [code]
        *pieces, end = llama.generate(name, images=[PHOTOS["chelsea"]], stream=True)
        assert "".join(piece.response for piece in pieces) == expected.text
        assert end.eval_count == len(pieces) > 3  # of Chinese its characters
        messages = [user("is there a cat?", uri("chelsea"))]
        answered = [
            chatgpt.chat.completions.create(model=model, messages=messages).choices[0].message
            for model in (name, "glimpse")
        ]
        assert answered[0] == answered[1]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"images": None}, 400, "there is no picture"),
        ({"format": "json"}, 400, "'glimpse' does not support a format"),
        ({"think": True}, 400, "'glimpse' does not support thinking"),
        ({"suffix": "!"}, 400, "'glimpse' does not support insert"),
        ({"model": "gemma3"}, 404, "model 'gemma3' not found"),
    ],
)
def test_ollamas_client_is_told_what_cannot_be_done(llama, asked, status, said) -> None:
    asked = {"model": "glimpse", "prompt": "Describe it.", "images": [PHOTOS["coffee"]], **asked}
    with pytest.raises(ollama.ResponseError, match=said) as error:
        llama.generate(**asked)
    assert error.value.status_code == status


def test_eight_clients_at_once_get_each_their_own(address, captions) -> None:
    def ask(name: str) -> tuple[str, str]:
        sent = base64.b64encode(PHOTOS.get(name, b"no picture")).decode()
        asked = {"prompt": "Describe it.", "images": [sent], "stream": False}
        said = httpx.post(f"{address}/api/generate", json=asked, timeout=60).json()
        return name, said.get("response", said.get("error"))

    expected = captions | {"broken": "the image is not a picture that can be read"}
    with ThreadPoolExecutor(8) as pool:
        for name, said in pool.map(ask, [*expected] * 4):
            assert said.startswith(expected[name])


def test_the_examples_of_the_page_work(address, tmp_path, monkeypatch) -> None:
    (tmp_path / "photo.jpg").write_bytes(PHOTOS["chelsea"])
    monkeypatch.chdir(tmp_path)
    programs = [block.text for block in shown() if block.page == PAGE and block.is_python]
    programs = [text for text in programs if DEFAULT in text]
    assert len(programs) >= 2
    for text in programs:
        exec(compile(text.replace(DEFAULT, address), PAGE, "exec"), {})  # noqa: S102
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    lines = [block for block in blocks(PAGE, "") if block.startswith("curl")]
    assert lines
    for text in lines:
        done = subprocess.run(
            [shutil.which("bash") or "", "-euo", "pipefail", "-c", text.replace(DEFAULT, address)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert re.search(r'"(response|content|status)": ?"', done.stdout), done.stdout


def test_clients_are_timed_beside_captioning_the_same_files(address) -> None:
    photos = ROOT / "caption" / "examples"
    words = ("--images", photos, "--address", address, "--files", "8", "--runs", "1")
    done = run_script_here("bench_serve.py", *words)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"8 clients: [\d.]+ requests/s; .* ratio [\d.]+; 0 of 8 captions differ\n", done.stdout
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "everyone who reaches 0.0.0.0 could send photos"),  # noqa: S104
        (["--auth", "short"], "auth must be at least 16 letters"),
        (["--max-waiting", "0"], "max_waiting must be at least 1"),
        (["--port", "70000"], "port must be between"),
    ],
)
def test_settings_that_would_be_unsafe_or_senseless_are_refused(words, said) -> None:
    done = run_here("serve", *words)
    assert done.returncode == 2
    assert said in " ".join(re.sub(r"[│\s]+", " ", done.stdout + done.stderr).split())


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_here("serve", "--port", port)
    assert done.returncode == 2
    assert done.stderr.startswith(f"cannot serve 127.0.0.1, port {port}: ")
