"""Commands as a person types them."""

import contextlib
import io
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import ROOT

from vqa.commands import main

SCRIPTS = sorted(
    path.relative_to(ROOT / "scripts").as_posix() for path in (ROOT / "scripts").rglob("*.py")
)
Done = subprocess.CompletedProcess[str]


def run_here(*words: object) -> Done:
    """Run a command of `glimpse` in this process, which has imported what it needs."""
    return _here(main, "glimpse", *words)


def run_here_and_stop(*words: object, run: Path) -> Done:
    """Run a training command in this process, and ask it to stop when its run has begun."""

    def stop() -> None:
        while not any(run.rglob("metrics.jsonl")):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    return run_here(*words)


def run_script_here(script: str, *words: object) -> Done:
    """Run a script in this process."""
    path = str(ROOT / "scripts" / script)
    return _here(lambda: runpy.run_path(path, run_name="__main__"), script, *words)


def run_python(*words: object, folder: Path = ROOT) -> Done:
    """Run Python in a process of its own, from some folder."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def _here(call: Callable[[], object], *argv: object) -> Done:
    out, err, status = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", list(map(str, argv)))
        try:
            call()
        except SystemExit as stop:
            status = int(stop.code or 0)
    return subprocess.CompletedProcess(argv, status, out.getvalue(), err.getvalue())
