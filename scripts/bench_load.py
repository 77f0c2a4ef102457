"""Send the page, or `glimpse serve`, good, broken and hostile photos from many at once."""

import base64
import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from caption.commands.run import run
from caption.errors import DataError

if TYPE_CHECKING:
    import httpx

PATIENCE = 300.0
"""Seconds to wait for an answer."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Send the page, or `glimpse serve`, good, broken and hostile photos from several clients."""

    images: Path
    """Folder of photos."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    serve: bool = False
    """Ask as programs ask `glimpse serve`, instead of the page."""
    address: str | None = None
    """Where a server runs already, of which then no memory is known; by default one is started."""
    uploads: int = 1000
    """What is sent, half of it good photos."""
    clients: int = 8
    """How many programs send at the same time."""
    crowd: int = 200
    """Requests that are sent at once in the end, so that the queue must refuse some."""
    seed: int = 0
    """Of the order of what is sent."""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    said: str
    is_caption: bool = False

    @property
    def is_fault(self) -> bool:
        """Whether it is neither a caption nor a sentence for people."""
        if self.is_caption:
            return not self.said.strip()
        is_prose = len(self.said.split()) > 3 and len(self.said) < 500 and "\n" not in self.said
        return self.status == 500 or not is_prose or self.said[0] in "<{["


@dataclass
class Server:
    """What is known of the server."""

    address: str
    process: "subprocess.Popen[bytes] | None" = None
    folder: Path | None = None
    """Where it keeps its temporary files."""

    @property
    def memory(self) -> float:
        """Its resident memory in megabytes."""
        if self.process is None:
            return 0.0
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
        return float(found[0]) / 1024 if found else 0.0

    @property
    def kept(self) -> float:
        """Megabytes of its temporary files."""
        total = 0
        for root, _, names in os.walk(self.folder) if self.folder else ():
            for name in names:
                with suppress(FileNotFoundError):
                    total += Path(root, name).stat().st_size
        return total / 2**20


@dataclass
class Tally:
    """What was said to whom, and what it took."""

    replies: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))
    memory: list[float] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)

    def report(self, early: int) -> Iterator[str]:
        """Yield lines for people; `early` is after how many uploads memory is first compared."""
        for kind, replies in sorted(self.replies.items()):
            captions = sum(reply.is_caption for reply in replies)
            said = Counter(reply.said for reply in replies if not reply.is_caption)
            example = f'; "{said.most_common(1)[0][0][:110]}"' if said else ""
            yield f"{kind}: {captions} captions, {len(replies) - captions} sentences{example}"
        faults = [(kind, one) for kind, all in self.replies.items() for one in all if one.is_fault]
        yield f"neither a caption nor a sentence: {len(faults)}"
        for kind, reply in faults[:20]:
            yield f"  {kind}: status {reply.status}, {reply.said[:300]!r}"
        if any(self.memory):
            first, last = self.memory[min(early, len(self.memory) - 1)], self.memory[-1]
            yield (
                f"memory: {first:.0f} MB after {early}, {last:.0f} MB at the end "
                f"({last / first - 1:+.1%}); temporary files: at most {max(self.kept):.0f} MB"
            )


def main(args: Args) -> None:
    """Print the answers by what was sent, the server's memory, and what a full queue says."""
    import httpx

    from caption.files.paths import list_images

    photos = [Path(path).read_bytes() for path in list_images(args.images)]
    if not photos:
        raise DataError(f"{args.images}: no images found; name a folder of photos")
    tally = Tally()
    # A connection for each request: threads that share idle ones close each other's.
    limits = httpx.Limits(max_keepalive_connections=0)
    with _serving(args) as server, httpx.Client(timeout=PATIENCE, limits=limits) as http:
        door = (Programs if args.serve else Page)(http, server.address)
        began = time.perf_counter()
        with ThreadPoolExecutor(args.clients) as pool:
            sendings = _sendings(door, photos, args)
            for number, (kind, reply) in enumerate(pool.map(_sent, sendings), start=1):
                tally.replies[kind].append(reply)
                tally.memory.append(server.memory)
                if number % max(1, args.uploads // 100) == 0:
                    tally.kept.append(server.kept)
                if number % max(1, args.uploads // 10) == 0:
                    seconds = time.perf_counter() - began
                    print(f"{number} sent, {seconds:.0f} s", file=sys.stderr, flush=True)
        print("\n".join(tally.report(args.uploads // 5)))
        print(f'a full queue says: "{_full_queue_says(door, [photos[0]] * args.crowd)}"')
        has_ended = server.process is not None and server.process.poll() is not None
        print(f"the server {'has ended' if has_ended else 'is still the one that was started'}")


def _sent(sending: tuple[str, Callable[[], Reply]]) -> tuple[str, Reply]:
    import httpx

    kind, send = sending
    try:
        return kind, send()
    except (httpx.TransportError, OSError) as error:
        return kind, Reply(0, f"{type(error).__name__}")


def _sendings(
    door: "Page | Programs", photos: list[bytes], args: Args
) -> Iterator[tuple[str, Callable[[], Reply]]]:
    """Yield what is sent by kind, half of it good photos, in an order that a seed makes."""
    rng = random.Random(args.seed)
    broken, hostile = list(BROKEN.items()), list(door.hostile.items())
    for number in range(args.uploads):
        photo = rng.choice(photos)
        if number % 2:
            # No two are the same file.
            yield "good photo", partial(door.caption, photo + number.to_bytes(4, "big"))
        elif number % 4:
            kind, send = hostile[number // 4 % len(hostile)]
            yield kind, send
        else:
            kind, make = broken[number // 4 % len(broken)]
            name = NAMES[number // 4 % len(NAMES)]
            yield kind, partial(door.caption, make(photo), name)


NAMES = (
    "holiday.jpg",
    "../../../etc/passwd",
    "<img src=x onerror=alert(1)>.jpg",
    "a" * 300 + ".jpg",
    "naïve ☃ 例.jpg",
    "-rf",
    "..",
    "C:\\photos\\a.jpg",
)


def _png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG that says so of its size, whatever it holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    written = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), *chunks, (b"IEND", b"")):
        check = zlib.crc32(kind + data)
        written += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
    return written


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut in the middle": lambda photo: photo[: len(photo) // 2],
    "no bytes at all": lambda photo: b"",
    "zeros": lambda photo: bytes(10_000),
    "web page": lambda photo: b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "drawing": lambda photo: b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "document": lambda photo: b"%PDF-1.7\n" + bytes(100),
    "program": lambda photo: b"\x7fELF\x02\x01\x01" + bytes(500),
    "pickle": lambda photo: b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "bomb of pixels": lambda photo: _png(60_000, 60_000, (b"IDAT", zlib.compress(bytes(2**20)))),
    "bomb of text": lambda photo: _png(
        9, 9, (b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8))), (b"IDAT", zlib.compress(bytes(90)))
    ),
    "photo in damaged bytes": lambda photo: photo[:600] + bytes(50) + photo[650:],
    "too large": lambda photo: photo + bytes(21 * 2**20),
}
"""What is sent in place of a photo."""

FOREIGN = {
    "from another page": {"Origin": "http://evil.example"},
    "from a page of nowhere": {"Origin": "null"},
    "to another name": {"Host": "evil.example"},
}
NO_JSON = {"no JSON": b"\xff{", "endless brackets": b"[" * 100_000, "JSON of another kind": b"[3]"}


class Page:
    """The page as programs call it, each with another of its endpoints."""

    def __init__(self, http: "httpx.Client", address: str) -> None:
        self.http, self.address = http, f"{address}/gradio_api"
        self.turn = count()
        addresses = ("http://127.0.0.1:9/a.jpg", "http://169.254.169.254/", "file:///etc/passwd")
        self.hostile: dict[str, Callable[[], Reply]] = {
            **{f"address {url}": partial(self._describe, url) for url in addresses},
            "file of the machine": partial(self._describe, "/etc/passwd"),
            "file that climbs": partial(self._describe, "../../../../etc/passwd"),
            "no photo": partial(self._called, "describe", [None]),
            "wrong arguments": partial(self._called, "caption", ["a", {"b": []}]),
            "wrong kinds": partial(self._called, "caption", [None, "many", "few"]),
            "unknown endpoint": partial(self._called, "nothing", []),
            "unknown function": self._posted(
                "queue/join", fn_index=9999, data=[], session_hash="a"
            ),
            "past the queue": self._posted("run/describe", data=[None]),
            "a recording": self._posted("process_recording"),
            "without a length": partial(self._post, "upload", content=iter([b"a"])),
            "many files": self._many_files,
            "who hangs up": self._hangs_up,
            **{
                name: partial(self._post, "call/describe", content=c) for name, c in NO_JSON.items()
            },
            **{name: partial(self._post, "upload", headers=h) for name, h in FOREIGN.items()},
        }

    def caption(self, photo: bytes, name: str = "photo.jpg") -> Reply:
        """Upload a photo and have it captioned, described or asked about, in turn."""
        path = self._upload(photo, name)
        if isinstance(path, Reply):
            return path
        sent = _file(path)
        calls: list[tuple[str, list[Any]]] = [
            ("caption", [sent, 3, 2]),
            ("describe", [sent]),
            ("ask", [sent, "what is it?"]),
        ]
        return self._called(*calls[next(self.turn) % len(calls)])

    def crowd(self, photo: bytes) -> Reply:
        """Ask for a caption without waiting for it."""
        path = self._upload(photo, "photo.jpg")
        if isinstance(path, Reply):
            return path
        return self._post("call/caption", json={"data": [_file(path), 3, 2]})

    def _upload(self, photo: bytes, name: str) -> str | Reply:
        reply = self._post("upload", files={"files": (name, photo)})
        return json.loads(reply.said)[0] if reply.status == 200 else reply

    def _post(self, endpoint: str, **content: Any) -> Reply:
        reply = self.http.post(f"{self.address}/{endpoint}", **content)
        return Reply(reply.status_code, _detail(reply.text) if reply.is_error else reply.text)

    def _posted(self, endpoint: str, **content: Any) -> Callable[[], Reply]:
        return partial(self._post, endpoint, json=content)

    def _describe(self, path: str) -> Reply:
        return self._called("describe", [_file(path)])

    def _called(self, endpoint: str, data: list[Any]) -> Reply:
        joined = self._post(f"call/{endpoint}", json={"data": data})
        if joined.status != 200:
            return joined
        event = json.loads(joined.said)["event_id"]
        told = self.http.get(f"{self.address}/call/{endpoint}/{event}").text
        *_, last = told.strip().split("event: ")
        kind, _, outcome = last.partition("\ndata: ")
        found = json.loads(outcome)
        if kind != "complete":
            return Reply(200, str(found.get("error") if isinstance(found, dict) else found))
        first = found[0]
        text = first if isinstance(first, str) else first.get("caption", first.get("answer"))
        return Reply(200, text, is_caption=True)

    def _many_files(self) -> Reply:
        many = [("files", (f"{number}.jpg", b"x" * 100)) for number in range(500)]
        reply = self._post("upload", files=many)
        took = reply.status == 200
        return Reply(200, f"took {len(json.loads(reply.said))} small files") if took else reply

    def _hangs_up(self) -> Reply:
        _send_half(self.address, "upload")
        return Reply(200, "nobody is there to be answered")


class Programs:
    """`glimpse serve` as programs ask it, by Ollama's and OpenAI's API in turn."""

    def __init__(self, http: "httpx.Client", address: str) -> None:
        self.http, self.address = http, address
        self.turn = count()
        pictures = ("http://127.0.0.1:9/a.jpg", "file:///etc/passwd", "/etc/passwd", "%%%", "")
        self.hostile: dict[str, Callable[[], Reply]] = {
            **{f"picture {text!r}": partial(self._ask, text) for text in pictures},
            "unknown endpoint": partial(self._post, "/v1/nothing", content=b"{}"),
            "unknown model": partial(self._post, "/api/generate", json={"model": "llava"}),
            "wrong kinds": partial(self._post, "/api/generate", json={"images": 3}),
            "two pictures": partial(self._post, "/api/generate", json={"images": ["aaaa", "aaaa"]}),
            "who hangs up": self._hangs_up,
            **{
                name: partial(self._post, "/api/generate", content=c) for name, c in NO_JSON.items()
            },
            **{
                name: partial(self._post, "/api/generate", headers=h) for name, h in FOREIGN.items()
            },
        }

    def caption(self, photo: bytes, name: str = "photo.jpg") -> Reply:
        """Send a photo and have it described; its name has no place."""
        return self._ask(base64.b64encode(photo).decode())

    def crowd(self, photo: bytes) -> Reply:
        """Send a photo and have it described."""
        return self.caption(photo)

    def _ask(self, picture: str) -> Reply:
        wish = "Describe this image."
        if next(self.turn) % 2:
            asked = {"prompt": wish, "images": [picture], "stream": False}
            return self._post("/api/generate", json=asked)
        url = {"url": picture if ":" in picture else f"data:image/jpeg;base64,{picture}"}
        content = [{"type": "text", "text": wish}, {"type": "image_url", "image_url": url}]
        message = {"role": "user", "content": content}
        return self._post("/v1/chat/completions", json={"model": "glimpse", "messages": [message]})

    def _post(self, path: str, **content: Any) -> Reply:
        reply = self.http.post(f"{self.address}{path}", **content)
        if reply.is_error:
            return Reply(reply.status_code, _detail(reply.text))
        said = reply.json()
        text = said["response"] if "response" in said else said["choices"][0]["message"]["content"]
        return Reply(200, text, is_caption=True)

    def _hangs_up(self) -> Reply:
        _send_half(self.address, "api/generate")
        return Reply(200, "nobody is there to be answered")


def _file(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def _detail(text: str) -> str:
    """Return what an error says, without the shape that its API puts around it."""
    with suppress(ValueError, AttributeError):
        said: Any = json.loads(text)
        said = said.get("detail", said.get("error", text))
        return str(said.get("message", said) if isinstance(said, dict) else said)
    return text


def _send_half(address: str, endpoint: str) -> None:
    """Send half of what is announced, and go."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 80)) as line:
        head = (
            f"POST {where.path}/{endpoint} HTTP/1.1\r\nHost: {where.netloc}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
        )
        line.sendall(head.encode() + bytes(50_000))


def _full_queue_says(door: "Page | Programs", photos: list[bytes]) -> str:
    """Return what is said to the first of a crowd that finds no place."""
    with ThreadPoolExecutor(len(photos)) as pool:
        replies = list(pool.map(door.crowd, photos))
    return next((reply.said for reply in replies if reply.status == 503), "nothing: it never was")


@contextmanager
def _serving(args: Args) -> Iterator[Server]:
    """Serve the page or the APIs from another process."""
    from vqa.commands.started import started

    if args.address is not None:
        yield Server(args.address)
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = ["serve"] if args.serve else ["app", "--library", f"{folder}/library.db"]
        command += [] if args.model is None else ["--model", args.model]
        settings = {"GRADIO_TEMP_DIR": folder, "TMPDIR": folder}
        with started(*command, environment=settings) as server:
            print(f"ready after {server.seconds:.1f} s", flush=True)
            yield Server(server.address, server.process, Path(folder))


if __name__ == "__main__":
    run(main, Args)
