"""The program itself: its commands are found, listed, completed, and start quickly."""

import json
from importlib.util import find_spec

import pytest
from console import SCRIPTS, run_here, run_python, run_script_here
from tiny import ROOT

import caption
from vqa.commands import GLIMPSE

COMMANDS = sorted(GLIMPSE.places)
DOORS = {
    "train_caption.py": "train captions",
    "finetune_caption.py": "finetune captions",
    "evaluate_caption.py": "evaluate captions",
    "train_vqa.py": "train answers",
    "finetune_vqa.py": "finetune answers",
    "evaluate_vqa.py": "evaluate answers",
}


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_all_commands_are_listed_by_what_they_are_for(words) -> None:
    done = run_here(*words)
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout
    for title in GLIMPSE.groups:
        assert f"\n\n{title}:\n" in done.stdout
    assert "Caption photos in the browser." in done.stdout


@pytest.mark.parametrize("words", [("train",), ("train", "--help"), ("train", "-h")])
def test_a_first_word_lists_the_commands_behind_it(words) -> None:
    done = run_here(*words)
    assert done.returncode == 0
    listed = [line.split("  ")[1] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed == ["train captions", "train answers"]


def test_it_says_its_version() -> None:
    assert run_here("--version").stdout == f"glimpse {caption.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_what_it_is_called_and_takes(command) -> None:
    done = run_here(*command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: glimpse {command} [-h]")


def test_help_needs_nothing_heavy() -> None:
    """Whoever asks how a command is used should not wait for torch."""
    code = """
import runpy, sys
from pathlib import Path
from vqa.commands import main

def started(call, *argv):
    sys.argv = [*argv, "--help"]
    try:
        call()
    except SystemExit as stop:
        assert not stop.code, argv
    heavy = {"torch", "gradio", "accelerate", "pycocotools"} & set(sys.modules)
    assert not heavy, (argv, heavy)

root, commands, scripts = sys.argv[1], *map(eval, sys.argv[2:])
for command in ["", *commands]:
    started(main, "glimpse", *command.split())
for script in scripts:
    started(lambda: runpy.run_path(str(Path(root, "scripts", script)), run_name="__main__"), script)
"""
    done = run_python("-c", code, ROOT, COMMANDS, SCRIPTS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: ") == 1 + len(COMMANDS) + len(SCRIPTS)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_shells_complete_every_command(shell, tmp_path) -> None:
    printed = run_here("--tyro-print-completion", shell)
    assert printed.returncode == 0, printed.stderr
    for word in {word for command in COMMANDS for word in command.split()}:
        assert word in printed.stdout
    for option in ("--replay-images", "--heat-maps", "--dialogs"):
        assert option.strip("-") in printed.stdout
    path = tmp_path / "completion"
    assert run_here("--tyro-write-completion", shell, path).returncode == 0
    assert path.read_text().strip() == printed.stdout.strip()


def test_other_shells_are_completed_where_their_package_is() -> None:
    done = run_here("--tyro-print-completion", "tcsh")
    if find_spec("shtab") is None:
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith("run: pip install shtab\n")
    else:
        assert (done.returncode, "glimpse" in done.stdout) == (0, True)


@pytest.mark.parametrize("door", DOORS)
def test_a_script_takes_what_its_command_takes(door) -> None:
    command = run_here(*DOORS[door].split(), "--help").stdout
    script = run_script_here(door, "--help").stdout
    # The names that they go by are of different length, so only the usage differs.
    assert script.partition("\n\n")[2] == command.partition("\n\n")[2] != ""


def test_a_door_leads_to_its_command(data_set, tmp_path) -> None:
    results = tmp_path / "results.json"
    rows = [{"image_id": number, "caption": "a red block on the left"} for number in range(6)]
    results.write_text(json.dumps(rows))
    words = ("--references", data_set.annotations, "--results", results)
    done = run_python(ROOT / "scripts" / "evaluate_caption.py", *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == run_here("evaluate", "captions", *words).stdout
