"""Ask the page for captions as other programs do, against the captioner alone in the same run."""

import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.run import run
from caption.errors import DataError, GlimpseError

if TYPE_CHECKING:
    import httpx

PATIENCE = 300.0
"""Seconds to wait for an answer."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Ask the page for captions as other programs do, against the captioner alone in the same run.

    A request uploads a photo, waits for its caption and fetches the maps of all words.
    """

    images: Path
    """Folder of photos."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    requests: int = 100
    """Photos that are sent."""
    clients: tuple[int, ...] = (1, 4)
    """How many programs ask at the same time; each number is measured."""
    threads: int = 2
    """CPU threads of torch, in both."""


def main(args: Args) -> None:
    """Print requests per second beside the captioner's photos per second."""
    from caption.files.paths import list_images

    paths = list_images(args.images)
    if not paths:
        raise DataError(f"{args.images}: no images found; name a folder of photos")
    paths = list(islice(cycle(paths), args.requests))
    alone = _alone(paths, args)
    print(f"captioner alone, one photo after the other: {alone:.1f} photos/s")
    with _served(args) as address:
        _ask(address, paths[:3], clients=1)  # the first are slower
        for clients in args.clients:
            began = time.perf_counter()
            waits = _ask(address, paths, clients=clients)
            rate = len(paths) / (time.perf_counter() - began)
            print(
                f"page, {clients} at once: {rate:.1f} requests/s, {rate / alone:.2f} of the "
                f"captioner alone; median wait {1000 * statistics.median(waits):.0f} ms"
            )


def _alone(paths: Sequence[Path], args: Args) -> float:
    """Return how many photos the captioner captions in a second, without a page."""
    import torch

    from caption.predict import Captioner

    torch.set_num_threads(args.threads)
    captioner = Captioner.from_pretrained(args.model, device="cpu")
    captioner(paths[0])
    began = time.perf_counter()
    for path in paths:
        captioner(path)
    return len(paths) / (time.perf_counter() - began)


@contextmanager
def _served(args: Args) -> Iterator[str]:
    """Serve the page from another process; yield its address."""
    from vqa.commands.started import started

    model = [] if args.model is None else ["--model", args.model]
    with tempfile.TemporaryDirectory() as uploads:
        settings = {"GRADIO_TEMP_DIR": uploads, "OMP_NUM_THREADS": str(args.threads)}
        command = ["app", "--library", f"{uploads}/library.db", *model]
        with started(*command, environment=settings) as page:
            yield page.address


def _ask(address: str, paths: Sequence[Path], *, clients: int) -> list[float]:
    """Have all photos captioned by so many clients; return how long each waited."""
    import httpx

    with (
        httpx.Client(base_url=address, timeout=PATIENCE) as http,
        ThreadPoolExecutor(clients) as pool,
    ):
        return list(pool.map(lambda path: _request(http, path), paths))


def _request(http: "httpx.Client", path: Path) -> float:
    began = time.perf_counter()
    sent = http.post("/gradio_api/upload", files={"files": (path.name, path.read_bytes())})
    photo = {"path": sent.raise_for_status().json()[0], "meta": {"_type": "gradio.FileData"}}
    called = http.post("/gradio_api/call/caption", json={"data": [photo, 3, 2]})
    event = called.raise_for_status().json()["event_id"]
    *_, last = http.get(f"/gradio_api/call/caption/{event}").text.strip().split("data: ")
    found = json.loads(last)
    if not found:
        raise GlimpseError(f"{path.name}: the page has no caption for it")
    for shown in found[2]:
        http.get(shown["image"]["url"]).raise_for_status()
    return time.perf_counter() - began


if __name__ == "__main__":
    run(main, Args)
