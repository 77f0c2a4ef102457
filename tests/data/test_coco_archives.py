"""From archives of COCO's structure to a folder that training reads."""

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from console import run_here
from serving import Server, remote, serving
from tiny import COLOURS, SIDES, captions_of, scene

from caption.data.check import read_sound
from caption.data.coco_archives.prepare import is_prepared, prepare
from caption.data.coco_archives.release import RELEASES, PhotoArchive, Release
from caption.data.coco_archives.survey import Disk, Sources, disks, survey
from caption.data.divide import validated
from caption.errors import DataError

SCENES = [(colour, side) for colour in COLOURS for side in SIDES]
FOLDERS = {"train2014": range(4), "val2014": range(4, 6)}


def name_of(number: int) -> str:
    folder = "train2014" if number < 4 else "val2014"
    return f"COCO_{folder}_{number:012d}.jpg"


def jpeg(number: int) -> bytes:
    data = io.BytesIO()
    scene(*SCENES[number]).save(data, "JPEG")
    return data.getvalue()


def write_archives(folder: Path) -> None:
    folder.mkdir()
    with ZipFile(folder / "annotations_trainval2014.zip", "w") as annotations:
        annotations.writestr("annotations/instances_train2014.json", "{}")
        for part, numbers in FOLDERS.items():
            with ZipFile(folder / f"{part}.zip", "w") as photos:
                photos.mkdir(part)
                for number in numbers:
                    photos.writestr(f"{part}/{name_of(number)}", jpeg(number))
            said = [(n, text) for n in numbers for text in captions_of(*SCENES[n])]
            captions = {
                "info": {},
                "images": [{"id": n, "file_name": name_of(n)} for n in numbers],
                "annotations": [
                    {"id": 10 * n + i, "image_id": n, "caption": text}
                    for i, (n, text) in enumerate(said)
                ],
            }
            annotations.writestr(f"annotations/captions_{part}.json", json.dumps(captions))


def karpathy() -> dict[str, object]:
    parts = ["train", "train", "restval", "val", "val", "test"]
    return {
        "dataset": "coco",
        "images": [
            {
                "filepath": "train2014" if n < 4 else "val2014",
                "filename": name_of(n),
                "split": part,
                "cocoid": n,
                "sentences": [{"raw": f"Karpathy: {t}"} for t in captions_of(*SCENES[n])],
            }
            for n, part in enumerate(parts)
        ],
    }


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    write_archives(tmp_path / "web")
    with serving(tmp_path / "web") as server:
        yield server


@pytest.fixture
def release(server) -> Release:
    """The tiny archives with their sizes and checksums."""
    return Release(
        year=2014,
        photos=tuple(
            PhotoArchive(
                file=remote(server.folder / f"{part}.zip", server.url),
                split="train" if part == "train2014" else "validation",
                num_photos=len(numbers),
            )
            for part, numbers in FOLDERS.items()
        ),
        captions=remote(server.folder / "annotations_trainval2014.zip", server.url),
    )


@pytest.fixture
def sources(server, release, tmp_path) -> Sources:
    """Archives that are all there."""
    return Sources(release=release, archives=server.folder, output=tmp_path / "coco")


