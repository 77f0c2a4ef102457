import errno
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from caption.errors import FeatureStoreError
from caption.vision.features import ImageFeatures
from caption.vision.store import FeatureStore, StorePlan, write_store

PLAN = StorePlan(
    image_ids=("a", 2, "c", 4, 5), grid_size=(2, 3), feature_dim=4, encoder_id="0123456789abcdef"
)


def grid(image_id) -> torch.Tensor:
    generator = torch.Generator().manual_seed(PLAN.image_ids.index(image_id))
    return torch.rand(6, 4, generator=generator)


def encode(image_ids):
    for start in range(0, len(image_ids), 2):
        yield torch.stack([grid(i) for i in image_ids[start : start + 2]])


def test_what_is_stored_comes_back_in_half_precision(tmp_path) -> None:
    store = write_store(tmp_path / "s", PLAN, encode)
    assert len(store) == 5
    assert 2 in store
    assert "2" not in store
    for image_id in PLAN.image_ids:
        torch.testing.assert_close(store.grid(image_id), grid(image_id).half().float())
    features = store.features(["c", "a"])
    assert isinstance(features, ImageFeatures)
    assert features.grid.shape == (2, 6, 4)
    assert features.encoder_id == PLAN.encoder_id
    assert len(features[:1]) == 1


def test_the_size_is_known_before_the_first_image(tmp_path) -> None:
    write_store(tmp_path / "s", PLAN, encode)
    header = 128  # of the npy format
    assert (tmp_path / "s" / "grid.npy").stat().st_size == PLAN.num_bytes + header


def test_of_several_that_want_a_store_one_writes_it_and_the_others_wait(tmp_path) -> None:
    writers = []

    def slowly(image_ids):
        writers.append(image_ids)
        time.sleep(0.2)
        yield from encode(image_ids)

    with ThreadPoolExecutor(3) as pool:
        stores = pool.map(lambda _: write_store(tmp_path / "s", PLAN, slowly), range(3))
        assert [len(store) for store in stores] == [5, 5, 5]
    assert len(writers) == 1


def test_a_broken_run_goes_on_after_the_last_whole_batch(tmp_path) -> None:
    asked: list[object] = []

    def broken(image_ids):
        for number, batch in enumerate(encode(image_ids)):
            if number == 1:
                raise KeyboardInterrupt
            yield batch

    def rest(image_ids):
        asked.extend(image_ids)
        return encode(image_ids)

    with pytest.raises(KeyboardInterrupt):
        write_store(tmp_path, PLAN, broken)
    with pytest.raises(FeatureStoreError, match="an unfinished feature store"):
        FeatureStore.open(tmp_path)
    store = write_store(tmp_path, PLAN, rest)
    assert asked == ["c", 4, 5]
    for image_id in PLAN.image_ids:
        torch.testing.assert_close(store.grid(image_id), grid(image_id).half().float())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grid.npy", "index.json"]


def test_a_name_is_given_after_the_bytes_are_on_the_disk_and_the_index_last(
    tmp_path, monkeypatch
) -> None:
    safe: dict[int, bytes] = {}
    named: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(file) -> None:
        fsync(file)
        safe[os.fstat(file).st_ino] = os.pread(file, 2**20, 0)

    def watched_replace(path, target):
        assert safe[path.stat().st_ino] == path.read_bytes()
        named.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    write_store(tmp_path, PLAN, encode)
    assert named == [*["index.partial.json"] * 2, "grid.npy", "index.json"]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no way to reserve room here")
def test_the_room_on_the_disk_is_taken_before_the_first_image(tmp_path) -> None:
    large = StorePlan(
        image_ids=tuple(range(200)), grid_size=(7, 7), feature_dim=128, encoder_id="x"
    )
    taken: list[int] = []

    def interrupted(image_ids):
        taken.append((tmp_path / "grid.partial.npy").stat().st_blocks * 512)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_store(tmp_path, large, interrupted)
    assert taken[0] >= large.num_bytes


