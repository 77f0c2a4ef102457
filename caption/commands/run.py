"""How every script of the project is run from the command line."""

import io
import os
import sys
from collections.abc import Callable
from typing import Any

import tyro

from caption.commands.memory import keep_freed_memory
from caption.errors import Argument, GlimpseError, Remedy, in_python, in_words


def run(main: Callable[[Any], int | None], args: Any) -> None:
    """Read the arguments, call `main` and exit with its status.

    `args` is a dataclass, or a union of some, which become subcommands. Its docstring is the help's
    first sentence, those of its fields are the options'. What a user gave and cannot be used ends
    with one line and status 2, as wrong options do; Ctrl-C with status 130 and a closed pipe with
    141, as in a shell.
    """
    keep_freed_memory()
    # Names of files may be no valid Unicode, and messages may quote what no terminal can show.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(main(tyro.cli(args)))
    except GlimpseError as error:
        sys.exit(_complain(error.worded(on_the_command_line), status=2))
    except KeyboardInterrupt:
        sys.exit(_complain("interrupted", status=130))
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def on_the_command_line(remedy: Remedy) -> str:
    """Return a remedy for people who type commands."""
    if isinstance(remedy, Argument):
        flag = f"--{remedy.name.replace('_', '-')}"
        return in_words(f"give {flag} {remedy.value}".rstrip(), remedy.why)
    return in_python(remedy)


def _complain(message: str, *, status: int) -> int:
    sys.stderr.write(f"{message}\n")
    return status
