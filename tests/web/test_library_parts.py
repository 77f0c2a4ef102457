"""The library of the page without a browser: what is asked, answered, taken in and learnt."""

import json
import sqlite3
import sys
import threading
import zipfile

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tiny import draw_folder, scene

from caption.errors import DataError
from caption.library.library import Library
from caption.web.describe.writers import Writers
from caption.web.eyes import Eyes
from caption.web.library import intake, teaching
from caption.web.library.job import Job
from caption.web.library.routes import MAX_VALUES, library_routes
from caption.web.library.shelf import Shelf
from caption.web.library.tab import searching


@pytest.fixture
def photos(tmp_path):
    """Six pictures and one that is broken."""
    return draw_folder(tmp_path / "trip")


@pytest.fixture
def shelf(tmp_path, captioner):
    shelf = Shelf(tmp_path / "own" / "library.db", captioner)
    yield shelf
    shelf.close()


@pytest.fixture
def client(shelf):
    with TestClient(Starlette(routes=library_routes(shelf))) as client:
        yield client


@pytest.fixture
def filled(client, shelf, photos):
    """A client of a library that knows the photos."""
    assert client.post("/library/folders", json={"path": str(photos)}).status_code == 200
    assert shelf.job.wait().said == "Done: 6 captioned, 1 cannot be read"
    return client


def rows(client, **query):
    return client.get("/library/photos", params=query).json()["rows"]


def test_a_page_without_a_library_has_no_photos_and_writes_nothing(client, shelf) -> None:
    assert rows(client) == []
    assert client.get("/library/state").json()["counts"] is None
    assert "no photos yet" in client.get("/library/photos/1/thumbnail").json()["problem"]
    assert not shelf.path.parent.exists()


def test_photos_are_found_shown_and_corrected(filled, shelf, captioner, photos) -> None:
    state = filled.get("/library/state").json()
    assert state["folders"] == [str(photos)]
    assert (state["counts"]["num_captioned"], state["counts"]["num_broken"]) == (6, 1)
    assert len(rows(filled)) == 6
    (broken,) = rows(filled, kind="broken")
    assert "not a picture that can be read" in broken["problem"]
    first = next(row for row in rows(filled) if row["name"] == "red-left.png")
    assert first["caption"] == captioner(photos / "red-left.png").text
    at = f"/library/photos/{first['photo']}"
    for kind in ("thumbnail", "picture"):
        answer = filled.get(f"{at}/{kind}")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content[:2] == b"\xff\xd8"
    edited = filled.put(at, json={"caption": "a <b>harbour</b>"}).json()["row"]
    assert (edited["caption"], edited["is_edited"]) == ("a <b>harbour</b>", True)
    assert edited["generated"] == first["caption"]
    assert [row["photo"] for row in rows(filled, text="harb")] == [first["photo"]]
    (found,) = searching(shelf)("harbour")
    assert (found["name"], found["is_edited"]) == ("red-left.png", True)
    assert filled.get(found["thumbnail"]).status_code == 200
    undone = filled.put(at, json={"caption": None}).json()["row"]
    assert (undone["caption"], undone["is_edited"]) == (first["caption"], False)


def test_photos_are_found_by_example(filled, photos) -> None:
    first = next(row for row in rows(filled) if row["name"] == "red-left.png")
    alike = filled.get(f"/library/photos/{first['photo']}/similar").json()["rows"]
    assert len(alike) == 5
    assert first not in alike
    picture = (photos / "red-left.png").read_bytes()
    best, *_ = filled.post("/library/like", content=picture).json()["rows"]
    assert best == first
    refused = filled.post("/library/like", content=b"no picture")
    assert "picture" in refused.json()["problem"]


