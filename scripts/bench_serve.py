"""Ask `glimpse serve` for captions as several clients at once, beside captioning the files."""

import base64
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from caption.commands.run import run
from caption.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Args:
    """Ask `glimpse serve` for captions as several clients at once, beside captioning the files."""

    images: Path
    """Folder of photos."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    address: str | None = None
    """Where a server of the model runs already; by default one is started."""
    clients: int = 8
    """Programs that ask at once, each again as soon as it has its answer."""
    files: int = 64
    """Photos that are asked about in a run, the same ones again where there are fewer."""
    runs: int = 3
    """Timed runs of both, in turn; the median counts."""


def main(args: Args) -> None:
    """Print the requests a second, and the files a second of `glimpse caption`."""
    import httpx

    from caption.evaluation.timing import time_in_turn
    from caption.files.paths import list_images
    from caption.predict import Captioner

    paths = list(islice(cycle(list_images(args.images)), args.files))
    if not paths:
        raise DataError(f"{args.images}: no images found; name a folder of photos")
    captioner = Captioner.from_pretrained(args.model)
    # Encoded ahead: the clients' work is not the server's.
    bodies = [_asking(Path(path)) for path in paths]
    with _serving(args) as address, httpx.Client(timeout=60) as client:

        def ask(body: bytes) -> str:
            reply = client.post(f"{address}/api/generate", content=body).raise_for_status()
            return reply.json()["response"]

        def serve() -> list[str]:
            with ThreadPoolExecutor(args.clients) as pool:
                return list(pool.map(ask, bodies))

        def caption() -> list[str]:
            return [str(file.caption) for file in captioner.describe_files(paths)]

        serve = _saying("glimpse serve, requests/s", serve, len(paths))
        caption = _saying("glimpse caption, files/s", caption, len(paths))
        different = sum(a != b for a, b in zip(serve(), caption(), strict=True))
        seconds = time_in_turn({"serve": serve, "caption": caption}, runs=args.runs, warm_up=0)
    rates = {name: len(paths) / taken for name, taken in seconds.items()}
    print(
        f"{args.clients} clients: {rates['serve']:.1f} requests/s; glimpse caption: "
        f"{rates['caption']:.1f} files/s; ratio {rates['serve'] / rates['caption']:.2f}; "
        f"{different} of {len(paths)} captions differ"
    )


def _saying(name: str, work: Callable[[], list[str]], count: int) -> Callable[[], list[str]]:
    """Return the same work, which says how quick it was: a run takes a while."""

    def working() -> list[str]:
        began = time.perf_counter()
        done = work()
        rate = count / (time.perf_counter() - began)
        print(f"{name}: {rate:.1f}", file=sys.stderr, flush=True)
        return done

    return working


def _asking(path: Path) -> bytes:
    picture = base64.b64encode(path.read_bytes()).decode()
    asked = {"prompt": "Describe this image.", "images": [picture], "stream": False}
    return json.dumps(asked).encode()


@contextmanager
def _serving(args: Args) -> Iterator[str]:
    """Serve the model in another process, and say where."""
    from vqa.commands.started import started

    if args.address is not None:
        yield args.address
        return
    words = [] if args.model is None else ["--model", args.model]
    with started("serve", *words, environment={}) as server:
        yield server.address


if __name__ == "__main__":
    run(main, Args)
