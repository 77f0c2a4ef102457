"""The models of the package say today what they said when tests/golden/make.py was last run."""

import json

import pytest
from golden.make import KEPT, QUESTIONS, SEARCHES, observe, pictures

KEPT_THEN = json.loads(KEPT.read_text("utf-8"))


@pytest.fixture(scope="module")
def observed():
    return observe()


def same(now: object, then: object, place: str) -> None:
    """Compare texts exactly, and numbers but for the last bits, in which processors differ."""
    assert type(now) is type(then), place
    if isinstance(now, dict):
        assert now.keys() == then.keys(), place
        for key in now:
            same(now[key], then[key], f"{place}, {key}")
    elif isinstance(now, list):
        assert len(now) == len(then), place
        for number, (one, other) in enumerate(zip(now, then, strict=True)):
            same(one, other, f"{place}, {number}")
    elif isinstance(now, float):
        assert now == pytest.approx(then, abs=1e-4), place
    else:
        assert now == then, place


def test_every_picture_is_captioned_in_every_way_and_asked_about() -> None:
    kinds = [*SEARCHES, "answers"]
    assert KEPT_THEN.keys() == {"encoder", *(f"{n}: {k}" for n, _ in pictures() for k in kinds)}
    assert len([*pictures()]) == 8
    assert len(QUESTIONS) == 4


@pytest.mark.parametrize("name", KEPT_THEN)
def test_what_is_said_is_what_was_said(observed, name) -> None:
    same(observed[name], KEPT_THEN[name], name)
