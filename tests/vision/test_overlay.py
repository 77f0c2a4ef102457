import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from caption.vision.overlay import heat_map, word_sheet

LUMA = np.array([0.299, 0.587, 0.114])
PHOTO = Image.effect_noise((90, 60), 80).convert("RGB")


def brightness(image):
    return np.asarray(image) @ LUMA


def single(row, column, shape=(7, 7)):
    weights = np.zeros(shape, dtype=np.float32)
    weights[row, column] = 1
    return weights


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 3), (6, 2), (1, 6)])
def test_the_brightest_place_is_the_cell_with_the_weight(row, column) -> None:
    light = brightness(heat_map(Image.new("RGB", (140, 70), "grey"), single(row, column)))
    y, x = np.unravel_index(light.argmax(), light.shape)
    assert (y // 10, x // 20) == (row, column)


@pytest.mark.parametrize("colour", ["black", "white", "grey", "red", "lime", "blue"])
def test_more_weight_is_never_darker(colour) -> None:
    photo = Image.new("RGB", (2, 2), colour)
    light = [
        brightness(heat_map(photo, np.full((1, 1), weight), peak=1.0))[0, 0]
        for weight in np.linspace(0, 1, 50)
    ]
    assert (np.diff(light) >= -1).all()  # a unit of rounding
    assert light[-1] > light[0] + 30


def test_where_the_weight_is_zero_the_photo_is_dim_and_grey() -> None:
    pixels = np.asarray(heat_map(Image.new("RGB", (70, 70), (250, 20, 20)), single(0, 0)))[-1, -1]
    assert len(set(pixels.tolist())) == 1
    assert 0 < pixels[0] < 50


def test_a_map_is_drawn_relative_to_its_own_peak_unless_told() -> None:
    weights = single(2, 2)
    assert heat_map(PHOTO, weights / 10) == heat_map(PHOTO, weights)
    faint = heat_map(PHOTO, weights / 10, peak=1.0)
    assert brightness(faint).max() < brightness(heat_map(PHOTO, weights)).max()


def test_tensors_and_arrays_give_the_same_picture() -> None:
    weights = torch.rand(7, 7, requires_grad=True)
    assert heat_map(PHOTO, weights) == heat_map(PHOTO, weights.detach().numpy())


def test_weights_below_zero_count_as_zero() -> None:
    weights = single(3, 3)
    assert heat_map(PHOTO, np.where(weights == 0, -5, weights)) == heat_map(PHOTO, weights)


def test_a_map_of_zeros_is_dim_everywhere() -> None:
    assert brightness(heat_map(PHOTO, np.zeros((7, 7)))).max() <= brightness(PHOTO).max() * 0.36


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300), st.integers(1, 9), st.just(3))
def test_the_aspect_is_kept_and_nothing_is_enlarged(width, height, max_side, rows, columns) -> None:
    result = heat_map(
        Image.new("RGB", (width, height)), np.ones((rows, columns)), max_side=max_side
    )
    scale = min(1, max_side / max(width, height))
    assert result.size == (max(1, round(width * scale)), max(1, round(height * scale)))
    assert result.mode == "RGB"


def test_the_photo_is_not_changed() -> None:
    before = PHOTO.tobytes()
    heat_map(PHOTO, single(1, 1))
    assert PHOTO.tobytes() == before


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_must_be_finite(bad) -> None:
    with pytest.raises(ValueError, match="finite"):
        heat_map(PHOTO, np.full((2, 2), bad))


@pytest.mark.parametrize("count", [0, 1, 5, 6])
def test_a_sheet_has_a_picture_for_the_photo_and_every_word(count) -> None:
    image = Image.new("RGB", (60, 30), (200, 100, 50))
    sheet = word_sheet(
        image, ["dog"] * count, np.ones((count, 2, 3), np.float32), columns=3, side=60
    )
    lines = -(-(count + 1) // 3)
    assert sheet.width == min(3, count + 1) * 64
    assert sheet.height == lines * (30 + 16 + 8)
    assert sheet.getpixel((30, 40)) == (200, 100, 50)


def test_a_sheet_has_room_for_notes_where_there_are_some() -> None:
    image = Image.new("RGB", (60, 30), (200, 100, 50))
    words, looked = ["dog", "runs"], np.ones((2, 2, 3), np.float32)
    plain = word_sheet(image, words, looked, side=60)
    assert word_sheet(image, words, looked, side=60, notes=["", ""]) == plain
    noted = word_sheet(image, words, looked, side=60, notes=["dog", ""])
    assert noted.height == plain.height + 13 + 4
    rows = np.asarray(noted.crop((64, 24, 124, 24 + 13)))
    assert rows.min() < 128 < rows.max()
