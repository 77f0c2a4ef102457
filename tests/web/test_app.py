"""The command that serves the page, and its door."""

import subprocess
import sys

import pytest
from console import run_here
from tiny import ROOT

from caption.errors import ModelError
from vqa.commands.app import load_answerer
from vqa.model import DEFAULT_ANSWERER


def test_help_loads_nothing_heavy() -> None:
    code = """
import runpy, sys
sys.argv = ["app.py", "--help"]
try:
    runpy.run_path("app.py", run_name="__main__")
finally:
    assert not {"torch", "gradio", "numpy", "PIL"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert "--ask-model" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nowhere"], "give a model directory, a hub id"),
        (["--port", "99999"], "port must be between 1 and 65535, got 99999"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(arguments, message) -> None:
    done = run_here("app", *arguments)  # before anything of the web is imported
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_captioner_with_another_encoder_is_not_asked(captioner) -> None:
    assert load_answerer(captioner, None) is None
    with pytest.raises(ModelError, match="reads features of encoder"):
        load_answerer(captioner, str(DEFAULT_ANSWERER))
