"""A download is whole and right under its name, or not there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from serving import Server, remote, serving

from caption.errors import DataError
from caption.files.download import RemoteFile, fetch, refuse_altered

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.zip").write_bytes(CONTENT)
    with serving(tmp_path / "web") as server:
        yield server


@pytest.fixture
def file(server) -> RemoteFile:
    return remote(server.folder / "a.zip", server.url)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "new" / "a.zip"


def test_a_cut_connection_is_opened_again_where_it_ended(server, file, path) -> None:
    server.cuts = [1000, 2000]
    fetch(file, path)
    assert path.read_bytes() == CONTENT
    assert server.asked == ["a.zip 0", "a.zip 1000", "a.zip 3000"]
    assert [p.name for p in path.parent.iterdir()] == ["a.zip"]


def test_a_later_run_goes_on_where_a_broken_one_stopped(server, file, path) -> None:
    server.cuts = [1000, 0]
    with pytest.raises(DataError, match="1000 of 10240 bytes came .*; try again, which goes on"):
        fetch(file, path)
    assert not path.exists()
    fetch(file, path)
    assert path.read_bytes() == CONTENT
    assert server.asked == ["a.zip 0", "a.zip 1000", "a.zip 1000"]


def test_a_server_without_ranges_sends_all_again(server, file, path) -> None:
    server.cuts, server.knows_ranges = [1000], False
    fetch(file, path)
    assert path.read_bytes() == CONTENT


def test_a_file_of_another_size_is_refused_before_it_comes(server, file, path) -> None:
    with pytest.raises(DataError, match="server's file has 10240 bytes, expected 10241"):
        fetch(replace(file, num_bytes=10241), path)
    assert list(path.parent.iterdir()) == []


def test_a_file_of_another_checksum_is_not_kept(server, file, path) -> None:
    with pytest.raises(DataError, match=f"has sha256 {file.sha256}, expected 00ff"):
        fetch(replace(file, sha256="00ff"), path)
    assert list(path.parent.iterdir()) == []


def test_what_the_server_says_is_told(server, path) -> None:
    gone = RemoteFile(url=f"{server.url}/b.zip", num_bytes=1, sha256="")
    with pytest.raises(DataError, match="0 of 1 bytes came .the server says 404"):
        fetch(gone, path)


def test_a_server_that_is_not_there_is_one_sentence(path) -> None:
    nobody = RemoteFile(url="http://127.0.0.1:9/b.zip", num_bytes=1, sha256="")
    with pytest.raises(DataError, match="0 of 1 bytes came .*refused"):
        fetch(nobody, path)


def test_a_disk_that_takes_no_more_is_said(file, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written .*; make room"):
        fetch(file, tmp_path / "file" / "a.zip")


def test_one_flipped_bit_is_found(server, file) -> None:
    refuse_altered(file, server.folder / "a.zip")
    (server.folder / "a.zip").write_bytes(CONTENT[:-1] + b"\0")
    with pytest.raises(DataError, match="get it again"):
        refuse_altered(file, server.folder / "a.zip")


def test_only_the_web_is_read() -> None:
    with pytest.raises(ValueError, match="must begin with https:// or http://, got 'file:"):
        RemoteFile(url="file:///etc/passwd", num_bytes=1, sha256="")
