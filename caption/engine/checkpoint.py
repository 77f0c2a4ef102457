"""The state of a training run as a file."""

import pickle
import random
from pathlib import Path
from typing import Any

import torch

from caption.errors import ModelError
from caption.files.writing import write_atomically


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
        raise ModelError(f"{path}: nothing to resume from; start a new run")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise ModelError(
            f"{path}: not a readable training state ({str(error).splitlines()[0]}); "
            "start the run anew"
        ) from None
