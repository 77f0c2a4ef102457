"""What can be done about an error is data, worded for whoever reads it."""

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import ROOT

import caption.errors
from caption.commands.run import on_the_command_line
from caption.errors import Argument, Command, DataError, GlimpseError

KINDS = [
    kind
    for kind in (GlimpseError, *GlimpseError.__subclasses__())
    if kind.__module__ == "caption.errors"  # what a server refuses only its clients meet
]
remedies = st.lists(
    st.builds(Argument, st.text(), st.text(), st.text()) | st.builds(Command, st.text(), st.text())
)


@pytest.mark.parametrize(
    ("remedy", "python", "command_line"),
    [
        (Argument("subset"), "pass subset=True", "give --subset"),
        (
            Argument("subset", why="to score the rest"),
            "pass subset=True to score the rest",
            "give --subset to score the rest",
        ),
        (Argument("no_repeat_ngram", "0"), "pass no_repeat_ngram=0", "give --no-repeat-ngram 0"),
        (
            Argument("manifest", "FILE", "which says it"),
            "pass manifest=FILE, which says it",
            "give --manifest FILE, which says it",
        ),
        (Command("check mine"), "run `glimpse check mine`", "run `glimpse check mine`"),
        (
            Command("check mine", "which shows them all"),
            "run `glimpse check mine`, which shows them all",
            "run `glimpse check mine`, which shows them all",
        ),
    ],
)
def test_a_remedy_is_worded_for_python_and_for_the_command_line(
    remedy, python, command_line
) -> None:
    error = DataError("a.json: lacks captions", remedy)
    assert str(error) == f"a.json: lacks captions; {python}"
    assert error.worded(on_the_command_line) == f"a.json: lacks captions; {command_line}"
    assert error.message == "a.json: lacks captions"


def test_any_number_of_remedies_makes_one_sentence() -> None:
    assert str(DataError("it is empty")) == "it is empty"
    error = DataError("it is empty", Argument("subset"), Command("check mine", "to see"))
    assert str(error) == "it is empty; pass subset=True, or run `glimpse check mine` to see"


@given(st.sampled_from(KINDS), st.text(), remedies)
def test_an_error_goes_from_one_process_to_another_whole(kind, message, ways) -> None:
    error = kind(message, *ways)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(copy) is kind
    assert (copy.message, copy.remedies) == (message, tuple(ways))
    assert str(copy) == str(error)
    assert copy.worded(on_the_command_line) == error.worded(on_the_command_line)


def test_every_kind_of_error_can_be_caught_as_one() -> None:
    kinds = [kind for kind in vars(caption.errors).values() if str(kind).endswith("Error'>")]
    assert len(kinds) > 4
    assert set(kinds) == set(KINDS)


# Nobody who calls the library is told of flags, nor anybody of files that an installation lacks.

FLAG_OR_SCRIPT = re.compile(r"(?<![\w-])--(?!help\b)[a-z][\w-]*|\bscripts/\S+|\b\w+\.py\b")
"""That every command has --help anyone may know."""
OF_OTHERS = {"ptbtokenizer.py", "vqaEval.py"}
"""Files of the official evaluations."""
EXCUSED = {
    "caption/errors.py": "says how remedies are worded",
    "caption/training/config.py": "gives an option a shorter name",
    "caption/search/config.py": "likewise",
    "caption/web/guards.py": "speaks to those who serve from the command line",
    "caption/web/library/teaching.py": "runs a command",
    "vqa/web/page.py": "speaks to those who started the page from the command line",
}


def strings_of(source: str) -> Iterator[str]:
    """Yield the strings of a module that people may read, but for those in a `Command`."""
    tree = ast.parse(source)
    in_commands = {
        part
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Command"
        for part in ast.walk(call)
    }
    for node in ast.walk(tree):
        is_string = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_string and node not in in_commands:
            yield node.value


def named_in(text: str) -> set[str]:
    return set(FLAG_OR_SCRIPT.findall(text)) - OF_OTHERS


def modules() -> list[Path]:
    files = (path for package in ("caption", "vqa") for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in files if "commands" not in path.parts)


def test_the_library_names_no_flag_and_no_script() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in modules()
        if (names := set().union(*map(named_in, strings_of(path.read_text("utf-8")))))
    }
    assert {path: names for path, names in found.items() if path not in EXCUSED} == {}


def test_model_cards_name_commands_and_no_scripts() -> None:
    cards = [*ROOT.glob("*/pretrained/**/README.md")]
    assert len(cards) == 7
    for card in cards:
        text = card.read_text("utf-8")
        assert "glimpse train" in text
        assert {name for name in named_in(text) if not name.startswith("--")} == set()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('raise DataError(f"{path}: give --subset or so")', {"--subset"}),
        ('"""Run scripts/check_data.py first."""', {"scripts/check_data.py"}),
        ('x = "a" "; describe.py --output writes it"', {"describe.py", "--output"}),
        ('DataError("bad", Command(f"check {data} --fix clean.jsonl"))', set()),
        ('"see --help; -- is a dash and vqaEval.py official"', set()),
        ("# --subset in a comment\nx = -1", set()),
    ],
)
def test_what_names_a_flag_or_a_script_is_seen(source, names) -> None:
    assert set().union(*map(named_in, strings_of(source))) == names
