"""Recognised words in what is left of an archive: lines, plans, keywords, pictures."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from tiny import draw_folder

from caption.archive.heat_maps import write_heat_maps
from caption.archive.inputs import find_images
from caption.archive.lines import describe_archive, read_rows
from caption.archive.sidecars import write_sidecars
from caption.errors import DataError, ModelError

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


@pytest.fixture
def photos(tmp_path):
    return find_images(str(draw_folder(tmp_path / "photos")))


def stop_after(count):
    def watch(described):
        for _ in range(count):
            yield next(described)
        raise InterruptedError

    return watch


def test_a_line_holds_what_was_recognised_if_the_model_reads_it(
    knowing, captioner, photos, tmp_path
) -> None:
    for name, writer in (("known.jsonl", knowing), ("plain.jsonl", captioner)):
        describe_archive(writer, photos, tmp_path / name, batch_images=3)
    described = list(knowing.describe_files(photos, batch_images=3))
    for row, file in zip(read_rows(tmp_path / "known.jsonl"), described, strict=True):
        if file.caption is None:
            assert "concepts" not in row
        else:
            rounded = {word: round(p, 3) for word, p in file.caption.concepts}
            assert row["concepts"] == rounded
    text = (tmp_path / "plain.jsonl").read_text()
    expected = [
        {"file": str(file.source), "error": file.error}
        if file.caption is None
        else {
            "file": str(file.source),
            "caption": file.caption.text,
            "mean_log_prob": round(sum(file.caption.log_probs) / len(file.caption.log_probs), 3),
        }
        for file in captioner.describe_files(photos, batch_images=3)
    ]
    assert text == "".join(f"{json.dumps(row)}\n" for row in expected)


def test_corrections_are_part_of_an_unfinished_run(knowing, photos, tmp_path) -> None:
    told = {"red": 1.0, "left": 0.0}
    describe_archive(knowing, photos, tmp_path / "whole.jsonl", batch_images=3, concepts=told)
    output = tmp_path / "out.jsonl"
    with pytest.raises(InterruptedError):
        describe_archive(
            knowing, photos, output, batch_images=3, concepts=told, watch=stop_after(4)
        )
    for other in (None, {"red": 1.0}, {"red": 0.9, "left": 0.0}):
        with pytest.raises(DataError, match="an unfinished run with another concepts; go on"):
            describe_archive(knowing, photos, output, batch_images=3, concepts=other)
    again = dict(reversed(told.items()))
    describe_archive(knowing, photos, output, batch_images=3, concepts=again)
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    for row in read_rows(output):
        if "caption" in row:
            assert "red" in row["caption"].split()
            assert "left" not in row["caption"].split()


def test_a_run_that_was_begun_before_there_were_concepts_goes_on(
    captioner, photos, tmp_path
) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(InterruptedError):
        describe_archive(captioner, photos, output, batch_images=3, watch=stop_after(4))
    path = tmp_path / "out.jsonl.parts" / "plan.json"
    plan = json.loads(path.read_text())
    del plan["concepts"]
    path.write_text(json.dumps(plan))
    describe_archive(captioner, photos, output, batch_images=3, concepts={})


def test_what_is_refused_leaves_nothing_behind(knowing, captioner, photos, tmp_path) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(ModelError, match="'rde' is not a word"):
        describe_archive(knowing, photos, output, batch_images=3, concepts={"rde": 1.0})
    with pytest.raises(ModelError, match="recognises no concepts"):
        describe_archive(captioner, photos, output, batch_images=3, concepts={"red": 1.0})
    assert not (tmp_path / "out.jsonl.parts").exists()
    describe_archive(knowing, photos, output, batch_images=3, concepts={"red": 1.0})


def subjects(sidecar) -> list[str]:
    packet = re.sub(r"<\?xpacket.*?\?>", "", sidecar.read_text("utf-8"))
    bags = ElementTree.fromstring(packet).iter(f"{RDF}Bag")  # noqa: S314
    return [item.text for bag in bags for item in bag.iter(f"{RDF}li")]


def test_sidecars_hold_as_keywords_what_is_likely(knowing, photos) -> None:
    found = []
    for file in write_sidecars(knowing.describe_files(photos)):
        if file.caption is not None:
            words = [word for word, p in file.caption.concepts if p >= 0.5]
            assert subjects(file.source.with_name(f"{file.source.name}.xmp")) == words
            found += words
    assert found


def test_keywords_are_escaped_and_none_make_no_bag(captioner, photos) -> None:
    first, second = [photo for photo in photos if photo.stem != "broken"][:2]
    described = list(captioner.describe_files([first, second]))
    words = (("r&b <x>", 0.5), ("unsure", 0.49))
    likely = replace(described[0], caption=replace(described[0].caption, concepts=words))
    list(write_sidecars(iter([likely, described[1]])))
    assert subjects(first.with_name(f"{first.name}.xmp")) == ["r&b <x>"]
    assert "subject" not in second.with_name(f"{second.name}.xmp").read_text("utf-8")


def test_pictures_of_where_it_looked_say_what_it_went_by(captioner, photos, tmp_path) -> None:
    (bare,) = captioner.describe_files(photos[1:2])
    shares = np.full((len(bare.caption.words), 1), 0.6, np.float32)
    known = replace(bare.caption, concepts=(("red", 0.9),), concept_trace=shares)
    heights = []
    for name, caption in (("bare", bare.caption), ("known", known)):
        list(write_heat_maps([replace(bare, caption=caption)], tmp_path / name))
        with Image.open(tmp_path / name / f"{bare.source.stem}.jpg") as sheet:
            heights.append(sheet.height)
    assert heights[1] > heights[0]
