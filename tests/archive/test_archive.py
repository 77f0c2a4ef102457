"""An archive is captioned once, whole and alike, whatever stops the machines that do it."""

import io
import json
import os
import re
import tarfile
from html.parser import HTMLParser
from xml.etree import ElementTree

import hostile
import pytest
from tiny import COLOURS, SIDES, scene

from caption.archive.alt_texts import write_alt_texts
from caption.archive.inputs import find_images
from caption.archive.lines import describe_archive, read_rows
from caption.archive.shards import Shard
from caption.archive.sidecars import write_sidecars
from caption.errors import DataError
from caption.files.tar import tar_members


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for colour in COLOURS:
        for side in SIDES:
            for width in (60, 90):
                scene(colour, side).resize((width, 50)).save(folder / f"{colour}{side}{width}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return find_images(str(folder))


def describe(captioner, files, output, **options):
    return describe_archive(captioner, files, output, batch_images=3, **options)


def test_there_is_a_row_for_every_file_in_order(captioner, photos, tmp_path) -> None:
    tally = describe(captioner, photos, tmp_path / "out.jsonl")
    rows = list(read_rows(tmp_path / "out.jsonl"))
    assert [row["file"] for row in rows] == list(map(str, photos))
    assert [row["file"] for row in rows if "error" in row] == [str(tmp_path / "photos/broken.png")]
    assert (tally.num_files, tally.num_errors) == (13, 1)
    assert all("caption" in row for row in rows if "error" not in row)
    assert not (tmp_path / "out.jsonl.parts").exists()


class KilledError(Exception):
    pass


@pytest.mark.parametrize("moment", [0, 4, 11])
def test_a_run_that_was_killed_goes_on_and_nothing_is_done_twice(
    captioner, photos, tmp_path, moment
) -> None:
    describe(captioner, photos, tmp_path / "whole.jsonl")
    seen = []

    def fall_over(described):
        for number, file in enumerate(described):
            if number == moment:
                raise KilledError
            seen.append(file.source)
            yield file

    output = tmp_path / "out.jsonl"
    with pytest.raises(KilledError):
        describe(captioner, photos, output, watch=fall_over)
    assert not output.exists()
    done = len(list((tmp_path / "out.jsonl.parts").glob("0*.jsonl")))
    assert done == moment // 3

    def watch(described):
        for file in described:
            seen.append(file.source)
            yield file

    del seen[3 * done :]  # what was not written was lost
    describe(captioner, photos, output, watch=watch)
    assert seen == photos
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    describe(captioner, photos, output, watch=watch)  # it is there: nothing to do
    assert seen == photos


@pytest.mark.parametrize("count", [2, 7])
def test_the_shards_one_after_the_other_are_a_single_run(
    captioner, photos, tmp_path, count
) -> None:
    output = tmp_path / "out.jsonl"
    describe(captioner, photos, output)
    together = b""
    for index in range(count):
        shard = Shard(index, count)
        describe(captioner, shard.of(photos, 3), shard.named(output))
        together += (tmp_path / f"out-{index}-of-{count}.jsonl").read_bytes()
    assert together == output.read_bytes()


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("0/4", {}, Shard(0, 4)),
        ("auto", {"RANK": "3", "WORLD_SIZE": "8"}, Shard(3, 8)),
        (
            "auto",
            {
                "SLURM_ARRAY_TASK_ID": "5",
                "SLURM_ARRAY_TASK_MIN": "1",
                "SLURM_ARRAY_TASK_COUNT": "9",
            },
            Shard(4, 9),
        ),
    ],
)
def test_a_shard_is_named_or_found_in_the_environment(text, environment, expected) -> None:
    assert Shard.parse(text, environment) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4/4", "count from 0"),
        ("1", "expected i/n such as 0/4"),
        ("-1/4", "expected i/n"),
        ("a/b", "expected i/n"),
        ("0/0", "count from 0"),
        ("auto", "neither torchrun's RANK nor SLURM_ARRAY_TASK_ID"),
    ],
)
def test_what_is_no_shard_is_refused(text, message) -> None:
    with pytest.raises(DataError, match=message):
        Shard.parse(text, {})


