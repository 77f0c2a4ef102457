"""One program of many commands: finds the one that is meant, and imports no other.

Building all of them, as tyro would, takes twice as long as building one (0.6 s and 0.3 s), and a
mistyped word would be answered with a page. The whole tree is built only to complete words.
"""

import functools
import importlib
import operator
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Annotated, Any, NoReturn

import tyro

from caption.commands.run import complain, run

ALIKE = 0.6
"""How alike a mistyped command must be to one for it to be meant."""
HELP = {"-h", "--help"}
COMPLETION = ("--tyro-print-completion", "--tyro-write-completion")


@dataclass(frozen=True)
class Program:
    """The commands behind one word of the shell."""

    name: str
    about: str
    """What it is for, in a sentence."""
    version: str
    groups: Mapping[str, Mapping[str, str]]
    """By title, the commands that are listed together: their words, such as "train captions", and
    where they are, "module:class of the arguments"; the module has a `main` too."""

    @property
    def places(self) -> dict[str, str]:
        """Every command and where it is."""
        return {words: place for group in self.groups.values() for words, place in group.items()}


def start(program: Program) -> None:
    """Run the command that is named on the command line, and exit with its status."""
    words = sys.argv[1:]
    if any(word.split("=")[0] in COMPLETION for word in words):
        _complete(program, words)
    if words[:1] == ["--version"]:
        print(program.name, program.version)
        return
    command = _named(words, program.places)
    if command is not None:
        args, behind = _args(program.places[command]), words[len(command.split()) :]
        main = sys.modules[args.__module__].main
        run(main, args, prog=f"{program.name} {command}", words=behind)
    if not words or words[0] in HELP:
        print(overview(program))
    elif set(words[1:]) <= HELP and any(_is_within(c, words[0]) for c in program.places):
        print(overview(program, words[0]))
    else:
        sys.exit(complain(_not_a_command(words, program)))


def _complete(program: Program, words: Sequence[str]) -> NoReturn:
    """Write what a shell needs to complete the commands and their options."""
    try:
        sys.exit(tyro.cli(_tree(program), prog=program.name, args=words))
    except ImportError:  # tyro itself writes for bash and zsh only
        sys.exit(complain("this shell's completion needs a package; run: pip install shtab"))


def overview(program: Program, within: str = "") -> str:
    """Return a list of the commands, or of those that begin with a word."""
    name = f"{program.name} {within}".rstrip()
    lines = [f"usage: {name} COMMAND ...", "", program.about]
    width = max(map(len, program.places)) + 2
    for title, group in program.groups.items():
        chosen = {c: place for c, place in group.items() if not within or _is_within(c, within)}
        if chosen:
            lines += ["", f"{title}:"]
            lines += [f"  {c:<{width}}{_summary(place)}" for c, place in chosen.items()]
    return "\n".join([*lines, "", f"`{name} COMMAND --help` says what a command takes."])


def _is_within(command: str, first: str) -> bool:
    return command.startswith(f"{first} ")


def _named(words: Sequence[str], commands: Mapping[str, str]) -> str | None:
    """Return the command that some words begin with."""
    return next((c for c in commands if list(words[: len(c.split())]) == c.split()), None)


def _not_a_command(words: Sequence[str], program: Program) -> str:
    """Return a line about words that begin with no command: which is meant, if one is."""

    def typed(command: str) -> str:
        return " ".join(words[: len(command.split())])

    def likeness(command: str) -> float:
        return SequenceMatcher(None, typed(command), command).ratio()

    nearest = max(program.places, key=likeness)
    if words[0].startswith("-") or likeness(nearest) < ALIKE:
        return f"no command {words[0]!r}; `{program.name} --help` lists them"
    return f"no command {typed(nearest)!r}; did you mean `{program.name} {nearest}`?"


def _args(place: str) -> Any:
    """Return the arguments' class of a command, whose module is imported for it."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def _summary(place: str) -> str:
    """Return the first sentence of a command's help."""
    return str(_args(place).__doc__).splitlines()[0]


def _tree(program: Program) -> Any:
    """Return all commands as tyro wants them: a union, with one more inside for each group."""
    branches: dict[str, list[Any]] = {}
    for words, place in program.places.items():
        first, *second = words.split()
        branches.setdefault(first, []).append(_branch(_args(place), (second or [first])[0]))
    return _either(
        leaves[0] if first in program.places else _branch(_either(leaves), first)
        for first, leaves in branches.items()
    )


def _branch(args: Any, name: str) -> Any:
    return Annotated[args, tyro.conf.subcommand(name)]


def _either(args: Iterable[Any]) -> Any:
    return functools.reduce(operator.or_, args)