def test_captions_are_taken_along_in_every_form(filled, photos) -> None:
    (first, *_) = rows(filled)
    filled.put(f"/library/photos/{first['photo']}", json={"caption": "a quay"})
    lines = filled.get("/library/export?form=jsonl").text.splitlines()
    assert len(lines) == 6
    (line,) = filled.get("/library/export?form=jsonl&edited=yes").text.splitlines()
    assert json.loads(line)["caption"] == "a quay"
    assert filled.get("/library/export?form=csv").text.count("\n") == 7
    answer = filled.get("/library/export?form=json")
    assert len(answer.json()["annotations"]) == 6
    assert answer.headers["content-disposition"] == 'attachment; filename="captions.json"'
    assert "no form" in filled.get("/library/export?form=exe").json()["problem"]
    assert not list(photos.glob("*.xmp"))  # nothing is beside the photos unless it is asked for
    assert filled.post("/library/sidecars").json()["said"].startswith("6 sidecars written")
    assert len(list(photos.glob("*.xmp"))) == 6


@pytest.mark.parametrize(
    ("method", "path", "content", "message"),
    [
        ("PUT", "photos/1", b"{}", "expected a text called 'caption'"),
        ("PUT", "photos/1", b'{"caption": " "}', "an empty caption"),
        ("PUT", "photos/1", b"[1]", "expected an object in JSON"),
        ("PUT", "photos/1", b"[" * 60_000, "expected an object in JSON"),
        ("PUT", "photos/1", b" " * (MAX_VALUES + 1), "64 KB"),
        ("PUT", "photos/999", b'{"caption": "a quay"}', "no photo 999"),
        ("GET", f"photos/{10**30}/picture", b"", "no photo"),
        ("GET", "photos?kind=passwords", b"", "expected a kind of"),
        ("GET", "photos?offset=-1", b"", "expected a kind of"),
        ("GET", f"photos?text={'a+' * 40}", b"", "a search of 40 words"),
        ("POST", "folders", b'{"path": "nowhere"}', "no such folder"),
        ("POST", "folders", b'{"path": "a\\u0000"}', "name a folder"),
        ("POST", "learn", b"", "this page teaches nothing"),
        ("POST", "use", b"", "no model has learnt"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(filled, method, path, content, message) -> None:
    answer = filled.request(method, f"/library/{path}", content=content)
    assert message in answer.json()["problem"]


def test_only_people_of_this_machine_name_folders_and_teach(tmp_path, captioner, photos) -> None:
    shelf = Shelf(tmp_path / "library.db", captioner, is_own=False)
    with Library(shelf.path) as library:
        library.add_folder(photos)
    with TestClient(Starlette(routes=library_routes(shelf))) as client:
        for path in ("folders", "sidecars", "learn", "use"):
            answer = client.post(f"/library/{path}", json={"path": str(photos)})
            assert answer.status_code == 404
        state = client.get("/library/state").json()
        assert state["folders"] == ["trip"]  # and nothing of where it is
        assert not state["teaching"]["is_possible"]
    shelf.close()


def test_while_one_looks_others_search_and_edit(filled, shelf, photos, monkeypatch) -> None:
    scene("red", "left").rotate(90).save(photos / "new.png")
    describe, reached, go_on = type(shelf.captioner).describe, threading.Event(), threading.Event()

    def slowly(*arguments, **settings):
        reached.set()
        assert go_on.wait(60)
        return describe(*arguments, **settings)

    monkeypatch.setattr(type(shelf.captioner), "describe", slowly)
    assert filled.post("/library/look").json()["job"]["is_running"]
    assert reached.wait(60)
    (first, *_) = rows(filled)
    assert filled.put(f"/library/photos/{first['photo']}", json={"caption": "a quay"}).is_success
    assert "running already" in filled.post("/library/look").json()["problem"]
    assert filled.post("/library/stop").json()["job"]["said"] == "stopping"
    go_on.set()
    assert shelf.job.wait().said.startswith("Stopped, and it can go on later: 1 captioned")
    assert [row["caption"] for row in rows(filled, kind="edited")] == ["a quay"]


def test_another_process_that_adds_photos_is_waited_for(filled, shelf) -> None:
    with Library(shelf.path) as other, other.alone():
        filled.post("/library/look")
        state = shelf.job.wait()
    assert state.has_failed
    assert "another process is adding photos" in state.said


def test_a_folder_that_vanishes_and_a_fault_of_ours_are_sentences(
    filled, shelf, photos, monkeypatch
) -> None:
    photos.rename(photos.with_name("elsewhere"))
    filled.post("/library/look")
    assert shelf.job.wait().said == "Done: nothing to do; trip is not there now"
    assert len(rows(filled)) == 6
    photos.with_name("elsewhere").rename(photos)
    monkeypatch.setattr(type(shelf.captioner), "describe_files", lambda *_, **__: 1 / 0)
    filled.post("/library/look")
    state = shelf.job.wait()
    assert state.has_failed
    assert "the log says more" in state.said


def test_a_newer_and_a_damaged_library_are_sentences(filled, shelf) -> None:
    shelf.close()
    connection = sqlite3.connect(shelf.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    fresh = Shelf(shelf.path, shelf.captioner)
    with TestClient(Starlette(routes=library_routes(fresh))) as client:
        assert "made by a newer Glimpse" in client.get("/library/state").json()["problem"]
        assert "made by a newer Glimpse" in client.get("/library/photos").json()["problem"]
        shelf.path.write_bytes(b"x" * 9000)
        assert "damaged" in client.get("/library/state").json()["problem"]
        assert client.get("/library/photos").json()["rows"] == []
    assert shelf.path.with_name("library.db.damaged-1").exists()


def png(colour="red", side="left"):
    import io

    file = io.BytesIO()
    scene(colour, side).save(file, "PNG")
    return file.getvalue()


def drop(client, name, content):
    return client.post("/library/dropped", params={"name": name}, content=content)


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_what_is_dropped_is_kept_once_and_nowhere_else(client, shelf) -> None:
    for name in ("a.png", "../../a.png", "C:\\x\\a.png", ".a.png", "/etc/a.png"):
        assert drop(client, name, png()).json() == {"pictures": 1, "passed_over": 0}
    assert drop(client, "a.png", png("blue")).is_success
    assert drop(client, f"{'b' * 300}.jpg", png()).is_success
    assert files_in(shelf.dropped) == ["a-2.png", "a.png", f"{'b' * 60}.jpg"]
    for name in ("a.txt", "", "a", "..", ".png", "..png"):
        assert "expected a JPEG" in drop(client, name, b"x").json()["problem"]
    client.post("/library/look")
    assert shelf.job.wait().said == "Done: 3 captioned"
    assert "own/library-files" in shelf.dropped.as_posix()


def test_what_is_too_large_leaves_nothing(client, shelf, monkeypatch) -> None:
    monkeypatch.setattr("caption.vision.image.MAX_BYTES", 100)
    assert "larger than" in drop(client, "a.png", b"x" * 101).json()["problem"]
    monkeypatch.setattr(intake, "MAX_ARCHIVE_BYTES", 100)
    assert "larger than" in drop(client, "a.zip", b"x" * 101).json()["problem"]
    assert files_in(shelf.dropped) == []


def test_a_full_disk_is_a_sentence_and_leaves_nothing(client, shelf, monkeypatch) -> None:
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(intake, "put_in_place", full)
    problem = drop(client, "a.png", png()).json()["problem"]
    assert problem == "'a.png': cannot be kept (No space left on device); nothing of it was"
    assert files_in(shelf.dropped) == []


def zipped(tmp_path, members):
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path.read_bytes()


def test_of_an_archive_only_pictures_come_out_and_only_inside(client, shelf, tmp_path) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    content = zipped(
        tmp_path,
        {
            "day one/a.png": png(),
            "b.JPG": png("blue"),
            "../evil.png": png(),
            "/absolute.png": png(),
            "C:\\drive.png": png(),
            ".hidden.png": png(),
            "__MACOSX/._a.png": b"x",
            "run.sh": b"rm",
            "inner.zip": b"PK",
            link: b"/etc/passwd",
        },
    )
    for _ in range(2):
        assert drop(client, "trip.zip", content).json() == {"pictures": 2, "passed_over": 8}
    (folder,) = shelf.dropped.iterdir()
    assert folder.name.startswith("trip-")
    assert files_in(folder) == ["b.JPG", "day one/a.png"]
    assert not list(tmp_path.rglob("evil.png")) + list(tmp_path.rglob("*link*"))


def test_archives_that_cannot_be_taken_say_why(client, shelf, tmp_path, monkeypatch) -> None:
    assert "not a whole zip archive" in drop(client, "a.zip", b"no").json()["problem"]
    empty = zipped(tmp_path, {"a.txt": b"x"})
    assert "holds no pictures" in drop(client, "a.zip", empty).json()["problem"]
    whole = zipped(tmp_path, {"a.png": png(), "b.png": png()})
    damaged = whole.replace(png()[-60:-20], b"x" * 40)
    assert "is damaged" in drop(client, "a.zip", damaged).json()["problem"]
    monkeypatch.setattr(intake, "MAX_UNPACKED_BYTES", 10)
    assert "holds 2 pictures" in drop(client, "a.zip", whole).json()["problem"]
    monkeypatch.setattr("caption.files.zip.MOST_LISTED", 10)
    assert "too many files" in drop(client, "a.zip", whole).json()["problem"]


def test_a_job_says_what_came_of_it() -> None:
    job = Job()
    job.start("working", lambda job: "done")
    assert job.wait().said == "done"

    def full(job):
        raise OSError(28, "No space left on device")

    job.start("working", full)
    assert (job.wait().said, job.wait().has_failed) == ("stopped: No space left on device", True)


def test_a_command_that_fails_says_why_and_leaves_no_model(filled, shelf, monkeypatch) -> None:
    monkeypatch.setattr(teaching, "ENOUGH", 3)
    shelf.teach = (sys.executable, "-c", "import sys; sys.exit('not in the mood')")
    teacher = teaching.Teacher(shelf)
    with pytest.raises(DataError, match="0 edited captions; expected at least 3"):
        teacher.start()
    for row in rows(filled)[:3]:
        filled.put(f"/library/photos/{row['photo']}", json={"caption": "a quay"})
    teacher.start()
    said = shelf.job.wait().said
    assert said == "it could not learn: not in the mood (learnt-1.log says more)"
    assert files_in(shelf.models) == ["learnt-1.log"]
    assert teacher.lesson is None


def test_learning_is_stopped_when_it_is_asked_to(filled, shelf, monkeypatch) -> None:
    monkeypatch.setattr(teaching, "ENOUGH", 1)
    (first, *_) = rows(filled)
    filled.put(f"/library/photos/{first['photo']}", json={"caption": "a quay"})
    sleeping = "import time; print('epoch 2/4: 10%|#', flush=True); time.sleep(600)"
    shelf.teach = (sys.executable, "-c", sleeping)
    teaching.Teacher(shelf).start()
    while shelf.job.state.said != "learning, round":
        assert shelf.job.state.is_running
        shelf.job.wait(0.05)
    assert (shelf.job.state.done, shelf.job.state.total) == (1, 4)
    shelf.job.stop()
    assert shelf.job.wait().said == "Stopped; nothing was learnt"


def test_the_page_prefers_what_has_learnt_and_keeps_the_others(captioner, knowing) -> None:
    writers = Writers(captioner, Eyes(captioner.extract), others={"small": lambda: knowing})
    writers.prefer("learnt-1", knowing)
    assert writers.choices == [
        ("learnt-1", "learnt-1"),
        ("Best", "base"),
        ("Small", "small"),
    ]
    assert writers.first.captioner is writers("learnt-1").captioner is knowing
    assert writers("base").captioner is captioner
