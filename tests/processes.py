"""Several processes on one machine, as a launcher starts them, without importing torch anew."""

import os
import socket
import warnings
from collections.abc import Callable

import torch
from accelerate.state import AcceleratorState, GradientState


def in_processes(count: int, work: Callable[[int], object]) -> None:
    """Fork, call `work` with the number of the process in each, and raise what one of them does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.start_processes(
        _join, (work, count, port), nprocs=count, daemon=True, start_method="fork"
    )


def _join(rank: int, work: Callable[[int], object], count: int, port: int) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    # What earlier tests of this process knew of processes.
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    warnings.filterwarnings("ignore", "find_unused_parameters=True was specified")
    work(rank)
    torch.distributed.destroy_process_group()
