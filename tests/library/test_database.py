"""A library's file is never overwritten, and every trouble with it is a sentence."""

import sqlite3
from contextlib import closing

import pytest

from caption.errors import DataError
from caption.library import database as place
from caption.library.database import Database
from caption.library.indexing import index
from caption.library.library import Library
from caption.library.schema import MIGRATIONS


def test_each_step_is_taken_once_from_where_the_file_is(tmp_path) -> None:
    path = tmp_path / "library.db"
    Database(path, migrations=[["CREATE TABLE one (x)"]]).close()
    steps = [["CREATE TABLE one (x)"], ["CREATE TABLE two (x)", "INSERT INTO two VALUES (2)"]]
    for _ in range(2):
        with (
            closing(Database(path, migrations=steps)) as database,
            database.reading() as connection,
        ):
            assert connection.execute("SELECT x FROM two").fetchall() == [(2,)]
    broken = [*steps, ["INSERT INTO one VALUES (1)", "no SQL"]]
    with pytest.raises(sqlite3.OperationalError):
        Database(path, migrations=broken)
    with closing(Database(path, migrations=steps)) as database, database.reading() as connection:
        assert not connection.execute("SELECT x FROM one").fetchall()


def test_a_newer_library_and_another_programs_database_are_refused(tmp_path) -> None:
    newer, other = tmp_path / "newer.db", tmp_path / "other.db"
    Database(newer, migrations=[*MIGRATIONS, ["CREATE TABLE later (x)"]]).close()
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = newer.read_bytes(), other.read_bytes()
    with pytest.raises(DataError, match="made by a newer Glimpse .version 2 .* up to 1.; update"):
        Library(newer)
    with pytest.raises(DataError, match="database of another program"):
        Library(other)
    assert (newer.read_bytes(), other.read_bytes()) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [("library.txt", "end in '.db'"), ("folder.db", "not a regular file"), ("no.db", "no library")],
)
def test_what_is_no_place_for_a_library_is_refused(tmp_path, name, message) -> None:
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(DataError, match=message):
        Library(tmp_path / name, create=False)


@pytest.mark.parametrize("damage", [b"not a database at all " * 100, None])
def test_a_damaged_file_is_set_aside_and_never_overwritten(library, captioner, damage) -> None:
    index(library, captioner)
    library.close()
    path = library.path
    data = path.read_bytes()
    # Garbage, or the half that a full disk or a torn copy leaves.
    path.write_bytes(damage or data[: len(data) // 2])
    (path.parent / "library.db.damaged-1").write_text("of another time")
    left = path.read_bytes()
    named = "damaged .*; it is now called library.db.damaged-2"
    with pytest.raises(DataError, match=named), Library(path) as opened:
        opened.photos()
        opened.duplicates()
    assert (path.parent / "library.db.damaged-2").read_bytes() == left
    assert (path.parent / "library.db.damaged-1").read_text() == "of another time"
    with Library(path) as begun:
        assert not begun.photos()


def test_a_full_disk_loses_nothing_that_was_there(library, captioner, photos) -> None:
    index(library, captioner)
    edited = library.edit(library.photos("captioned")[0].photo_id, "a quay")
    for number in range(40):
        (photos / f"{number}.png").write_bytes(edited.path.read_bytes())
    with library.database.reading() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(DataError, match="the disk is full, and this was not written"):
        index(library, captioner, batch_images=20)
    assert [photo.caption for photo in library.search("quay")] == ["a quay"]
    assert library.status().num_photos == 7
    with library.database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 1073741823")
    assert index(library, captioner).num_captioned == 40


def test_a_change_waits_for_another_process_and_is_told(library, captioner, monkeypatch) -> None:
    index(library, captioner)
    photo_id = library.photos("captioned")[0].photo_id
    monkeypatch.setattr(place, "PATIENCE", 0.05)
    with Library(library.path) as impatient, library.database.writing():
        assert impatient.photo(photo_id)  # to read, nobody waits
        with pytest.raises(DataError, match="another process has been writing"):
            impatient.edit(photo_id, "a quay")
    assert library.edit(photo_id, "a quay").caption == "a quay"


@pytest.mark.parametrize(
    ("caption", "message"),
    [(" \n", "an empty caption"), ("x" * 2001, "2001 characters"), ("\ud800", "valid Unicode")],
)
def test_what_is_no_caption_is_refused(library, captioner, caption, message) -> None:
    index(library, captioner)
    with pytest.raises(DataError, match=message):
        library.edit(library.photos()[0].photo_id, caption)


def test_a_folder_around_others_takes_them_over(library, captioner, photos, tmp_path) -> None:
    index(library, captioner)
    red = library.find(photos / "trip" / "red-left.png")
    library.edit(red.photo_id, "a quay")
    library.add_folder(tmp_path)
    assert list(library.folders().values()) == [tmp_path.resolve()]
    assert index(library, captioner).num_unchanged == 7
    assert library.find(red.path).edited == "a quay"
    library.add_folder(photos)  # is a part of it already
    with pytest.raises(DataError, match="1 captions there were written by people"):
        library.remove_folder(tmp_path)
    assert library.remove_folder(tmp_path, with_edits=True) == 7
    assert not library.search("")
    assert red.path.is_file()
