"""Two models side by side, and the doors that photos to compare them on come in by."""

import tempfile
from pathlib import Path
from zipfile import ZipFile

import pytest
from test_inside import HOSTILE, Shown
from tiny import COLOURS, SIDES, captions_of, scene

from caption.errors import DataError
from caption.web.compare import sets
from caption.web.compare.outcome import Figure, Outcome, compared
from caption.web.compare.pair import Pair
from caption.web.compare.sets import MOST_PHOTOS, Dropped, choose, laid_out, named
from caption.web.compare.tab import Compare
from caption.web.describe.writers import Writers
from caption.web.eyes import Eyes

BOTH = ("base", "", "small", "")
"""Models, and what is no language of theirs, so that each writes its own."""


@pytest.fixture
def writers(captioner, knowing) -> Writers:
    return Writers(captioner, Eyes(captioner.extract), others={"small": lambda: knowing})


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def photos(folder: Path, *, captions: str = "image,caption") -> list[Dropped]:
    """Write scenes and a table of what is said of them; return them as if they were dropped."""
    folder.mkdir(exist_ok=True)
    lines = [captions]
    for colour in COLOURS:
        for side in SIDES:
            name = f"{colour} & {side}.png"
            scene(colour, side).save(folder / name)
            lines += [f"{name},{text}" for text in captions_of(colour, side)]
    (folder / "said.csv").write_text("\n".join(lines))
    return [Dropped(path.name, path) for path in sorted(folder.iterdir())]


def zipped(folder: Path, files: dict[str, bytes]) -> list[Dropped]:
    path = folder / "photos.zip"
    with ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return [Dropped("photos.zip", path)]


def test_what_only_one_of_them_says_is_marked(writers) -> None:
    pair, photo = Pair(writers), scene("red", "left")
    assert Shown(pair.show(photo, "base", "", "base", "")).tags.count("mark") == 0
    shown = Shown(pair.show(photo, "base", "", "small", ""))
    assert shown.tags.count("article") == 2
    (own,), (other,) = (
        writers(name).captioner.describe(writers(name).look(photo)) for name in ("base", "small")
    )
    assert (set(own.words) != set(other.words)) == ("mark" in shown.tags)
    assert "Recognised: " in shown.text
    assert "two models" in pair.show(None)


def test_dropped_files_lie_under_their_own_names_and_are_gone_afterwards(
    tmp_path, temporary
) -> None:
    dropped = photos(tmp_path / "in")
    stored = [
        Dropped(file.name, file.path.rename(tmp_path / f"{n}")) for n, file in enumerate(dropped)
    ]
    with laid_out(stored) as folder:
        chosen = choose(folder)
        assert len(chosen.images) == 6
        assert chosen.notes == []
        assert all(image.source.is_relative_to(temporary) for image in chosen.images)
    assert list(temporary.iterdir()) == []


def test_an_archive_with_one_folder_is_that_folder(tmp_path, temporary) -> None:
    files = {f"trip/{f.name}": f.path.read_bytes() for f in photos(tmp_path / "in")}
    hidden = {"__MACOSX/trip/._said.csv": b"\0", "trip/.DS_Store": b"\0", "trip/run.sh": b"rm"}
    with laid_out(zipped(tmp_path, files | hidden)) as folder:
        assert folder.name == "trip"
        assert not (folder / "run.sh").exists()
        assert len(choose(folder).images) == 6
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"/out.jpg": b"x"}, "expected a file name relative to the image folder"),
        ({"a.txt": b"hello"}, "no pictures and no list of captions"),
    ],
)
def test_what_cannot_be_used_of_an_archive_is_a_sentence(
    tmp_path, temporary, files, message
) -> None:
    with (
        pytest.raises(DataError, match=message) as refused,
        laid_out(zipped(tmp_path, files)) as at,
    ):
        choose(at)
    assert str(tmp_path) not in refused.value.message
    assert list(temporary.iterdir()) == []
    assert not (temporary.parent / "out.jpg").exists()