@pytest.mark.parametrize(("number", "refused"), [(errno.EDQUOT, True), (errno.EOPNOTSUPP, False)])
def test_a_quota_refuses_the_room_and_a_simple_file_system_does_not(
    tmp_path, monkeypatch, number, refused
) -> None:
    def reserve(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", reserve, raising=False)
    if refused:
        with pytest.raises(FeatureStoreError, match="does not give its 0.00 GB .*another disk"):
            write_store(tmp_path, PLAN, encode)
        assert list(tmp_path.iterdir()) == []
    else:
        assert len(write_store(tmp_path, PLAN, encode)) == 5


def test_names_of_images_may_be_no_unicode(tmp_path) -> None:
    odd = StorePlan(image_ids=("\udcff.jpg",), grid_size=(2, 3), feature_dim=4, encoder_id="x")
    write_store(tmp_path, odd, lambda _: [torch.zeros(1, 6, 4)])
    assert FeatureStore.open(tmp_path).plan == odd


@pytest.mark.parametrize(("value", "told"), [(1e6, "1e+06"), (float("nan"), "nan")])
def test_features_that_half_precision_cannot_hold_are_refused(tmp_path, value, told) -> None:
    with pytest.raises(FeatureStoreError, match=re.escape(f"features of up to {told}, and half")):
        write_store(tmp_path, PLAN, lambda _: [torch.full((5, 6, 4), value)])
    assert not (tmp_path / "index.json").exists()


def test_a_complete_store_is_not_written_again(tmp_path) -> None:
    write_store(tmp_path, PLAN, encode)

    def never(image_ids):
        raise AssertionError

    assert len(write_store(tmp_path, PLAN, never)) == 5


def test_features_of_another_encoder_are_refused_by_name(tmp_path) -> None:
    write_store(tmp_path, PLAN, encode)
    with pytest.raises(FeatureStoreError, match="of encoder 0123456789abcdef, expected feedfeed"):
        FeatureStore.open(tmp_path, encoder_id="feedfeed")


def test_a_store_of_more_images_is_taken_as_it_is(tmp_path) -> None:
    write_store(tmp_path, PLAN, encode)
    store = write_store(tmp_path, replace(PLAN, image_ids=PLAN.image_ids[3:0:-2]), encode)
    assert store.plan == PLAN


def test_a_store_of_other_images_is_not_overwritten(tmp_path) -> None:
    write_store(tmp_path, PLAN, encode)
    other = StorePlan(image_ids=(7,), grid_size=(2, 3), feature_dim=4, encoder_id=PLAN.encoder_id)
    with pytest.raises(FeatureStoreError, match="the features of 5 other images"):
        write_store(tmp_path, other, encode)


def test_a_half_store_of_another_encoder_is_begun_anew(tmp_path) -> None:
    def broken(image_ids):
        yield torch.full((2, 6, 4), 9.0)
        raise KeyboardInterrupt

    other = StorePlan(
        image_ids=PLAN.image_ids, grid_size=(2, 3), feature_dim=4, encoder_id="another"
    )
    with pytest.raises(KeyboardInterrupt):
        write_store(tmp_path, other, broken)
    store = write_store(tmp_path, PLAN, encode)
    torch.testing.assert_close(store.grid("a"), grid("a").half().float())


def test_an_unknown_image_is_named(tmp_path) -> None:
    with pytest.raises(FeatureStoreError, match="no features of image 'z' in this store of 5"):
        write_store(tmp_path, PLAN, encode).grid("z")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: (d / "index.json").unlink(), "no feature store"),
        (lambda d: (d / "index.json").write_text("{"), "not the index"),
        (lambda d: (d / "index.json").write_text("[]"), "not the index"),
        (lambda d: (d / "grid.npy").unlink(), "cannot be read"),
        (lambda d: (d / "grid.npy").write_bytes(b"\x93NUMPY"), "cannot be read"),
    ],
)
def test_a_damaged_store_is_one_sentence(tmp_path, damage, message) -> None:
    write_store(tmp_path, PLAN, encode)
    damage(tmp_path)
    with pytest.raises(FeatureStoreError, match=message):
        FeatureStore.open(tmp_path)


def test_a_store_of_another_format_or_shape_is_refused(tmp_path) -> None:
    write_store(tmp_path, PLAN, encode)
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**index, "format": 99}))
    with pytest.raises(FeatureStoreError, match="format 99, expected 1"):
        FeatureStore.open(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps({**index, "feature_dim": 5}))
    with pytest.raises(FeatureStoreError, match=r"expected float16 of shape \(5, 6, 5\)"):
        FeatureStore.open(tmp_path)


def test_a_disk_that_is_too_small_is_said_before_the_start(tmp_path) -> None:
    huge = StorePlan(
        image_ids=tuple(range(1000)), grid_size=(1000, 1000), feature_dim=4000, encoder_id="x"
    )
    with pytest.raises(FeatureStoreError, match=r"need 8000\.00 GB"):
        write_store(tmp_path, huge, encode)
    assert list(tmp_path.iterdir()) == []
