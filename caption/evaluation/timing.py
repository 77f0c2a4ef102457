"""Timing that is fair on a busy machine: the contestants take turns, the median counts."""

import statistics
import time
from collections.abc import Callable, Mapping


def time_in_turn(
    contestants: Mapping[str, Callable[[], object]], *, runs: int, warm_up: int
) -> dict[str, float]:
    """Return the median seconds of each contestant, after runs that do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(warm_up + runs):
        for name, work in contestants.items():
            began = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values[warm_up:]) for name, values in seconds.items()}
