"""Whatever lies in a folder gives a caption or one plain line, and never more than that."""

import json
import os
import subprocess
import sys
from pathlib import Path

import hostile
import pytest
from tiny import ROOT

SECONDS, KILOBYTES = 2.0, 2**20
"""What no picture may take."""
LOADING = Path(__file__).with_name("loading.py")


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


@pytest.fixture(scope="module")
def loading(files):
    # A shell starts it: on Linux a process inherits the peak of the one that starts it.
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, str(LOADING), *map(str, files)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
    return json.loads(subprocess.run(command, env=env, check=True, capture_output=True).stdout)


def test_no_file_and_no_mutation_takes_long_or_much(loading, files) -> None:
    assert [*loading["files"]] == [str(path) for path in files]
    for path, (_, seconds) in loading["files"].items():
        assert seconds < SECONDS, path
    assert max(seconds for _, seconds in loading["mutations"]) < SECONDS
    assert loading["kilobytes"] < KILOBYTES


def test_a_thousand_mutations_of_good_files_give_pictures_or_plain_errors(loading) -> None:
    outcomes = [outcome for outcome, _ in loading["mutations"]]
    assert len(outcomes) == 1000
    assert 0 < outcomes.count("RGB") < 1000
    for outcome in outcomes:
        assert outcome == "RGB" or outcome.startswith(("the image", "there is not enough memory"))
