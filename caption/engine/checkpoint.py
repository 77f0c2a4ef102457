"""Files that are never half written, and a training run's state among them."""

import hashlib
import json
import os
import pickle
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from caption.errors import ModelError


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path` and rename it: readers see the old one or the new one.

    The bytes are on the disk before the name is, so a power cut cannot leave an empty file.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        write(partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file atomically."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))


@contextmanager
def replaced_directory(directory: Path) -> Iterator[Path]:
    """Give an empty directory to fill, which takes the place of `directory` when all went well."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        partial.chmod(0o755)  # mkdtemp's directories are private
        yield partial
        if directory.exists():
            old = partial.with_name(f"{partial.name}.old")
            directory.rename(old)
            partial.rename(directory)
            shutil.rmtree(old)
        else:
            partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def sha256(path: Path) -> str:
    """Return the checksum of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def random_state() -> dict[str, Any]:
    """Return the state of every global random number generator, as plain values and tensors."""
    state = {"python": random.getstate(), "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_random_state(state: dict[str, Any]) -> None:
    """Continue the random numbers where `random_state` saw them."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and "cuda" in state:
        torch.cuda.set_rng_state_all(state["cuda"])


def save_training_state(path: Path, state: dict[str, Any]) -> None:
    """Write all that a run needs to continue as one file."""
    write_atomically(path, lambda partial: torch.save(state, partial))


def load_training_state(path: Path) -> dict[str, Any]:
    """Read a run's state back; only tensors and plain values are accepted, never code.

    Raises:
        ModelError: there is no such file or it is damaged.
    """
    if not path.is_file():
        raise ModelError(f"{path}: nothing to resume from; start the run without --resume")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise ModelError(
            f"{path}: not a readable training state ({str(error).splitlines()[0]}); "
            "start the run anew"
        ) from None
