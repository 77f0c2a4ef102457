"""Load every hostile file and a thousand mutations, and say how long and how much each took.

A program of its own, so that its peak of memory is that of the pictures: a process of the tests has
held far more before.
"""

import json
import resource
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import hostile

from caption.errors import ImageError
from caption.vision.image import ImageSource, load_image


def load(source: ImageSource, *, small: bool = False) -> tuple[str, float]:
    """Return the mode of a picture, or why there is none, and the seconds it took."""
    begun = time.perf_counter()
    try:
        outcome = load_image(source, at_least=(4, 4) if small else None).mode
    except ImageError as error:
        outcome = str(error)
    return outcome, time.perf_counter() - begun


def main(paths: Iterable[str]) -> None:
    files = {path: load(Path(path)) for path in paths}
    damaged = enumerate(hostile.mutations(1000, seed=0))
    mutations = [load(data, small=number % 2 == 1) for number, data in damaged]
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    json.dump({"files": files, "mutations": mutations, "kilobytes": kilobytes}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
