"""What others leave in a library has bounds, and what they are told names no place of ours."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient
from test_library_parts import drop, files_in, png, rows, zipped
from tiny import draw_folder

from caption.errors import DataError
from caption.library.library import Library
from caption.web.events import as_sentence
from caption.web.library.quota import Amount, Quota, amount_in
from caption.web.library.routes import library_routes
from caption.web.library.shelf import Shelf
from caption.web.places import names_only
from vqa.commands.app import Args, shelf_of, without_its_place

FULL = "there is no room for more photos: this page keeps up to "


def opened(tmp_path, captioner, **given):
    return Shelf(tmp_path / "my server" / "library.db", captioner, is_own=False, **given)


def visiting(shelf):
    return TestClient(Starlette(routes=library_routes(shelf)))


def test_no_more_files_are_kept_than_there_is_room_for(tmp_path, captioner) -> None:
    shelf = opened(tmp_path, captioner, most_dropped=Amount(2, 10**6))
    with visiting(shelf) as client, closing(shelf):
        for _ in range(3):  # the same again takes no room
            assert drop(client, "a.png", png()).json()["pictures"] == 1
        three = zipped(tmp_path, {f"{n}.png": png() for n in range(3)})
        assert drop(client, "trip.zip", three).json()["problem"].startswith(FULL)
        assert files_in(shelf.dropped) == ["a.png"]
        assert drop(client, "b.png", png()).json()["pictures"] == 1
        refused = drop(client, "c.png", png()).json()["problem"]
        assert refused == f"{FULL}2, of 1 MB together; ask whoever runs it"
        assert files_in(shelf.dropped) == ["a.png", "b.png"]
        (shelf.dropped / "a.png").unlink()  # its owner may make room at any time
        assert drop(client, "c.png", png()).json()["pictures"] == 1
        two = zipped(tmp_path, {f"{n}.png": png() for n in range(2)})
        assert drop(client, "trip.zip", two).json()["problem"].startswith(FULL)
        assert files_in(shelf.dropped) == ["b.png", "c.png"]


def test_no_more_bytes_are_kept_than_there_is_room_for(tmp_path, captioner) -> None:
    size = len(png())
    shelf = opened(tmp_path, captioner, most_dropped=Amount(100, 3 * size))
    with visiting(shelf) as client, closing(shelf):
        archive = zipped(tmp_path, {"a.png": png()})
        assert len(archive) < 2 * size
        for _ in range(4):  # while it is unpacked an archive takes room too, and not afterwards
            assert drop(client, "trip.zip", archive).json()["pictures"] == 1
        assert drop(client, "broken.zip", b"x" * size).json()["problem"].endswith("it again")
        assert drop(client, "b.png", png()).json()["pictures"] == 1
        assert drop(client, "large.png", b"x" * 2 * size).json()["problem"].startswith(FULL)
        assert drop(client, "c.png", png()).json()["pictures"] == 1
        assert drop(client, "d.png", png()).json()["problem"].startswith(FULL)
        assert amount_in(shelf.dropped) == Amount(3, 3 * size)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12), st.integers(0, 8))
def test_what_comes_at_once_stays_within_bounds_whatever_becomes_of_it(
    tmp_path_factory, arrivals, most
) -> None:
    folder = tmp_path_factory.mktemp("quota")
    quota, turn = Quota(folder, Amount(most, 10 * most)), threading.Lock()

    def arrive(number: int) -> None:
        files, is_kept = arrivals[number]
        # What a broken one left stays, and counts.
        with suppress(DataError, ConnectionError), quota.share() as share:
            for n in range(files):
                share.take(files=1, size=10)
                (folder / f"{number}-{n}").write_bytes(b"x" * 10)
            with turn:
                assert amount_in(folder).is_within(quota.most)
            if not is_kept:
                raise ConnectionError
            share.keep(files=files, size=10 * files)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(arrive, range(len(arrivals))))
    assert amount_in(folder).is_within(quota.most)
    for path in folder.iterdir():
        path.unlink()
    with quota.share() as share:
        if most:
            share.take(files=most, size=10 * most)
        with pytest.raises(DataError, match="no room"):
            share.take(size=1)


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, None),
        ({"hosts": ("a.example",)}, Amount(10_000, 2**31)),
        (
            {"below": "/p", "max_dropped_files": 7, "max_dropped_size": 0.5},
            Amount(7, 2**19),
        ),
    ],
)
def test_only_where_others_come_there_are_bounds(tmp_path, captioner, options, most) -> None:
    shelf = shelf_of(Args(library=tmp_path / "l.db", **options), captioner, "base")
    assert shelf.is_own == (most is None)
    assert (shelf.quota.most == most) == (most is not None)
    for wrong in ({"max_dropped_files": -1}, {"max_dropped_size": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Args(**wrong)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("/srv/my photos/l.db: cannot be opened", "l.db: cannot be opened"),
        ("/srv/my photos: vanished", "my photos: vanished"),
        ("'/etc/a.png' is a link; see /usr/lib/x/y.", "'a.png' is a link; see y."),
        ("either/or, 12 / 3, http://a.example/b/c", "either/or, 12 / 3, http://a.example/b/c"),
        ("runs/mine: has learnt", "runs/mine: has learnt"),
    ],
)
def test_of_paths_only_names_are_told(message, expected, tmp_path) -> None:
    assert names_only(message, [tmp_path, tmp_path.parents[-1] / "srv" / "my photos"]) == expected
    assert "/etc" not in str(as_sentence("/etc/models/a: missing"))


def test_strangers_read_of_no_folder_whatever_goes_wrong(tmp_path, captioner) -> None:
    photos = draw_folder(tmp_path / "our photos")
    shelf = opened(tmp_path, captioner)
    with Library(shelf.path) as library:
        library.add_folder(photos)
    said = []
    with visiting(shelf) as client, closing(shelf):
        with Library(shelf.path) as library, library.alone():
            client.post("/library/look", json={})
            shelf.job.wait()
            said.append(client.get("/library/state").json()["job"]["said"])
        client.post("/library/look", json={})
        shelf.job.wait()
        number = rows(client)[0]["photo"]
        said.append(client.get("/library/export", params={"form": "csv", "edited": "yes"}).text)
        (photos / rows(client)[0]["name"]).unlink()
        said.append(client.get(f"/library/photos/{number}/picture").text)
        shelf.close()
        shelf.path.write_bytes(b"x" * 9000)
        said += [client.get(f"/library/{what}").text for what in ("photos", "state")]
    for message, expected in zip(
        said, ("adding photos", "library.db: no edited", "any more", "damaged"), strict=False
    ):
        assert expected in message
    assert not [message for message in said if str(tmp_path) in message or "my server" in message]


def test_a_model_in_a_directory_is_called_by_its_own_name(tmp_path) -> None:
    for name in ("mine", "base"):
        (tmp_path / name).mkdir()
    assert without_its_place(str(tmp_path / "mine")) == "mine"
    assert without_its_place(str(tmp_path / "base")) == "base, own"
    assert [without_its_place(name) for name in ("base", "owner/name")] == ["base", "owner/name"]
