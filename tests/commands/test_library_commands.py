"""The library as a person types it."""

import pytest
from console import run_here
from tiny import COLOURS, scene


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """A person with photos, and nothing else."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for colour in COLOURS:
        scene(colour, "left").save(folder / f"{colour}.png")
    (folder / "broken.png").write_bytes(b"")
    return folder


def run(*words):
    done = run_here("library", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_photos_are_added_searched_corrected_and_exported(at_home, tiny, tmp_path) -> None:
    assert "3 captioned, 1 broken" in run("add", at_home, "--model", tiny)
    assert (tmp_path / "data" / "glimpse" / "library.db").is_file()
    assert "0 captioned, 0 broken, 0 moved or touched, 0 gone, 4 unchanged" in run(
        "update", "--model", tiny
    )
    assert "two puppies" in run("edit", at_home / "red.png", "two puppies")
    assert run("search", "dog") == f"{at_home / 'red.png'}\ttwo puppies\n"
    assert "red.png" not in run("search", "--", "-dog")
    assert run("list", "--only", "broken").startswith(f"{at_home / 'broken.png'}\t'broken.png' is")
    assert "4 photos, 3 captioned, 1 edited by people, 1 broken, 0 missing" in run("list")
    told = run("export", tmp_path / "learn", "--edited", "--sidecars")
    assert f"finetune captions --data {tmp_path / 'learn'}\n" in told
    assert (tmp_path / "learn" / "metadata.jsonl").read_text().count("\n") == 1
    assert (at_home / "red.png.xmp").is_file()
    assert len(run("similar", at_home / "red.png").splitlines()) == 2
    scene("red", "left").save(tmp_path / "elsewhere.png")
    nearest = run("similar", tmp_path / "elsewhere.png", "--model", tiny).splitlines()
    assert len(nearest) == 3
    assert nearest[0].startswith(f"1.00\t{at_home / 'red.png'}")
    assert "two puppies" not in run("edit", at_home / "red.png", "--undo")
    assert "4 photos forgotten" in run("remove", at_home)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("search", "dog"), "no library yet; `glimpse library add FOLDER` begins one"),
        (("add", "nowhere"), "no such folder"),
        (("list", "--library", "library.txt"), "expected the name of a library to end in '.db'"),
        (("edit", "a.png"), "give either a caption or undo"),
        (("export",), "name an output, or ask for sidecars"),
        (("remove",), "name a folder, or ask for the missing ones"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(at_home, monkeypatch, words, message) -> None:
    monkeypatch.chdir(at_home)
    done = run_here("library", *words)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
