"""What an encoder saw, as a value, and many of them on disk.

A `FeatureStore` is a directory with `grid.npy`, one float16 grid for each image in one array that
is mapped into memory, and `index.json`, which says whose they are. It is written under other names
and renamed when complete: a directory holds a whole store or one that `write_store` takes up again.
"""

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float
from numpy.lib.format import open_memmap
from torch import Tensor

from caption.errors import Command, FeatureStoreError
from caption.files.paths import ImageId
from caption.files.writing import lock_of, put_in_place, write_json
from caption.vision.features import ImageFeatures

FORMAT_VERSION = 1
SECONDS_AT_RISK = 5.0
"""A power cut costs no more than this; waiting for the disk after every batch takes longer."""


@dataclass(frozen=True, kw_only=True)
class StorePlan:
    """What a store will hold, known before the first image is read."""

    image_ids: tuple[ImageId, ...]
    grid_size: tuple[int, int]
    feature_dim: int
    encoder_id: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Images, positions of the grid, features of a position."""
        return len(self.image_ids), self.grid_size[0] * self.grid_size[1], self.feature_dim

    @property
    def num_bytes(self) -> int:
        """Size on disk of the float16 grids."""
        images, positions, features = self.shape
        return images * positions * features * np.dtype(np.float16).itemsize


class FeatureStore:
    """The grids of a set of images, read from disk as they are asked for."""

    def __init__(self, plan: StorePlan, grids: np.ndarray[Any, np.dtype[np.float16]]) -> None:
        self.plan = plan
        self._grids = grids
        self._rows = {image_id: row for row, image_id in enumerate(plan.image_ids)}

    @classmethod
    def open(cls, directory: Path, *, encoder_id: str | None = None) -> "FeatureStore":
        """Open a complete store.

        Args:
            directory: where `write_store` put it.
            encoder_id: fingerprint that the features must have; any if not given.

        Raises:
            FeatureStoreError: the store is missing, unfinished, damaged or of another encoder.
        """
        index, grid = directory / "index.json", directory / "grid.npy"
        if not index.is_file():
            unfinished = (directory / "index.partial.json").is_file()
            raise FeatureStoreError(
                f"{directory}: {'an unfinished' if unfinished else 'no'} feature store",
                Command("prepare features", "which goes on where it stopped"),
            )
        plan = _read_plan(index)
        if encoder_id is not None and plan.encoder_id != encoder_id:
            raise FeatureStoreError(
                f"{directory}: its features are of encoder {plan.encoder_id}, expected "
                f"{encoder_id}; extract them again with this model's encoder"
            )
        try:
            grids = np.load(grid, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise FeatureStoreError(
                f"{grid}: cannot be read ({error}); extract the features again"
            ) from None
        if grids.shape != plan.shape or grids.dtype != np.float16:
            raise FeatureStoreError(
                f"{grid}: holds {grids.dtype} of shape {grids.shape}, expected float16 of shape "
                f"{plan.shape}; extract the features again"
            )
        return cls(plan, grids)

    def __len__(self) -> int:
        return len(self.plan.image_ids)

    def __contains__(self, image_id: ImageId) -> bool:
        return image_id in self._rows

    def grid(self, image_id: ImageId) -> Float[Tensor, "position feature"]:
        """Return one image's grid in float32."""
        row = self._rows.get(image_id)
        if row is None:
            raise FeatureStoreError(
                f"no features of image {image_id!r} in this store of {len(self)} images; "
                "extract the features of this data set"
            )
        return torch.from_numpy(self._grids[row].astype(np.float32))

    def features(self, image_ids: Sequence[ImageId]) -> ImageFeatures:
        """Return the features of some images as one batch."""
        grid = torch.stack([self.grid(image_id) for image_id in image_ids])
        return ImageFeatures(grid, self.plan.grid_size, self.plan.encoder_id)


