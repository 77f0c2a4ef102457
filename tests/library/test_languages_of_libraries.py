"""A library stays in the language of its captions until another is asked for."""

import pytest
from console import run_here
from tiny import scene
from writers import write_captioner

from caption import Captioner
from caption.errors import ModelError
from caption.library.indexing import index
from caption.library.languages import in_others, writer_for
from caption.text.language import ENGLISH, Language


@pytest.fixture
def home(knowing, tmp_path):
    """The directory of a captioner of three languages."""
    return write_captioner(tmp_path / "model", knowing.model, "de", "zh")


def test_what_is_new_is_captioned_in_the_language_that_is_there(library, home, photos) -> None:
    captioner = Captioner.from_pretrained(home, device="cpu")
    assert writer_for(library, captioner) is captioner
    chinese = writer_for(library, captioner, "zh")
    index(library, chinese)
    assert library.languages() == {"zh": 6}
    assert in_others(library, Language("zh")) == ""
    assert writer_for(library, captioner) is chinese
    for number in range(7):
        scene("red", "left").resize((40 + number, 40)).save(photos / f"{number}.png")
    index(library, captioner)
    assert library.languages() == {"en": 7, "zh": 6}
    assert in_others(library, ENGLISH) == "6 in Chinese"
    assert writer_for(library, chinese) is captioner
    with pytest.raises(ModelError, match="has not learnt to write 'fr'; it writes en"):
        writer_for(library, captioner, "fr")


def test_captions_without_spaces_are_found_and_edits_survive_another_language(
    library, home
) -> None:
    chinese = Captioner.from_pretrained(home, language="zh", device="cpu")
    index(library, chinese)
    photo = library.photos("captioned")[0]
    middle = photo.generated[1:3]
    for text in (middle, f'"{middle}"', f"{middle[0]}*"):
        found = library.search(text, limit=100)
        assert photo.photo_id in {one.photo_id for one in found}
        assert all(middle[0] in one.generated for one in found)
    assert photo.photo_id in {one.photo_id for one in library.search(middle, as_typed=True)}
    library.edit(photo.photo_id, "a quay")
    assert index(library, chinese.in_language("de"), again=True).num_captioned == 6
    assert library.languages() == {"de": 6}
    assert [one.caption for one in library.search("quay")] == ["a quay"]


def test_people_name_the_language_and_are_told_of_captions_in_others(
    home, photos, tmp_path
) -> None:
    given = ("--library", tmp_path / "l.db", "--model", home)
    added = run_here("library", "add", photos / "trip", *given, "--language", "de")
    assert added.returncode == 0, added.stderr
    assert "in German now" not in added.stdout
    scene("red", "left").resize((40, 40)).save(photos / "trip" / "new.png")
    assert "in German now" not in run_here("library", "update", *given).stdout
    other = run_here("library", "update", *given, "--language", "zh")
    assert "written in Chinese now, and there are 7 in German; `glimpse library" in other.stdout
    anew = run_here("library", "update", *given, "--language", "zh", "--again")
    assert "7 captioned" in anew.stdout
    assert "in Chinese now" not in anew.stdout
