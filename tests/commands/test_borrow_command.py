"""Sentences are lent to photos, as a person types it."""

import json

import pytest
from console import run_here
from languages import captions_in
from tiny import COLOURS, SIDES, scene
from tiny_models import concept_model

from caption.data.check import read_sound

SENTENCES = [f"a {colour} block, {side}" for colour in COLOURS for side in SIDES]


@pytest.fixture(scope="module")
def lender(vocabulary, tmp_path_factory):
    """The directory of a tiny model that recognises words."""
    directory = tmp_path_factory.mktemp("lender") / "model"
    concept_model(vocabulary).save_pretrained(directory, card="")
    return directory


@pytest.fixture
def borrow(lender, tmp_path):
    """Borrow for the photos of a folder."""
    photos = tmp_path / "photos" / "sub"
    photos.mkdir(parents=True)
    for colour in COLOURS:
        scene(colour, "left").save(photos / f"{colour}.png")
    (tmp_path / "sentences.txt").write_text("\n".join(SENTENCES))

    def borrow(**options):
        told = {
            "images": tmp_path / "photos",
            "sentences": tmp_path / "sentences.txt",
            "model": lender,
            "output": tmp_path / "lent.json",
        }
        words = [(f"--{name}", value) for name, value in (told | options).items()]
        return run_here("prepare", "borrowed", *(word for pair in words for word in pair))

    return borrow


def test_photos_are_captioned_with_what_others_wrote(borrow, tmp_path) -> None:
    done = borrow(least=0.01, count=2)
    assert done.returncode == 0, done.stderr
    data = read_sound(tmp_path / "photos", tmp_path / "lent.json")
    assert len(data.images) == 3
    for image in data.images:
        assert image.source.parent == tmp_path / "photos" / "sub"
        assert 1 <= len(image.captions) <= 2
        assert set(image.captions) <= set(SENTENCES)
    count = sum(len(image.captions) for image in data.images)
    assert done.stdout == f"{tmp_path / 'lent.json'}: {count} sentences for 3 of 3 photos\n"


def test_what_is_lent_may_be_in_another_language(borrow, tmp_path) -> None:
    german = dict(zip(SENTENCES, captions_in("de").values(), strict=True))
    (tmp_path / "de.txt").write_text("\n".join(german.values()))
    lent = {}
    for name, also in (("en", {}), ("de", {"translations": tmp_path / "de.txt"})):
        done = borrow(least=0.01, count=2, **also)
        assert done.returncode == 0, done.stderr
        images = read_sound(tmp_path / "photos", tmp_path / "lent.json").images
        lent[name] = [image.captions for image in images]
    assert lent["de"] == [tuple(german[text] for text in texts) for texts in lent["en"]]


def test_how_many_are_looked_at_together_changes_nothing(borrow, tmp_path) -> None:
    written = []
    for batch in (1, 64):
        assert borrow(**{"batch-images": batch, "least": 0.01}).returncode == 0
        written.append(json.loads((tmp_path / "lent.json").read_text()))
    assert written[0] == written[1]


def test_what_cannot_be_lent_or_borrowed_is_refused_in_one_line(borrow, tiny, tmp_path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "mute.txt").write_text("this is it\n")
    (tmp_path / "far.txt").write_text("an elephant\na giraffe\n")
    for options, message in (
        ({"images": tmp_path / "none"}, "none: no pictures to lend sentences to"),
        ({"images": tmp_path / "nowhere"}, "there is no folder 'nowhere'"),
        ({"sentences": tmp_path / "nothing.txt"}, "nothing.txt: cannot be read"),
        ({"translations": tmp_path / "far.txt"}, "far.txt: 2 sentences, and"),
        ({"sentences": tmp_path / "mute.txt"}, "none of 1 sentences names what can be seen"),
        ({"sentences": tmp_path / "far.txt"}, "no sentence fits any of the 3 photos; lower least"),
        ({"model": tiny}, f"{tiny}: recognises no words; give a captioner with concepts"),
        ({"model": tmp_path / "nowhere"}, "nowhere: no such directory"),
    ):
        done = borrow(**options)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "lent.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count and batch_images must be at least 1, got 0 and 64"),
        ({"least": 0}, "least must be above 0 and at most 1, got 0.0"),
        ({"least": "nan"}, "least must be above 0 and at most 1, got nan"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(borrow, options, message) -> None:
    done = borrow(**options)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