def write_store(
    directory: Path,
    plan: StorePlan,
    encode: Callable[[Sequence[ImageId]], Iterator[Float[Tensor, "batch position feature"]]],
) -> FeatureStore:
    """Write the grids of all images, going on after the last batch of an earlier, broken run.

    A store that is there already and has them all, and perhaps more, is taken as it is: captions in
    several languages are of the same photos, though not all of them of all.

    Args:
        directory: where the store will be.
        plan: what it will hold.
        encode: yields the grids of the given images, in their order, in batches of any size.

    Raises:
        FeatureStoreError: the disk is too small, or something else lies in the way.
        DataError: the disk takes no more.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "index.json").is_file():
        # Several processes may want the same features: the first extracts them, the others wait.
        with FileLock(lock_of(directory)):
            if not (directory / "index.json").is_file():
                _write_whole_store(directory, plan, encode)
    store = FeatureStore.open(directory, encoder_id=plan.encoder_id)
    if not all(image_id in store for image_id in plan.image_ids):
        raise FeatureStoreError(
            f"{directory}: already holds the features of {len(store)} other images; "
            "choose another directory or remove it"
        )
    return store


def _write_whole_store(
    directory: Path,
    plan: StorePlan,
    encode: Callable[[Sequence[ImageId]], Iterator[Float[Tensor, "batch position feature"]]],
) -> None:
    """Write what `write_store` has not found."""
    partial_index = directory / "index.partial.json"
    grids, done = _open_partial(directory, plan)
    safe_until = time.monotonic()
    try:
        for batch in encode(plan.image_ids[done:]):
            grids[done : done + len(batch)] = _halved(batch, directory).cpu().numpy()
            done += len(batch)
            if time.monotonic() - safe_until > SECONDS_AT_RISK:
                _vouch(grids, plan, done, partial_index)
                safe_until = time.monotonic()
    finally:
        _vouch(grids, plan, done, partial_index)
    if done != len(plan.image_ids):
        raise ValueError(f"encode gave {done} grids for {len(plan.image_ids)} images")
    del grids
    # The index makes a store of the directory, so it comes last.
    put_in_place(directory / "grid.partial.npy", directory / "grid.npy")
    write_json(directory / "index.json", _plan_to_json(plan), compact=True)
    partial_index.unlink(missing_ok=True)


def _halved(
    batch: Float[Tensor, "batch position feature"], directory: Path
) -> Float[Tensor, "batch position feature"]:
    """Return features in half precision.

    Raises:
        FeatureStoreError: they are too large for it, and training on them would come to nothing.
    """
    half = batch.to(torch.float16)
    if not half.isfinite().all():
        raise FeatureStoreError(
            f"{directory}: features of up to {float(batch.abs().amax()):.3g}, and half precision "
            "holds 65504 at most; give the encoder trained weights"
        )
    return half


def _vouch(
    grids: np.memmap[Any, np.dtype[np.float16]], plan: StorePlan, done: int, index: Path
) -> None:
    """Put the grids on the disk, and only then the number of them that are right."""
    grids.flush()
    write_json(index, {**_plan_to_json(plan), "done": done}, compact=True)


def _open_partial(
    directory: Path, plan: StorePlan
) -> tuple[np.memmap[Any, np.dtype[np.float16]], int]:
    """Return the array to write to and how many of its rows are already right."""
    index, grid = directory / "index.partial.json", directory / "grid.partial.npy"
    if index.is_file() and grid.is_file() and _read_plan(index) == plan:
        return np.lib.format.open_memmap(grid, mode="r+"), json.loads(index.read_text())["done"]
    free = shutil.disk_usage(directory).free
    if plan.num_bytes > free:
        raise FeatureStoreError(
            f"{directory}: the features need {plan.num_bytes / 1e9:.2f} GB and {free / 1e9:.2f} GB "
            "are free; choose another disk or a smaller grid"
        )
    grids = open_memmap(grid, mode="w+", dtype=np.float16, shape=plan.shape)
    _reserve(grid)
    write_json(index, {**_plan_to_json(plan), "done": 0}, compact=True)
    return grids, 0


def _reserve(grid: Path) -> None:
    """Take the room on the disk now: who writes into the hole of a mapped file dies on a full one.

    Raises:
        FeatureStoreError: the disk or a quota does not give it.
    """
    if not hasattr(os, "posix_fallocate"):  # on macOS and Windows
        return
    size = grid.stat().st_size
    try:
        with grid.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # a quota is no part of what is free
            grid.unlink()
            raise FeatureStoreError(
                f"{grid}: the disk does not give its {size / 1e9:.2f} GB ({error.strerror}); "
                "choose another disk or a smaller grid"
            ) from None
        # Some file systems cannot reserve: there the look at what is free has to do.


def _plan_to_json(plan: StorePlan) -> dict[str, Any]:
    return {"format": FORMAT_VERSION, **asdict(plan)}


def _read_plan(path: Path) -> StorePlan:
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        if index["format"] != FORMAT_VERSION:
            raise FeatureStoreError(
                f"{path}: format {index['format']!r}, expected {FORMAT_VERSION}; "
                "extract the features again"
            )
        return StorePlan(
            image_ids=tuple(index["image_ids"]),
            grid_size=tuple(index["grid_size"]),
            feature_dim=index["feature_dim"],
            encoder_id=index["encoder_id"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise FeatureStoreError(
            f"{path}: not the index of a feature store ({error!r}); extract the features again"
        ) from None
