"""How much strangers may leave here: what the page takes in, and what is kept of it."""

import asyncio
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from caption.web.guards import refuse, sent

MOST_KEPT = 512 * 2**20
"""Bytes of all uploads and maps that are kept, however many come within the hour that Gradio keeps
each of them."""
TEXT_BYTES = 2**20
"""Room for what surrounds a photo that is sent."""
RESULT_BYTES = 2**20
"""Of the maps that are drawn for a request."""
FILE_BYTES = 2**13
"""What a file takes with its folder, however little it holds."""
YOUNG_SECONDS = 60.0
"""An empty folder that is younger may be about to receive its file."""

_API = "/gradio_api/"
_READS = ("GET", "HEAD", "OPTIONS")
_UNUSED = re.compile(r"deep_link|proxy=.*")
_USED = re.compile(r"upload|queue/join|call/\w+(/\w+)?|run/\w+|cancel|reset|mcp(/.*)?")


def is_used(method: str, name: str) -> bool:
    """Return whether the page, or a program that calls it, has use for an endpoint of Gradio.

    It has some for much that this page does not do: recordings that are kept for ever, links that
    write what the page shows to the disk, edits of the page's code.
    """
    if method in _READS:
        return not _UNUSED.fullmatch(name)
    return _USED.fullmatch(name) is not None


class KeepsRoom:
    """Takes no more from all clients together than there is room for, oldest files going first.

    Gradio takes any number of files of any kind and keeps each for an hour.
    """

    def __init__(self, app: Any, *, folder: Path, file_bytes: int, kept: int = MOST_KEPT) -> None:
        """Set up.

        Args:
            app: what is guarded.
            folder: where it keeps files, and nobody else does.
            file_bytes: of the largest photo that is taken.
            kept: bytes of all files that are kept at most.
        """
        self.app, self.folder = app, folder
        self.request_bytes = file_bytes + TEXT_BYTES
        # A half stays, a quarter is on its way, and a quarter may come before the next look.
        self.stays, self.share = kept // 2, max(kept // 4, self.request_bytes)
        self.on_its_way = 0
        self.since = self.share  # nobody knows what an earlier run has left
        self.looks = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or say why not."""
        call = (scope, receive, send)
        if scope["type"] != "http" or _API not in scope["path"]:
            return await self.app(*call)
        if not is_used(scope["method"], scope["path"].partition(_API)[2].rstrip("/")):
            return await refuse(call, 404, "there is nothing of this name here")
        if scope["method"] in _READS:
            return await self.app(*call)
        if sent(scope, "transfer-encoding") is not None:
            return await refuse(call, 411, "say how long the request is, with Content-Length")
        size = int(sent(scope, "content-length") or 0)  # the server has checked that it is one
        if size > self.request_bytes:
            said = f"this page takes photos up to {megabytes(self.request_bytes - TEXT_BYTES)}"
            return await refuse(call, 413, f"{said}; send a smaller copy", connection="close")
        if self.on_its_way + size > self.share:
            said = "more photos are arriving than there is room for; please try again in a moment"
            return await refuse(call, 503, said, connection="close", retry_after="1")
        self.on_its_way += size
        try:
            await self._make_room(size)
            return await self.app(*call)
        finally:
            self.on_its_way -= size

    async def _make_room(self, size: int) -> None:
        async with self.looks:
            self.since += size + RESULT_BYTES
            if self.since > self.share:
                self.since = 0
                await asyncio.to_thread(remove_oldest, self.folder, self.stays)


def megabytes(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 2**20:.3g} MB"


def remove_oldest(folder: Path, stays: int) -> None:
    """Remove the oldest files, and folders that are long empty, until so many bytes stay."""
    files = []
    for root, folders, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            with suppress(FileNotFoundError):
                status = path.lstat()
                files.append((status.st_mtime, status.st_size + FILE_BYTES, path))
        if not folders and not names and Path(root) != folder:
            with suppress(OSError):  # it has received a file in the meantime, or is gone
                if time.time() - Path(root).stat().st_mtime > YOUNG_SECONDS:
                    Path(root).rmdir()
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= stays:
            break
        path.unlink(missing_ok=True)
        total -= size
