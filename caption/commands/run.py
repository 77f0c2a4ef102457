"""How every command of the project is run from the command line."""

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import tyro

from caption.commands.process import keep_freed_memory, share_processors
from caption.errors import Argument, GlimpseError, Remedy, in_python, in_words

Parsed = TypeVar("Parsed")


def run(
    main: Callable[[Any], int | None],
    args: Any,
    *,
    prog: str | None = None,
    words: Sequence[str] | None = None,
) -> NoReturn:
    """Read the arguments, call `main` and exit with its status.

    What a user gave and cannot be used ends with one line and status 2, as wrong options do; Ctrl-C
    with status 130 and a closed pipe with 141, as in a shell.

    Args:
        main: what to do.
        args: a dataclass. Its docstring is the help's first sentence, those of its fields are the
            options'.
        prog: what the help calls it, by default the file that was started.
        words: to read, by default those of the command line.
    """
    keep_freed_memory()
    share_processors()
    # Names of files may be no valid Unicode, and messages may quote what no terminal can show.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(main(read_arguments(args, sys.argv[1:] if words is None else words, prog=prog)))
    except GlimpseError as error:
        sys.exit(complain(error.worded(on_the_command_line)))
    except KeyboardInterrupt:
        sys.exit(complain("interrupted", status=130))
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def read_arguments(args: type[Parsed], words: Sequence[str], *, prog: str | None = None) -> Parsed:
    """Return the arguments that some words make; as options do, wrong ones end the program.

    Args:
        args: as `run` takes it. Where one of its options decides what others are by default, it
            has a class method `with_defaults(words)`, which returns the class, or a partial of it.
        words: to read.
        prog: what the help calls the command.
    """
    with_defaults = getattr(args, "with_defaults", None)
    made_by = args if with_defaults is None else with_defaults(words)
    return tyro.cli(made_by, prog=prog, args=words)


def on_the_command_line(remedy: Remedy) -> str:
    """Return a remedy for people who type commands."""
    if isinstance(remedy, Argument):
        flag = f"--{remedy.name.replace('_', '-')}"
        return in_words(f"give {flag} {remedy.value}".rstrip(), remedy.why)
    return in_python(remedy)


def complain(message: str, *, status: int = 2) -> int:
    """Say what is wrong and return the exit status."""
    sys.stderr.write(f"{message}\n")
    return status
