"""Several processes on one machine, as a launcher starts them."""

import multiprocessing
import os
import socket
import warnings
from collections.abc import Callable

import torch


def in_processes(count: int, work: Callable[[int], object]) -> None:
    """Call `work` with the number of the process in each, and raise what one of them raises.

    `work` must be picklable. The processes are forks of a server that has only imported modules:
    a fork of these tests would inherit the locks that their threads hold.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(["caption.training.phases"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.start_processes(
        _join, (work, count, port), nprocs=count, daemon=True, start_method="forkserver"
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
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "find_unused_parameters=True was specified")
    work(rank)
    torch.distributed.destroy_process_group()
