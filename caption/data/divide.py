"""What is learnt from, validated by and tested on: a data set divided by image."""

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeVar

from caption.data.captioned import CaptionedImage
from caption.errors import DataError
from caption.files.locate import Split

VALIDATION_SHARE = 0.1
"""Of what is learnt from, for a data set without validation images."""
FEWEST = 10
"""Images below which nothing can be held out, and so nothing be told of the outcome."""
Item = TypeVar("Item")


def divided(
    items: Sequence[Item],
    splits: Sequence[Split],
    keys: Sequence[Hashable],
    *,
    held_out: float,
    seed: int,
) -> tuple[list[Item], list[Item], list[Item]]:
    """Return what is to learn from, to validate by and to test on, as the data set says or by lot.

    Args:
        items: images of a data set.
        splits: what it says they are for. Where it has two parts only, the second tests.
        keys: images with equal ones stay together.
        held_out: share that tests where the data set does not say.
        seed: of the lot.

    Raises:
        DataError: there are too few.
    """
    of: dict[Split, list[Item]] = {"": [], "train": [], "validation": [], "test": []}
    for item, split in zip(items, splits, strict=True):
        of[split].append(item)
    key = dict(zip(map(id, items), keys, strict=True))
    train, validation, test = [*of["train"], *of[""]], of["validation"], of["test"]
    if not test and validation:
        validation, test = [], validation
    if not test:
        train, test = by_lot(train, [key[id(i)] for i in train], held_out, seed)
    if not validation:
        train, validation = by_lot(train, [key[id(i)] for i in train], VALIDATION_SHARE, seed + 1)
    if len(train) < 1 or min(len(validation), len(test)) < 2:
        raise DataError(
            f"{len(items)} images are too few to learn from some and test on others, or too many "
            f"are the same; expected at least {FEWEST}"
        )
    return train, validation, test


def validated(
    images: Sequence[CaptionedImage], *, seed: int
) -> tuple[list[CaptionedImage], list[CaptionedImage]]:
    """Return what to learn from and what to validate by, as the data set says or by lot.

    Args:
        images: of a data set; those that are for testing are left out.
        seed: of the lot.

    Raises:
        DataError: there are too few.
    """
    train = [image for image in images if image.split in ("train", "")]
    validation = [image for image in images if image.split == "validation"]
    if not validation:
        train, validation = by_lot(train, [i.source for i in train], VALIDATION_SHARE, seed)
    if not train or len(validation) < 2:
        raise DataError(
            f"{len(images)} images are too few to learn from some and validate by others; "
            "expected at least 3"
        )
    return train, validation


def by_lot(
    items: Sequence[Item], keys: Sequence[Hashable], share: float, seed: int
) -> tuple[list[Item], list[Item]]:
    """Return most of the items and about a share of them, two at least.

    Args:
        items: to divide.
        keys: items with equal ones stay together.
        share: of the items that is chosen.
        seed: of the lot.
    """
    groups: defaultdict[Hashable, list[Item]] = defaultdict(list)
    for item, key in zip(items, keys, strict=True):
        groups[key].append(item)
    order = list(groups)
    random.Random(seed).shuffle(order)
    wanted = max(2, round(share * len(items)))
    chosen: set[Hashable] = set()
    count = 0
    while order and count < wanted:
        key = order.pop()
        chosen.add(key)
        count += len(groups[key])
    return (
        [item for item, key in zip(items, keys, strict=True) if key not in chosen],
        [item for item, key in zip(items, keys, strict=True) if key in chosen],
    )
