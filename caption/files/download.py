"""Large files from the web whose size and checksum are known beforehand."""

import ssl
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from caption.errors import DataError
from caption.files.writing import put_in_place, sha256

SECONDS_OF_SILENCE = 60.0
"""After so long without a byte the connection is taken for cut."""
_CHUNK = 2**20
_CUT = (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError)
"""What a connection can end with; a full disk is none of it."""


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file on the web that never changes."""

    url: str
    num_bytes: int
    sha256: str
    """In hexadecimal."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://")):
            raise ValueError(f"url must begin with https:// or http://, got {self.url!r}")

    @property
    def name(self) -> str:
        """What it is called on disk."""
        return self.url.rpartition("/")[2]


def fetch(file: RemoteFile, path: Path) -> None:
    """Fetch a file, going on where an earlier, broken attempt stopped.

    It is called `path` only when it is whole and right, and `path.partial` until then. A connection
    that is cut is opened again as long as each brings something.

    Args:
        file: what to fetch.
        path: where to.

    Raises:
        DataError: the server does not give it, or gives another file; the disk takes no more.
    """
    partial = partial_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while (begun := size_of(partial)) < file.num_bytes:
            reason = _fetch_more(file, partial)
            if size_of(partial) <= begun:
                raise DataError(
                    f"{file.url}: {size_of(partial)} of {file.num_bytes} bytes came "
                    f"({reason}); try again, which goes on from there"
                )
        _keep_if_right(file, partial, path)
    except OSError as error:
        raise DataError(f"{partial}: cannot be written ({error.strerror}); make room") from None


def refuse_wrong_size(file: RemoteFile, path: Path) -> None:
    """Refuse a file of another size than it was published with, which takes no time.

    Raises:
        DataError: says both sizes.
    """
    if size_of(path) != file.num_bytes:
        raise DataError(
            f"{path}: has {size_of(path)} bytes, expected {file.num_bytes}; get it again, or where "
            f"its download was cut rename it to {partial_of(path).name!r} and download the rest"
        )


def refuse_altered(file: RemoteFile, path: Path) -> None:
    """Refuse a file that is not the one that was published; reads all of it.

    Raises:
        DataError: its size or checksum is another.
    """
    refuse_wrong_size(file, path)
    found = sha256(path)
    if found != file.sha256:
        raise DataError(f"{path}: has sha256 {found}, expected {file.sha256}; get it again")


def partial_of(path: Path) -> Path:
    """Return where a file is while not all of it has come."""
    return path.with_name(f"{path.name}.partial")


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0


def _fetch_more(file: RemoteFile, partial: Path) -> str:
    """Append what one connection brings; return why it ended."""
    request = Request(file.url, headers={"Range": f"bytes={size_of(partial)}-"})  # noqa: S310
    try:
        with urlopen(request, timeout=SECONDS_OF_SILENCE) as response:  # noqa: S310
            _refuse_another(file, response)
            _append(file, partial, response)
    except HTTPError as error:
        with error:
            return f"the server says {error.code} {error.reason}"
    except _CUT as error:
        return str(error) or type(error).__name__
    return "the connection was cut"


def _refuse_another(file: RemoteFile, response: HTTPResponse) -> None:
    """Refuse what the server says to be of another size, before the first byte of it."""
    whole = response.headers.get("Content-Range", "").rpartition("/")[2]
    size = whole if response.status == 206 else response.headers.get("Content-Length", "")
    if size.isdecimal() and int(size) != file.num_bytes:
        raise DataError(
            f"{file.url}: the server's file has {size} bytes, expected {file.num_bytes}; get the "
            "file elsewhere"
        )


def _append(file: RemoteFile, partial: Path, response: HTTPResponse) -> None:
    # A server that knows no ranges answers with the whole file.
    mode = "ab" if response.status == 206 else "wb"
    with (
        partial.open(mode) as target,
        tqdm(
            desc=file.name,
            total=file.num_bytes,
            initial=target.tell(),
            unit="B",
            unit_scale=True,
        ) as bar,
    ):
        while chunk := response.read(min(_CHUNK, file.num_bytes - target.tell())):
            target.write(chunk)
            bar.update(len(chunk))


def _keep_if_right(file: RemoteFile, partial: Path, path: Path) -> None:
    try:
        refuse_altered(file, partial)
    except DataError:
        partial.unlink()  # more of it would make it no better
        raise
    put_in_place(partial, path)