def files_of(folder: Path) -> dict[str, int]:
    """Return when each file was last written."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_official_splits_become_what_training_reads(sources) -> None:
    prepare(survey(sources))
    train, validation = validated(read_sound(sources.output).images, seed=0)
    assert [image.image_id for image in train] == [0, 1, 2, 3]
    assert [image.image_id for image in validation] == [4, 5]
    assert train[0].captions == tuple(captions_of(*SCENES[0]))
    assert train[0].source == sources.output / "train2014" / name_of(0)
    assert train[0].source.read_bytes() == jpeg(0)


def test_of_karpathys_splits_restval_is_learnt_from(sources, write) -> None:
    sources = replace(sources, karpathy=write("dataset_coco.json", karpathy()))
    sources.path_of(sources.release.captions).unlink()  # his file has them
    prepare(survey(sources))
    data = read_sound(sources.output)
    splits = {split: [i.image_id for i in data.of(split)] for split in ("train", "validation")}
    assert splits == {"train": [0, 1, 2], "validation": [3, 4]}
    (test,) = data.of("test")
    assert test.captions == tuple(f"Karpathy: {text}" for text in captions_of(*SCENES[5]))
    readme = (sources.output / "README.md").read_text()
    assert "6 (test 1, train 3, validation 2) photos" in readme
    assert "by Karpathy's splits" in readme


def test_what_is_prepared_is_known_without_the_archives(sources, write) -> None:
    prepare(survey(sources))
    photos = {n: time for n, time in files_of(sources.output).items() if n.endswith(".jpg")}
    other = replace(sources, karpathy=write("dataset_coco.json", karpathy()))
    assert not is_prepared(other)
    prepare(survey(other))  # other splits need no other photos
    assert photos.items() <= files_of(sources.output).items()
    shutil.rmtree(sources.archives)
    assert is_prepared(other)
    assert not is_prepared(sources)


def test_a_broken_run_goes_on_with_the_photos_that_lack(sources) -> None:
    prepare(survey(sources))
    lost, short = (sources.output / "train2014" / name_of(n) for n in (1, 2))
    lost.unlink()
    assert not is_prepared(sources)
    short.write_bytes(short.read_bytes()[:100])
    (members,) = [m for m in survey(sources).to_extract.values() if m]
    assert [member.filename for member in members] == [f"train2014/{name_of(n)}" for n in (1, 2)]
    prepare(survey(sources))
    assert (lost.read_bytes(), short.read_bytes()) == (jpeg(1), jpeg(2))
    assert is_prepared(sources)


def test_absent_archives_are_fetched_on_request_and_gone_on_with(server, sources, tmp_path) -> None:
    sources = replace(sources, archives=tmp_path / "zips")
    found = survey(sources)
    assert found.num_photos == 6
    assert found.bytes_to_download == sum(file.num_bytes for file in sources.files)
    message = r"has no annotations_trainval2014.zip, train2014.zip, val2014.zip; .*download=True"
    with pytest.raises(DataError, match=message):
        prepare(found)
    assert not sources.archives.exists()
    server.cuts = [10**6, 1000, 0]  # the captions come, the first photos break off twice
    with pytest.raises(DataError, match="try again, which goes on"):
        prepare(found, download=True)
    found = survey(sources)
    assert found.rows is not None
    train, validation = (photos.file.num_bytes for photos in sources.release.photos)
    assert found.bytes_to_download == train - 1000 + validation
    prepare(found, download=True)
    assert server.asked[-2:] == ["train2014.zip 1000", "val2014.zip 0"]
    assert is_prepared(sources)


def test_photos_that_no_archive_has_are_refused_before_anything_is_written(sources, write) -> None:
    content = karpathy()
    content["images"][2]["filename"] = "x.jpg"
    path = write("dataset_coco.json", content)
    with pytest.raises(DataError, match=r"has no 'train2014/x.jpg' \(1 of 4 are missing\)"):
        survey(replace(sources, karpathy=path))
    content["images"][2]["filepath"] = "test2014"
    write("dataset_coco.json", content)
    message = "image 2: 'test2014/x.jpg' lies in no archive of COCO 2014 .*train2014 or val2014"
    with pytest.raises(DataError, match=message):
        survey(replace(sources, karpathy=path))
    assert not sources.output.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected an object with a list of 'images'"),
        ({"images": []}, "expected an object with a list of 'images'"),
        ({"images": [{"filename": "a.jpg"}]}, "image 0: expected an object with 'sentences'"),
        ("{", "is not JSON"),
    ],
)
def test_another_file_than_karpathys_is_refused(sources, write, content, message) -> None:
    with pytest.raises(DataError, match=message):
        survey(replace(sources, karpathy=write("other.json", content)))


def test_an_archive_of_another_size_or_checksum_is_refused(sources) -> None:
    path = sources.archives / "val2014.zip"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    with pytest.raises(DataError, match="val2014.zip: has sha256 .* expected"):
        prepare(survey(sources))
    path.write_bytes(whole[:-1])
    with pytest.raises(
        DataError, match=f"has {len(whole) - 1} bytes, expected {len(whole)}; .*partial"
    ):
        survey(sources)
    assert not sources.output.exists()


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(sources, tmp_path) -> None:
    train, validation = sources.release.photos
    huge = replace(train, file=replace(train.file, num_bytes=10**17, url="http://x/huge.zip"))
    release = replace(sources.release, photos=(huge, validation))
    sources = replace(sources, release=release, archives=tmp_path / "zips")
    (disk,) = disks(survey(sources))  # archives and photos share one
    assert disk.num_bytes > 2 * 10**17
    with pytest.raises(DataError, match=r"needs 2000000\d\d\.\d GB, .* are free; make room"):
        prepare(survey(sources), download=True)
    assert not sources.output.exists()
    assert not sources.archives.exists()


@pytest.mark.parametrize("name", ["captions.json", "README.md", "coco.json"])
def test_files_of_something_else_are_never_replaced(sources, name) -> None:
    sources.output.mkdir()
    (sources.output / name).write_text("[]")
    with pytest.raises(DataError, match=f"has a '{name}' of something else; choose another"):
        prepare(survey(sources))
    assert (sources.output / name).read_text() == "[]"
    assert len(list(sources.output.iterdir())) == 1


def test_a_run_that_broke_off_at_the_lists_is_not_taken_for_whole(sources, monkeypatch) -> None:
    prepare(survey(sources))
    with monkeypatch.context() as patch:
        patch.setattr("caption.data.coco_archives.prepare.write_text", raise_interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(survey(sources))
    assert not is_prepared(sources)
    prepare(survey(sources))
    assert is_prepared(sources)


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_disk_is_told_in_gigabytes() -> None:
    assert str(Disk(Path("x"), 1_500_000_000, 0)) == "x: needs 1.5 GB, 0.0 GB are free"


@pytest.mark.parametrize("year", RELEASES)
def test_both_releases_have_the_same_number_of_photos(year) -> None:
    assert sum(photos.num_photos for photos in RELEASES[year].photos) == 123_287
    files = (RELEASES[year].captions, *(photos.file for photos in RELEASES[year].photos))
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in files)
    assert {photos.folder for photos in RELEASES[year].photos} == {f"train{year}", f"val{year}"}


def test_the_command_says_what_it_needs_and_does_it_once(
    sources, tmp_path, write, monkeypatch
) -> None:
    monkeypatch.setitem(RELEASES, 2014, sources.release)
    split = write("dataset_coco.json", karpathy())
    words = ["prepare", "coco", "--archives", sources.archives, "--output", sources.output]
    words += ["--karpathy", split]
    dry = run_here(*words, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "COCO 2014: 6 photos" in dry.stdout
    assert "to download 0.0 GB: nothing" in dry.stdout
    assert not sources.output.exists()
    assert run_here(*words).returncode == 0
    before = files_of(sources.output)
    assert "nothing to do" in run_here(*words).stdout
    assert files_of(sources.output) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--karpathy", "x", "--year", "2017"], "karpathy divides the photos of 2014"),
        (["--karpathy", "nowhere.json"], "nowhere.json: no such file"),
        ([], "give --download to fetch them"),
    ],
)
def test_the_command_says_what_it_cannot_use(tmp_path, words, message) -> None:
    folders = ["--archives", tmp_path / "zips", "--output", tmp_path / "coco"]
    done = run_here("prepare", "coco", *folders, *words)
    assert done.returncode == 2
    assert message in done.stderr
