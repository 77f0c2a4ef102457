"""Only the files that are asked for leave an archive, and none leaves the folder."""

import os
import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.errors import DataError
from caption.files.zip import extract, find_members, members_within, read_member, unextracted

FILES = {"a/1.jpg": b"one", "a/2.jpg": b"two" * 99, "b/3.jpg": b"", "evil.sh": b"#!"}


def archive_of(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    path = folder / "x.zip"
    with ZipFile(path, "w") as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return path


def taken_out(archive: Path, names: list[str], folder: Path) -> list[str]:
    extract(archive, unextracted(find_members(archive, names, max_bytes=999), folder), folder)
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@given(st.sets(st.sampled_from(sorted(FILES))))
def test_just_what_is_asked_for_is_written(tmp_path_factory, names) -> None:
    folder = tmp_path_factory.mktemp("zip")
    archive = archive_of(folder)
    assert taken_out(archive, sorted(names), folder / "out") == sorted(names)
    for name in names:
        assert (folder / "out" / name).read_bytes() == FILES[name]


def test_what_is_there_with_the_right_size_is_left_alone(tmp_path) -> None:
    archive, names = archive_of(tmp_path), ["a/1.jpg", "a/2.jpg"]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"own")
    (tmp_path / "a" / "2.jpg").write_bytes(b"half")
    members = unextracted(find_members(archive, names, max_bytes=999), tmp_path)
    assert [member.filename for member in members] == ["a/2.jpg"]


@pytest.mark.parametrize("name", ["../out.jpg", "/out.jpg", "a/../../out.jpg", "C:\\out.jpg"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name) -> None:
    archive = archive_of(tmp_path, {name: b"x"})
    members = find_members(archive, [name], max_bytes=9)
    for use in (
        lambda: unextracted(members, tmp_path / "out"),
        lambda: extract(archive, members, tmp_path / "out"),
    ):
        with pytest.raises(DataError, match="relative to the image folder"):
            use()
    assert not (tmp_path / "out").exists()


def test_a_link_in_the_folder_is_not_followed_out_of_it(tmp_path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match="is a link out of it"):
        taken_out(archive_of(tmp_path), ["a/1.jpg"], tmp_path / "out")
    assert list((tmp_path / "secret").iterdir()) == []


def test_a_link_in_the_archive_becomes_an_ordinary_file(tmp_path) -> None:
    link = ZipInfo("link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with ZipFile(tmp_path / "x.zip", "w") as zipped:
        zipped.writestr(link, "/etc/passwd")
    taken_out(tmp_path / "x.zip", ["link.jpg"], tmp_path / "out")
    assert not (tmp_path / "out" / "link.jpg").is_symlink()


def test_missing_files_are_counted(tmp_path) -> None:
    with pytest.raises(DataError, match=r"has no 'a/8.jpg' \(2 of 3 are missing\)"):
        find_members(archive_of(tmp_path), ["a/1.jpg", "a/8.jpg", "a/9.jpg"], max_bytes=999)


def test_a_bomb_is_refused_by_its_declared_size(tmp_path) -> None:
    with ZipFile(tmp_path / "x.zip", "w", ZIP_DEFLATED) as zipped:
        zipped.writestr("a.jpg", bytes(10**6))
    with pytest.raises(DataError, match="declares 1000000 bytes, expected at most 999"):
        find_members(tmp_path / "x.zip", ["a.jpg"], max_bytes=999)


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_declares(tmp_path) -> None:
    archive = tmp_path / "x.zip"
    with ZipFile(archive, "w", ZIP_DEFLATED) as zipped:
        zipped.writestr("a.jpg", bytes(10**6))
    size = (10**6).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(size, (9).to_bytes(4, "little")))
    with pytest.raises(DataError, match="'a.jpg' is damaged"):
        taken_out(archive, ["a.jpg"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_nobody_has_seen_yet_is_listed_up_to_a_limit(tmp_path) -> None:
    hidden = {"__MACOSX/a/._1.jpg": b"", ".DS_Store": b"", "a/.cache/2.jpg": b"", "../3.jpg": b""}
    archive = archive_of(tmp_path, FILES | hidden)
    names = [member.filename for member in members_within(archive, most=4, max_bytes=302)]
    assert names == list(FILES)
    for limits in ({"most": 3, "max_bytes": 302}, {"most": 4, "max_bytes": 301}):
        with pytest.raises(DataError, match="has 4 files, 0 MB unpacked, expected at most"):
            members_within(archive, **limits)


def test_a_flipped_bit_is_found(tmp_path) -> None:
    archive = archive_of(tmp_path)
    archive.write_bytes(archive.read_bytes().replace(b"twotwo", b"twatwo", 1))
    with pytest.raises(DataError, match="'a/2.jpg' is damaged .*; get the archive again"):
        taken_out(archive, ["a/2.jpg"], tmp_path / "out")
    with pytest.raises(DataError, match="'a/2.jpg' is damaged"):
        read_member(archive, "a/2.jpg", max_bytes=999)


def test_a_cut_archive_or_another_file_is_refused(tmp_path) -> None:
    archive = archive_of(tmp_path)
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(DataError, match="not a whole zip archive"):
        find_members(archive, [], max_bytes=9)
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(DataError, match="not a regular file"):
        find_members(tmp_path / "pipe.zip", [], max_bytes=9)