def test_an_unfinished_run_is_not_mixed_with_another(captioner, photos, tmp_path) -> None:
    def stop(described):
        yield next(described)
        raise KilledError

    output = tmp_path / "out.jsonl"
    with pytest.raises(KilledError):
        describe(captioner, photos, output, watch=stop)
    with pytest.raises(DataError, match="an unfinished run with another files; go on"):
        describe(captioner, photos[1:], output)
    with pytest.raises(DataError, match="another batch_images"):
        describe_archive(captioner, photos, output, batch_images=4)
    describe(captioner, photos, output)
    with pytest.raises(DataError, match="captions of 13 files, and not of the 12"):
        describe(captioner, photos[1:], output)
    output.write_text("something else\n")
    with pytest.raises(DataError, match="line 1: not a line of an earlier run"):
        describe(captioner, photos, output)


def test_names_that_are_no_unicode_come_back(captioner, tmp_path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9 \n.png"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(hostile.PNG)
    (photo,) = find_images(str(tmp_path))
    describe(captioner, [photo], tmp_path / "out.jsonl")
    (row,) = read_rows(tmp_path / "out.jsonl")
    assert os.fsencode(row["file"]) == path
    write_alt_texts(tmp_path / "alt.html", [row])
    assert "caf%E9%20%0A.png" in (tmp_path / "alt.html").read_text("utf-8")


def shard_of_photos(path, count: int):
    with tarfile.open(path, "w") as tar:
        for number in range(count):
            data = io.BytesIO()
            scene("red", "left").save(data, "PNG")
            member = tarfile.TarInfo(f"{number}.png")
            member.size = len(data.getvalue())
            tar.addfile(member, io.BytesIO(data.getvalue()))
    return path


def test_pictures_in_shards_are_captioned_where_they_lie(captioner, tmp_path) -> None:
    shard = shard_of_photos(tmp_path / "a.tar", 4)
    assert find_images(str(tmp_path)) == find_images(str(shard)) == list(tar_members(shard))
    describe(captioner, find_images(str(shard)), tmp_path / "out.jsonl")
    rows = list(read_rows(tmp_path / "out.jsonl"))
    assert [row["file"] for row in rows] == [f"{shard}/{n}.png" for n in range(4)]
    assert len({row["caption"] for row in rows}) == 1
    with pytest.raises(DataError, match="no file that a page can show; unpack"):
        write_alt_texts(tmp_path / "alt.html", rows)
    with pytest.raises(DataError, match="nothing can be put beside it; unpack"):
        list(write_sidecars(captioner.describe_files(find_images(str(shard)))))


def test_sidecars_hold_the_description_and_none_is_overwritten(captioner, photos) -> None:
    first, second, third = photos[:3]
    first.with_name(f"{first.name}.xmp").write_text("mine")
    second.with_suffix(".xmp").write_text("mine")
    before = {path: path.read_bytes() for path in photos}
    described = list(write_sidecars(captioner.describe_files(photos)))
    assert {path: path.read_bytes() for path in photos} == before
    assert first.with_name(f"{first.name}.xmp").read_text() == "mine"
    assert not second.with_name(f"{second.name}.xmp").exists()
    text = third.with_name(f"{third.name}.xmp").read_text("utf-8")
    packet = re.sub(r"<\?xpacket.*?\?>", "", text)
    (item,) = ElementTree.fromstring(packet).iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li")  # noqa: S314
    caption = next(file.caption for file in described if file.source == third)
    assert item.text == caption.text
    assert not photos[0].with_name("broken.png.xmp").exists()


class Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag, attrs) -> None:
        if tag == "img":
            self.found.append(dict(attrs))


def test_alternative_texts_are_escaped_and_linked_from_the_page(tmp_path) -> None:
    (tmp_path / "photos").mkdir()
    photo = tmp_path / "photos" / 'a "b" <c>.png'
    photo.write_bytes(hostile.PNG)
    page = tmp_path / "site" / "alt.html"
    rows = [{"file": str(photo), "caption": 'a <b> & "c"'}, {"file": "x.png", "error": "bad"}]
    write_alt_texts(page, rows)
    parser = Images()
    parser.feed(page.read_text("utf-8"))
    assert parser.found == [
        {
            "src": "../photos/a%20%22b%22%20%3Cc%3E.png",
            "alt": 'a <b> & "c"',
            "loading": "lazy",
        }
    ]


def test_a_row_is_one_line_of_ascii(captioner, photos, tmp_path) -> None:
    describe(captioner, photos, tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl").read_bytes()
    assert text.isascii()
    assert [json.loads(line)["file"] for line in text.splitlines()] == list(map(str, photos))
