import json
from pathlib import Path

import pytest

from caption.files.writing import (
    remove_unfinished,
    replaced_directory,
    write_atomically,
    write_json,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "a.json"
    write_json(path, [1])

    def fail(partial: Path) -> None:
        partial.write_text("half")
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        write_atomically(path, fail)
    assert json.loads(path.read_text()) == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_is_replaced_whole_or_not_at_all(tmp_path) -> None:
    target = tmp_path / "model"
    with replaced_directory(target) as partial:
        (partial / "a").write_text("1")
    with pytest.raises(KeyboardInterrupt), replaced_directory(target) as partial:
        (partial / "a").write_text("half")
        raise KeyboardInterrupt
    assert (target / "a").read_text() == "1"
    with replaced_directory(target) as partial:
        (partial / "b").write_text("2")
    assert [path.name for path in target.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path) -> None:
    for name in ("a.json", ".a.json.partial", "b", ".b.x1", ".b.x1.old", ".ab.x2", ".b"):
        (tmp_path / name).mkdir()
    (tmp_path / ".b.partial").write_text("")
    for name in ("a.json", "b"):
        remove_unfinished(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "b", ".ab.x2", ".b"}
