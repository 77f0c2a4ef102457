"""A run that is killed without warning, again and again and anywhere, ends as if it never was."""

import json
import os
import random
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from killing import in_child, killed_at
from line_task import CONFIG, LineTask, fit, saved_weights

from caption.engine.checkpoint import load_training_state

ROOMS = ("caption/engine/", "caption/files/")
SAVING_OFTEN = replace(CONFIG, epochs=2, checkpoint_every=3, ema=0.9)


def go_on(run: Path, *, kill_at: int = 0) -> int:
    """Start or resume the run in a child, which is killed at a line unless it is 0."""

    def work() -> None:
        if kill_at:
            sys.settrace(killed_at(kill_at, ROOMS))
        fit(LineTask(), run, SAVING_OFTEN, resume=(run / "state.pt").exists())

    return in_child(work)


def assert_same(run: Path, whole: Path) -> None:
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}
    for model in ("last", "best"):
        assert torch.equal(saved_weights(run / model), saved_weights(whole / model))
    one, other = (load_training_state(path / "state.pt") for path in (run, whole))
    assert one["progress"] == other["progress"]
    assert torch.equal(one["random"][0]["torch"], other["random"][0]["torch"])
    for name, tensor in one["parts"]["model"].items():
        assert torch.equal(tensor, other["parts"]["model"][name])
    for weight, state in one["parts"]["optimizer"]["state"].items():
        for name, value in state.items():
            assert torch.equal(value, other["parts"]["optimizer"]["state"][weight][name])


def records(run: Path) -> list[dict]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [{**json.loads(line), "seconds": 0} for line in lines]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("killed") / "whole"
    assert go_on(run) == 0
    return run


@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_at_any_line_ends_bit_for_bit_the_same(tmp_path, whole, seed) -> None:
    chance, run = random.Random(seed), tmp_path / "run"
    ends = [go_on(run, kill_at=chance.randrange(1, 1200)) for _ in range(3)]
    assert signal.SIGKILL in ends
    assert go_on(run) == 0
    assert_same(run, whole)
    assert records(run) == records(whole)


def killed_within(monkeypatch, owner: object, name: str, *, call: int) -> None:
    """Let the process be killed at a call of a function: half of its work is done."""
    original, calls = getattr(owner, name), 0

    def function(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls < call:
            return original(*arguments, **options)
        if name == "save":
            original(*arguments, **options)
            path = Path(arguments[1])
            os.truncate(path, path.stat().st_size // 2)
        return os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(owner, name, function)


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [(torch, "save", 4), (Path, "replace", 2), (Path, "rename", 3), (Path, "rename", 4)],
)
def test_a_run_killed_within_a_save_ends_bit_for_bit_the_same(
    tmp_path, whole, monkeypatch, owner, name, call
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        killed_within(patch, owner, name, call=call)
        assert go_on(run) == signal.SIGKILL
    assert load_training_state(run / "state.pt")
    assert any(path.name.startswith(".") for path in run.iterdir())
    assert go_on(run) == 0
    assert_same(run, whole)
