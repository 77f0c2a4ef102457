"""Photos are captioned once, found again where they went, and nothing that people wrote is lost."""

import shutil
import signal
import sys

import pytest
import torch
from killing import in_child, killed_at
from tiny import scene
from tiny_models import caption_model

from caption.errors import DataError
from caption.library.indexing import index
from caption.library.library import Library
from caption.predict import Captioner


def at(library, name):
    return library.find(library.photos()[0].root / name)


def test_every_photo_has_a_row_and_is_looked_at_once(library, captioner, photos) -> None:
    shown = []
    first = index(library, captioner, batch_images=4, progress=shown.append)
    assert (first.num_captioned, first.num_broken, first.num_left) == (6, 1, 0)
    assert [(p.done, p.total) for p in shown] == [(0, 7), (4, 7), (7, 7)]
    assert shown[0].seconds_left is None
    assert shown[-1].seconds_left == 0
    expected = {path.name: captioner(path).text for path in photos.glob("trip/*.png")}
    assert {p.path.name: p.generated for p in library.photos("captioned")} == expected
    (broken,) = library.photos("broken")
    assert broken.name == "broken.png"
    assert "not a picture that can be read" in broken.error
    assert library.thumbnail(at(library, "trip/red-left.png").photo_id)[:2] == b"\xff\xd8"

    again = index(library, captioner)
    assert (again.num_captioned, again.num_broken, again.num_unchanged) == (0, 0, 7)
    scene("red", "left").save(photos / "broken.png")
    assert index(library, captioner).num_captioned == 1
    assert not library.photos("broken")
    assert [{p.name for p in group} for group in library.duplicates()] == [
        {"broken.png", "trip/red-left.png"}
    ]


def test_moved_and_exchanged_photos_keep_what_is_known_of_them(library, captioner, photos) -> None:
    index(library, captioner)
    red, blue = (at(library, f"trip/{name}-left.png") for name in ("red", "blue"))
    green = at(library, "trip/green-left.png")
    for photo in (red, blue, green):
        library.edit(photo.photo_id, f"the one called {photo.path.stem}")
    red.path.rename(photos / "x")
    blue.path.rename(red.path)
    (photos / "x").rename(blue.path)
    (photos / "elsewhere").mkdir()
    green.path.rename(photos / "elsewhere" / "renamed.png")
    tally = index(library, captioner)
    assert (tally.num_captioned, tally.num_moved, tally.num_gone) == (0, 3, 0)
    assert at(library, "trip/red-left.png").edited == "the one called blue-left"
    assert at(library, "trip/blue-left.png").edited == "the one called red-left"
    assert at(library, "elsewhere/renamed.png").photo_id == green.photo_id
    assert len(library.photos()) == 7


def test_a_photo_that_is_gone_is_not_found_and_comes_back_as_it_was(
    library, captioner, photos, tmp_path
) -> None:
    index(library, captioner)
    red = library.edit(at(library, "trip/red-left.png").photo_id, "a quay in the evening")
    red.path.rename(tmp_path / "away.png")
    assert index(library, captioner).num_gone == 1
    assert not library.search("quay")
    assert [photo.edited for photo in library.photos("missing")] == ["a quay in the evening"]
    with pytest.raises(DataError, match="1 captions there were written by people"):
        library.forget_missing()
    (tmp_path / "away.png").rename(photos / "back.png")
    assert index(library, captioner).num_captioned == 0
    assert [photo.name for photo in library.search("quay")] == ["back.png"]

    photos.rename(tmp_path / "unplugged")
    assert index(library, captioner).unavailable == (photos.resolve(),)
    assert library.status().num_edited == 1


def test_what_a_person_wrote_survives_another_model(library, captioner, vocabulary) -> None:
    index(library, captioner)
    photo = library.edit(at(library, "trip/red-left.png").photo_id, " two puppies\n\x00 asleep ")
    assert (photo.caption, photo.generated is not None) == ("two puppies asleep", True)
    assert photo.tags == ("dog",)
    torch.manual_seed(1)
    other = Captioner(caption_model(vocabulary))
    assert index(library, other).num_captioned == 0
    assert index(library, other, again=True).num_captioned == 6
    after = library.photo(photo.photo_id)
    assert after.model == other.model.fingerprint() != photo.model
    assert after.edited == "two puppies asleep"
    assert [p.photo_id for p in library.search("dog")] == [photo.photo_id]
    assert library.undo_edit(photo.photo_id).caption == after.generated
    assert not library.search("dog")


def test_nothing_outside_the_folder_is_read(library, captioner, photos, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    scene("red", "left").save(secret / "a.png")
    (photos / "link.png").symlink_to(secret / "a.png")
    (photos / "linked").symlink_to(secret)
    index(library, captioner)
    assert {p.path.name for p in library.photos()}.isdisjoint({"link.png", "a.png"})
    red = at(library, "trip/red-left.png")
    shutil.rmtree(photos / "trip")
    (photos / "trip").symlink_to(secret)
    scene("red", "left").save(secret / "red-left.png")
    with pytest.raises(DataError, match="link out of it"):
        library.original(red.photo_id)


def test_a_run_can_be_stopped_and_goes_on(library, captioner) -> None:
    asked = iter([False] * 5)
    stopped = index(library, captioner, batch_images=2, stop=lambda: next(asked, True))
    done = stopped.num_captioned + stopped.num_broken
    assert 0 < done < 7
    assert stopped.num_left == 7 - done
    rest = index(library, captioner)
    assert rest.num_captioned + rest.num_broken == 7 - done


def test_a_folder_that_vanishes_while_it_is_read_breaks_no_photo(
    library, captioner, photos, tmp_path
) -> None:
    def vanish(progress) -> None:
        if progress.done == 0:
            photos.rename(tmp_path / "unplugged")

    with pytest.raises(DataError, match="vanished while it was read"):
        index(library, captioner, progress=vanish)
    assert not library.photos()


def test_only_one_looks_at_a_time_and_others_may_edit(library, captioner, tmp_path) -> None:
    index(library, captioner)
    with library.alone(), Library(tmp_path / "library.db") as other:
        with pytest.raises(DataError, match="another process is adding photos"):
            index(other, captioner)
        other.edit(at(other, "trip/red-left.png").photo_id, "a quay")
    assert [p.name for p in library.search("quay")] == ["trip/red-left.png"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("kill_at", [40, 300, 600])
def test_a_run_killed_anywhere_loses_no_row_and_no_edit(
    captioner, photos, tmp_path, kill_at
) -> None:
    path = tmp_path / "library.db"

    def work() -> None:
        torch.set_num_threads(1)  # the parent's other threads are not here to help
        sys.settrace(killed_at(kill_at, ("caption/library/",)))
        with Library(path) as library:
            library.add_folder(photos)
            index(library, captioner, batch_images=2)

    assert in_child(work) == signal.SIGKILL
    with Library(path) as library:
        library.add_folder(photos)
        partly = library.photos("captioned")
        for photo in partly:
            library.edit(photo.photo_id, f"{photo.name}, by a person")
    in_child(work)
    with Library(path) as library:
        index(library, captioner)
        rows = library.photos()
        assert len({p.name for p in rows}) == len(rows) == 7
        assert {p.name: p.edited for p in library.photos("edited")} == {
            p.name: f"{p.name}, by a person" for p in partly
        }
        assert library.count("") == len(library.search("")) == 6
        assert library.status().num_missing == 0
