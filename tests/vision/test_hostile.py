"""Whatever lies in a folder gives a caption or one plain line, and never more than that."""

import contextlib
import resource
import time

import hostile
import pytest

from caption.errors import ImageError
from caption.vision.image import load_image

SECONDS, KILOBYTES = 2.0, 2**20
"""What no picture may take."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return hostile.write_all(tmp_path_factory.mktemp("hostile") / "photos")


def test_there_are_at_least_forty_kinds() -> None:
    assert len(hostile.BAD) + len(hostile.SPECIAL) >= 40 <= len(hostile.ODD) + len(hostile.BAD)


def test_every_file_is_captioned_or_refused_in_one_line(captioner, files) -> None:
    described = list(captioner.describe_files(files))
    assert [row.source for row in described] == files
    for row in described:
        assert (row.caption is not None) == (row.source.name in hostile.ODD), row
        if row.error is not None:
            assert len(row.error.splitlines()) == 1, row.error
            assert 20 < len(row.error) < 250, row.error


def test_no_file_takes_long_or_much(files) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in files:
        begun = time.perf_counter()
        with contextlib.suppress(ImageError):
            load_image(path)
        assert time.perf_counter() - begun < SECONDS, path
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < KILOBYTES


def test_a_thousand_mutations_of_good_files_give_pictures_or_plain_errors() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = []
    for number, data in enumerate(hostile.mutations(1000, seed=0)):
        begun = time.perf_counter()
        try:
            outcomes.append(load_image(data, at_least=(4, 4) if number % 2 else None).mode)
        except ImageError as error:
            assert str(error).startswith(("the image", "there is not enough memory"))
            outcomes.append("refused")
        assert time.perf_counter() - begun < SECONDS
    assert set(outcomes) == {"RGB", "refused"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < KILOBYTES
