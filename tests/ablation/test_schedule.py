"""Runs are carried out once each, go on after being killed, and fail alone."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from console import run_python
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.ablation import schedule, work
from caption.ablation.lock import holder, take, wait_for
from caption.ablation.runs import Run, Step, failure_of, is_done, refuse_changed
from caption.ablation.schedule import RunFailed, Turn, carry_out
from caption.ablation.work import in_processes, stopped_politely
from caption.errors import DataError
from caption.files.logs import last_line
from caption.files.writing import write_text


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch) -> None:
    monkeypatch.setattr(schedule, "POLL", 0.02)
    monkeypatch.setattr(work, "POLL", 0.02)


def run_in(
    folder: Path, variant: str = "a", *, after: Run | None = None, train=None, evaluate=None
) -> Run:
    return Run(
        variant=variant,
        seed=0,
        folder=folder / variant / "seed-0",
        train=Step(words=(), options=train or {}),
        evaluate=Step(words=(), options=evaluate or {}),
        captions_per_epoch=10,
        after=after,
    )


class Workers:
    """Does runs by leaving a report, and remembers which."""

    def __init__(self, failing: Iterable[str] = ()) -> None:
        self.failing = set(failing)
        self.did: list[str] = []

    def __call__(self, run: Run, turn: Turn) -> None:
        self.did.append(run.variant)
        if run.variant in self.failing:
            raise RunFailed("no memory")
        write_text(run.report, "{}")


def carried_out(runs: list[Run], workers: Workers, **options) -> list[str]:
    """Carry runs out and return what was told of them."""
    told: list[str] = []
    carry_out(runs, workers, watch=lambda run, what: told.append(f"{run}: {what}"), **options)
    return told


def test_a_run_that_is_done_is_not_done_again(tmp_path) -> None:
    runs, workers = [run_in(tmp_path, name) for name in "ab"], Workers()
    told = carried_out(runs, workers)
    assert all(map(is_done, runs))
    assert told[0] == f"a, seed 0: begun; {runs[0].log} says more"
    assert told[-1] == "b, seed 0: done"
    assert carried_out(runs, workers) == []
    assert workers.did == ["a", "b"]


@given(data=st.data(), count=st.integers(1, 5), processes=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_each_run_comes_once_and_after_what_it_starts_from(
    data, count, processes, tmp_path_factory
) -> None:
    runs: list[Run] = []
    for name in "abcde"[:count]:
        after = data.draw(st.sampled_from([None, *runs]))
        runs.append(run_in(tmp_path_factory.mktemp("runs"), name, after=after))
    workers = Workers()
    carried_out(data.draw(st.permutations(runs)), workers, processes=processes)
    assert sorted(workers.did) == [run.variant for run in runs]
    for run in runs:
        if run.after is not None:
            assert workers.did.index(run.after.variant) < workers.did.index(run.variant)


def test_a_failure_stops_only_what_starts_from_it(tmp_path) -> None:
    first = run_in(tmp_path, "first")
    runs = [first, run_in(tmp_path, "next", after=first), run_in(tmp_path, "other")]
    workers = Workers(failing=["first"])
    assert "first, seed 0: failed: no memory" in carried_out(runs, workers)
    assert sorted(workers.did) == ["first", "other"]
    assert failure_of(runs[0]) == "no memory"
    assert failure_of(runs[1]) == "it starts from first, seed 0, which failed"
    assert carried_out(runs, Workers())[-1] == "next, seed 0: done"
    assert [failure_of(run) for run in runs] == [None] * 3


def test_what_another_has_taken_is_left_to_it_and_taken_over_if_it_is_gone(tmp_path) -> None:
    run, workers = run_in(tmp_path), Workers()
    other = take(run.lock)
    assert other is not None
    timer = threading.Timer(0.2, other.close)
    timer.start()
    told = carried_out([run], workers)
    timer.join()
    assert told[0] == f"a, seed 0: in the hands of {holder(run.lock)}"
    assert f"process {os.getpid()} on " in told[0]
    assert workers.did == ["a"]

    run = run_in(tmp_path, "b")
    other = take(run.lock)
    assert other is not None

    def end() -> None:
        write_text(run.plan, '{"train": {}, "evaluate": {}}')
        write_text(run.report, "{}")
        other.close()

    timer = threading.Timer(0.2, end)
    timer.start()
    carried_out([run], workers)
    timer.join()
    assert workers.did == ["a"]


def test_a_lock_is_held_until_it_is_closed(tmp_path) -> None:
    held = take(tmp_path / "lock")
    assert held is not None
    assert take(tmp_path / "lock") is None
    held.close()
    wait_for(tmp_path / "lock").close()


def test_what_a_killed_ablation_has_started_keeps_the_run(tmp_path) -> None:
    code = (
        "import subprocess, sys, os; from pathlib import Path;"
        "from caption.ablation.lock import take; lock = take(Path(sys.argv[1]));"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(60)'];"
        "child = subprocess.Popen(sleep, pass_fds=[lock.fileno()], stdout=subprocess.DEVNULL,"
        " stderr=subprocess.DEVNULL);"
        "print(child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = run_python("-c", code, tmp_path / "lock")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert take(tmp_path / "lock") is None
    os.kill(int(done.stdout), signal.SIGKILL)
    wait_for(tmp_path / "lock").close()


def test_a_changed_variant_is_refused_by_name(tmp_path) -> None:
    carried_out([run_in(tmp_path, train={"cell": "gru", "epochs": 3})], Workers())
    refuse_changed([run_in(tmp_path, train={"epochs": 3, "cell": "gru"})])
    changed = run_in(tmp_path, train={"cell": "lstm", "dim": 8})
    expected = (
        "cell is 'lstm' and was 'gru'; dim is 8 and was the default; "
        "epochs is the default and was 3"
    )
    with pytest.raises(DataError, match=expected):
        refuse_changed([changed])
    changed.report.unlink()
    with pytest.raises(DataError, match=expected):
        carried_out([changed], Workers())


def test_another_search_only_captions_again(tmp_path) -> None:
    carried_out([run_in(tmp_path, evaluate={"beams": 1})], Workers())
    run = run_in(tmp_path, evaluate={"beams": 3})
    assert not is_done(run)
    refuse_changed([run])
    workers = Workers()
    carried_out([run], workers)
    assert (workers.did, is_done(run)) == (["a"], True)


# Work in processes of its own.

RESUMED = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); "
TRAINING = RESUMED + (
    "p.exists() or (p.write_text(''), print('begun', flush=True), "
    "__import__('os').kill(__import__('os').getpid(), 9)); print('resumed')"
)
SCORING = RESUMED + "p.write_text('{}')"


def python(code: str, *words: Path) -> list[str]:
    return [sys.executable, "-c", code, *map(str, words)]


def test_a_run_whose_process_was_killed_goes_on_when_it_is_tried_again(tmp_path) -> None:
    run = run_in(tmp_path)

    def commands(run: Run) -> list[list[str]]:
        return [python(TRAINING, run.folder / "state.pt"), python(SCORING, run.report)]

    told = carried_out([run], in_processes(commands, {}))
    assert told[-1].startswith("a, seed 0: failed: begun (ended by signal 9; ")
    assert not is_done(run)
    assert carried_out([run], in_processes(commands, {}))[-1] == "a, seed 0: done"
    assert run.log.read_text() == "begun\nresumed\n"


def test_a_failed_command_ends_its_run_with_its_last_line(tmp_path) -> None:
    run = run_in(tmp_path)
    failing = python("import os; print('3 %|###'); raise SystemExit(os.environ['WHY'])")
    carried_out(
        [run], in_processes(lambda _: [failing, python(SCORING, run.report)], {"WHY": "no disk"})
    )
    assert failure_of(run) == f"no disk (status 1; {run.log} says more)"
    assert not is_done(run)


def test_the_last_line_is_the_last_that_says_something(write) -> None:
    assert last_line(write("log", "first\nbar 1 %\rbar 2 %\r\n  \n")) == "bar 2 %"
    assert last_line(write("log", "")) == "it said nothing"


def test_a_polite_kill_stops_the_processes_and_leaves_the_run_to_be_gone_on_with(tmp_path) -> None:
    run = run_in(tmp_path)
    sleeping = python("import time, sys; print('begun', flush=True); time.sleep(60)")

    def kill_when_begun() -> None:
        while not (run.log.is_file() and run.log.read_text()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=kill_when_begun).start()
    with pytest.raises(KeyboardInterrupt), stopped_politely():
        carried_out([run], in_processes(lambda _: [sleeping], {}))
    assert failure_of(run) is None
    lock = take(run.lock)
    assert lock is not None  # the process is gone
    lock.close()
    assert carried_out([run], Workers())[-1] == "a, seed 0: done"
