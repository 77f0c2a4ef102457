"""Files over HTTP from this machine, with connections that can be cut."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from caption.files.download import RemoteFile
from caption.files.writing import sha256


class Server:
    """Serves the files of a folder and remembers what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.asked: list[str] = []
        """Name and first byte of each request, such as "a.zip 100"."""
        self.cuts: list[int] = []
        """Bytes after which the next connections are cut."""
        self.knows_ranges = True


def remote(path: Path, url: str) -> RemoteFile:
    """Return a file as it is published at an address."""
    return RemoteFile(url=f"{url}/{path.name}", num_bytes=path.stat().st_size, sha256=sha256(path))


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder."""
    server = Server(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = folder / self.path.lstrip("/")
            if not path.is_file():
                self.send_error(404, "not here")
                return
            first = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])
            begin = int(first[1]) if first and server.knows_ranges else 0
            server.asked.append(f"{path.name} {begin}")
            whole = path.read_bytes()
            self.send_response(206 if server.knows_ranges else 200)
            self.send_header("Content-Length", str(len(whole) - begin))
            if server.knows_ranges:
                last = f"{len(whole) - 1}/{len(whole)}"
                self.send_header("Content-Range", f"bytes {begin}-{last}")
            self.end_headers()
            length = server.cuts.pop(0) if server.cuts else len(whole)
            self.wfile.write(whole[begin : begin + length])

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
