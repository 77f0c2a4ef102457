"""Data sets are divided by image, as they say or by lot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.data.divide import divided
from caption.errors import DataError


@given(
    st.lists(st.integers(0, 30), min_size=20, max_size=60),
    st.floats(0.05, 0.5),
    st.integers(0, 5),
)
def test_equal_pictures_are_never_parted(keys, held_out, seed) -> None:
    items = [f"{n}" for n in range(len(keys))]
    if len(set(keys)) < 12:
        return
    parts = divided(items, [""] * len(items), keys, held_out=held_out, seed=seed)
    assert sorted(item for part in parts for item in part) == sorted(items)
    key_of = dict(zip(items, keys, strict=True))
    seen = [{key_of[item] for item in part} for part in parts]
    assert not seen[0] & (seen[1] | seen[2])
    assert not seen[1] & seen[2]
    assert parts == divided(items, [""] * len(items), keys, held_out=held_out, seed=seed)


def test_what_the_data_set_says_is_kept() -> None:
    items = [f"{n}" for n in range(9)]
    splits = [*["train"] * 4, *["validation"] * 3, *["test"] * 2]
    train, validation, test = divided(items, splits, items, held_out=0.5, seed=0)
    assert (train, validation, test) == (items[:4], items[4:7], items[7:])
    splits = [*["train"] * 6, *["validation"] * 3]
    train, validation, test = divided(items, splits, items, held_out=0.5, seed=0)
    assert test == items[6:]
    assert sorted(train + validation) == items[:6]
    with pytest.raises(DataError, match="3 images are too few"):
        divided(items[:3], [""] * 3, items[:3], held_out=0.5, seed=0)
