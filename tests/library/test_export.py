"""What a library says goes out in forms that others read, fine-tuning among them."""

import pytest

from caption.data.forms import read_captions
from caption.errors import DataError
from caption.library.export import export_captions, write_sidecars
from caption.library.indexing import index


@pytest.fixture
def edited(library, captioner, photos):
    index(library, captioner)
    for colour in ("red", "blue"):
        photo = library.find(photos / "trip" / f"{colour}-left.png")
        library.edit(photo.photo_id, f'a {colour} "dog", = & <b>')
    return library


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.json", "pictures"])
@pytest.mark.parametrize("only", [True, False])
def test_every_form_is_a_data_set_to_learn_from(edited, tmp_path, name, only) -> None:
    output = tmp_path / "exported" / name
    done = export_captions(edited, output, edited=only)
    manifest = None if done.folder == output else output
    data_set = read_captions(done.folder, manifest)
    expected = {p.path.name: (p.caption,) for p in edited.photos("edited" if only else "captioned")}
    assert done.num_captions == len(expected) == (2 if only else 6)
    assert {image.source.name: image.captions for image in data_set.images} == expected
    assert not data_set.problems
    assert edited.find(edited.photos()[1].path).caption


def test_names_that_are_no_unicode_are_left_out_and_counted(edited, captioner, photos, tmp_path):
    odd = photos / "\udce9.png"
    odd.write_bytes((photos / "trip" / "red-left.png").read_bytes())
    assert index(edited, captioner).num_captioned == 1
    assert edited.find(odd).name == "\udce9.png"
    for name in ("out.csv", "out.json", "pictures"):
        done = export_captions(edited, tmp_path / name)
        assert (done.num_captions, done.num_left_out) == (6, 1)


def test_what_cannot_be_exported_is_refused(library, edited, captioner, photos, tmp_path) -> None:
    with pytest.raises(DataError, match="ends in .jsonl, .csv, .json"):
        export_captions(edited, tmp_path / "out.xml")
    with pytest.raises(DataError, match="is there already"):
        export_captions(edited, photos)
    for photo in edited.photos("edited"):
        edited.undo_edit(photo.photo_id)
    with pytest.raises(DataError, match="no edited captions to export"):
        export_captions(edited, tmp_path / "out.jsonl", edited=True)


def test_only_sidecars_that_nobody_has_touched_are_written_anew(edited, photos) -> None:
    theirs = photos / "trip" / "red-right.xmp"
    theirs.write_text("of a photo manager")
    assert not list(photos.rglob("*.png.xmp"))  # nothing beside the photos unless asked
    left = write_sidecars(edited)
    assert (left.num_written, left.num_kept) == (5, 1)
    red = photos / "trip" / "red-left.png"
    sidecar = red.with_name("red-left.png.xmp")
    text = sidecar.read_text("utf-8")
    assert "= &amp; &lt;b&gt;" in text
    assert "<rdf:li>dog</rdf:li>" in text

    edited.edit(edited.find(red).photo_id, "another")
    (photos / "trip" / "blue-left.png.xmp").write_text("changed")
    left = write_sidecars(edited)
    assert (left.num_written, left.num_kept) == (4, 2)
    assert "another" in sidecar.read_text("utf-8")
    assert theirs.read_text() == "of a photo manager"