def test_what_cannot_be_laid_out_is_a_sentence(tmp_path, temporary, monkeypatch) -> None:
    (tmp_path / "a.zip").write_bytes(b"no archive")
    dropped = Dropped("a.zip", tmp_path / "a.zip")
    with pytest.raises(DataError, match=r"^a.zip: not a whole zip archive"), laid_out([dropped]):
        pass
    same = photos(tmp_path / "in")[:1] * 2
    with pytest.raises(DataError, match="two files are called 'blue & left.png'"), laid_out(same):
        pass
    monkeypatch.setattr(sets, "MOST_FILES", 2)
    with pytest.raises(DataError, match="more than 2 files"), laid_out(photos(tmp_path / "in")):
        pass
    many = zipped(tmp_path, dict.fromkeys(("a.jpg", "b.jpg", "c.jpg"), b""))
    with pytest.raises(DataError, match=r"has 3 files, .* at most 2 files"), laid_out(many):
        pass
    monkeypatch.setattr(sets, "MOST_BYTES", 9)
    large = [Dropped(name, tmp_path / "a.zip") for name in ("a.txt", "b.txt")]
    with pytest.raises(DataError, match="more than 9 bytes"), laid_out(large):
        pass
    upwards = [Dropped("..", tmp_path / "a.zip")]
    with pytest.raises(DataError, match="relative to the image folder"), laid_out(upwards):
        pass


@pytest.mark.parametrize("text", ["", "nowhere", "\0", "x" * 5000, "~nobody-here/photos", "app.py"])
def test_a_folder_that_there_is_not_is_a_sentence(text) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        named(text)


def test_a_folder_with_too_much_in_it_is_a_sentence(tmp_path, monkeypatch) -> None:
    photos(tmp_path)
    assert named(f" {tmp_path} ") == tmp_path
    monkeypatch.setattr(sets, "MOST_IN_FOLDER", 3)
    with pytest.raises(DataError, match="more than 3 files"):
        named(str(tmp_path))


def test_of_many_photos_some_are_drawn_by_lot_and_what_is_missing_is_told(
    tmp_path, monkeypatch
) -> None:
    photos(tmp_path)
    with (tmp_path / "said.csv").open("a") as table:
        table.write("\ngone.png,a red block\n")
    monkeypatch.setattr(sets, "MOST_PHOTOS", 4)
    chosen = choose(tmp_path)
    assert len(chosen.images) == 4
    assert chosen.images == choose(tmp_path).images
    missing, drawn = chosen.notes
    assert missing.startswith("1 left out, the first of them: ")
    assert "no file 'gone.png'" in missing
    assert str(tmp_path) not in missing
    assert drawn == "These are 4 of the 6 photos, drawn by lot."
    assert MOST_PHOTOS == 200


def test_captions_that_say_nothing_are_left_out(tmp_path) -> None:
    photos(tmp_path)
    with (tmp_path / "said.csv").open("a") as table:
        table.write(f"\nred & left.png,...\nred & left.png,{'x' * 20_000}\n")
    assert [len(image.captions) for image in choose(tmp_path).images] == [2] * 6


def test_a_model_is_as_good_as_itself_and_every_photo_counts(tmp_path, captioner) -> None:
    photos(tmp_path)
    images = choose(tmp_path).images
    *steps, outcome = compared(images, [("One", captioner), ("Two", captioner)], ["a note"])
    assert [(step.label, step.done, step.total) for step in steps] == [
        ("One", 0, 12),
        ("Two", 6, 12),
    ]
    assert isinstance(outcome, Outcome)
    assert (outcome.num_photos, outcome.labels, outcome.notes) == (6, ("One", "Two"), ["a note"])
    assert [figure.name for figure in outcome.figures] == ["CIDEr-D", "BLEU-4"]
    for figure in outcome.figures:
        assert figure.difference == 0
        assert figure.interval == (0, 0)
        assert not figure.is_certain
        assert figure.intervals[0] == figure.intervals[1]
        low, high = figure.intervals[0]
        assert low <= figure.scores[0] <= high or figure.name == "BLEU-4"
    for photo in outcome.changed:
        assert photo.captions[0] == photo.captions[1]
        assert len(photo.references) == 2
        assert photo.picture


