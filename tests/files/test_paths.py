"""Pictures are found inside a folder, and nothing outside it."""

import os

import pytest

from caption.errors import DataError, ImageError
from caption.files.paths import list_images, resolve_inside


def test_pictures_of_a_folder_come_by_name_and_from_inside_only(tmp_path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    for name in ("b.JPG", "a.png", "sub/c.webp", "notes.txt", ".hidden.png", ".cache/d.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"")
    (folder / "folder.png").mkdir()
    (folder / "escape.png").symlink_to(outside / "secret.png")
    (folder / "escape").symlink_to(outside)
    (folder / "alias.gif").symlink_to(folder / "a.png")
    (folder / "broken.gif").symlink_to(folder / "nothing.gif")
    os.mkfifo(folder / "pipe.png")
    found = [path.relative_to(folder).as_posix() for path in list_images(folder)]
    assert found == ["a.png", "alias.gif", "b.JPG", "sub/c.webp"]
    assert list_images(str(folder)) == list_images(folder)


def test_a_hidden_folder_may_be_listed_when_it_is_named(tmp_path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.png").write_bytes(b"")
    assert list_images(tmp_path / ".cache") == [tmp_path / ".cache" / "a.png"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path) -> None:
    with pytest.raises(ImageError, match="there is no folder 'none'"):
        list_images(tmp_path / "none")


@pytest.mark.parametrize("name", ["a.jpg", "train2014/a.jpg", "ä ö/..a.jpg", "./a.jpg", "a..b"])
def test_names_inside_resolve_whether_or_not_they_exist(tmp_path, name) -> None:
    assert resolve_inside(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/etc/passwd", "../a.jpg", "a/../../b.jpg", "a\0.jpg", "\\\\host\\a", "..\\a"),
        *("C:\\a.jpg", "\ud800", "C:a.jpg", "\\a.jpg", "."),
    ],
)
def test_names_that_lead_elsewhere_are_refused_by_name(tmp_path, name) -> None:
    with pytest.raises(DataError) as caught:
        resolve_inside(tmp_path, name)
    assert repr(name) in str(caught.value)


def test_links_out_of_the_root_are_refused_and_links_inside_are_not(tmp_path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(root)
    (root / "out").symlink_to(tmp_path)
    (root / "in").symlink_to(root / "sub")
    (root / "loop").symlink_to("loop")
    assert resolve_inside(root, "in/a.jpg") == root / "in/a.jpg"
    assert resolve_inside(tmp_path / "linked", "a.jpg") == tmp_path / "linked/a.jpg"
    for name in ("out/a.jpg", "out"):
        with pytest.raises(DataError, match="link out of it"):
            resolve_inside(root, name)
    with pytest.raises(DataError, match="'loop/a.jpg'"):
        resolve_inside(root, "loop/a.jpg")