def test_photos_that_cannot_be_read_are_told_of(tmp_path, captioner, knowing) -> None:
    photos(tmp_path)
    (tmp_path / "red & left.png").write_bytes(b"no picture")
    models = [("One", captioner), ("Two", knowing)]
    *_, outcome = compared(choose(tmp_path).images, models)
    assert outcome.num_photos == 5
    (note,) = outcome.notes
    assert note.startswith("1 cannot be read, the first of them: ")
    for path in tmp_path.glob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="0 of these photos can be read"):
        list(compared(choose(tmp_path).images, models))


def test_a_difference_is_certain_where_its_interval_is_on_one_side_of_zero() -> None:
    def figure(*interval: float) -> Figure:
        return Figure("CIDEr-D", (1.0, 0.9), ((0.9, 1.1), (0.8, 1.0)), 0.1, interval)

    assert figure(0.05, 0.15).is_certain
    assert figure(-0.2, -0.1).is_certain
    assert not figure(-0.05, 0.25).is_certain
    assert figure(-0.3, 0.1).reach == 0.3
    assert figure(0.0, 0.0).reach == 0.1


def test_the_page_tells_how_far_it_is_and_then_what_came_of_it(
    tmp_path, temporary, writers
) -> None:
    dropped = photos(tmp_path / "in", captions=f"image,caption\nred & left.png,{HOSTILE}")
    reading, *progress, last = map(Shown, Compare(writers).of_files(dropped, *BOTH))
    assert reading.text == "Reading the captions …"
    assert [shown.tags.count("progress") for shown in progress] == [1, 1]
    assert "Best describes the photos: 0 of 12 captions" in progress[0].text
    assert last.text.startswith("On these 6 photos ")
    assert last.tags.count("img") == 6  # and not what a caption would have made another of
    assert HOSTILE in last.text
    assert list(temporary.iterdir()) == []


def test_who_stops_in_the_middle_leaves_nothing_behind(tmp_path, temporary, writers) -> None:
    steps = Compare(writers).of_files(photos(tmp_path / "in"), *BOTH)
    next(steps)
    assert "progress" in Shown(next(steps)).tags
    assert len(list(temporary.iterdir())) == 1
    steps.close()
    assert list(temporary.iterdir()) == []


def test_a_folder_of_this_machine_stays_as_it_is(tmp_path, temporary, writers) -> None:
    files = photos(tmp_path / "in")
    *_, last = Compare(writers).of_folder(str(tmp_path / "in"), *BOTH)
    assert Shown(last).text.startswith("On these 6 photos ")
    assert all(file.path.exists() for file in files)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "message"),
    [("", "There is no folder ''"), (HOSTILE, f"There is no folder '{HOSTILE}' with files")],
)
def test_a_folder_that_cannot_be_compared_on_is_a_sentence(writers, folder, message) -> None:
    (last,) = Compare(writers).of_folder(folder, *BOTH)
    assert Shown(last).text.startswith(message)
    assert "img" not in Shown(last).tags


def test_a_model_is_not_compared_with_itself(writers, tmp_path) -> None:
    (last,) = Compare(writers).of_files(photos(tmp_path), "base", "", "base", "fr")
    assert Shown(last).text == "Choose two different models, or languages."


def test_no_files_are_a_sentence(writers, temporary) -> None:
    *_, last = Compare(writers).of_files(None, *BOTH)
    assert Shown(last).text == "No pictures and no list of captions in this folder."


def test_photos_alone_cannot_tell_who_says_it_better(tmp_path, writers) -> None:
    dropped = [file for file in photos(tmp_path / "in") if file.name.endswith(".png")]
    *_, last = Compare(writers).of_files(dropped, *BOTH)
    assert Shown(last).text.startswith("Pictures without captions, so nobody can tell")
