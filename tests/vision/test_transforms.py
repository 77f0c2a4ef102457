"""From a picture to the pixels that an encoder reads."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pictures import TURN, scene
from PIL import Image, ImageFilter

from caption.vision.config import AugmentConfig, PreprocessConfig
from caption.vision.transforms import Augment, Preprocess


def test_normalisation_by_hand() -> None:
    config = PreprocessConfig(size=(4, 6), mean=(0.5, 0.0, 1.0), std=(0.5, 1.0, 0.25))
    pixels = Preprocess(config)(Image.new("RGB", (30, 20), (255, 51, 0)))
    assert pixels.shape == (3, 4, 6)
    for channel, expected in enumerate((1.0, 0.2, -4.0)):
        torch.testing.assert_close(pixels[channel], torch.full((4, 6), expected))


def plain(size, **options):
    return PreprocessConfig(size=size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), **options)


def test_the_right_size_passes_through_untouched() -> None:
    pixels = Preprocess(plain((32, 48)))(scene()) * 255
    np.testing.assert_allclose(pixels.permute(1, 2, 0).numpy(), np.asarray(scene()), atol=1e-3)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_squash_is_pillows_resize_of_the_whole_picture(interpolation) -> None:
    pixels = Preprocess(plain((10, 7), interpolation=interpolation))(scene()) * 255
    expected = scene().resize((7, 10), Image.Resampling[interpolation.upper()])
    np.testing.assert_allclose(pixels.permute(1, 2, 0).numpy(), np.asarray(expected), atol=1e-3)


def test_crop_sees_the_undistorted_centre() -> None:
    # 60 x 20, thirds of red, green and blue: the middle square is green.
    image = Image.new("RGB", (60, 20), "red")
    image.paste((0, 255, 0), (20, 0, 40, 20))
    image.paste((0, 0, 255), (40, 0, 60, 20))
    for source in (image, image.transpose(TURN.ROTATE_90)):
        pixels = Preprocess(plain((5, 5), resize="crop"))(source)
        inner = pixels[:, 1:-1, 1:-1]  # antialiasing sees a little of the other thirds
        torch.testing.assert_close(inner, torch.tensor([0.0, 1, 0]).reshape(3, 1, 1) + 0 * inner)


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["squash", "crop"]),
    st.integers(0, 2**31),
)
def test_any_size_becomes_the_encoders_size(width, height, rows, columns, resize, seed) -> None:
    config, image = (
        plain((rows, columns), resize=resize),
        Image.new("RGB", (width, height), "white"),
    )
    augment = Augment(config, AugmentConfig(scale=(0.05, 1.0), colour=0.0))
    for pixels in (
        Preprocess(config)(image),
        augment(image, torch.Generator().manual_seed(seed)),
    ):
        torch.testing.assert_close(pixels, torch.ones(3, rows, columns))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": (0, 224)}, "from 1 to 4096"),
        ({"size": (10**9, 1)}, "from 1 to 4096"),
        ({"mean": (0.5, 0.5, float("nan"))}, "mean must be finite"),
        ({"std": (0.5, 0.5, 0.0)}, "std must be positive"),
    ],
)
def test_a_bad_preprocess_config_cannot_exist(change, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        PreprocessConfig(**change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"flip": 1.5}, "flip"),
        ({"scale": (0.9, 0.5)}, "scale"),
        ({"scale": (0.0, 0.5)}, "scale"),
        ({"colour": 1.0}, "colour"),
        ({"colour": -0.1}, "colour"),
    ],
)
def test_a_bad_augment_config_cannot_exist(change, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        AugmentConfig(**change)


def augmented(image, seed, preprocess=None, **options):
    augment = Augment(preprocess or plain((32, 48)), AugmentConfig(**options))
    return augment(image, torch.Generator().manual_seed(seed))


def test_the_generator_alone_decides() -> None:
    before = torch.random.get_rng_state()
    assert torch.equal(augmented(scene(), 7), augmented(scene(), 7))
    assert not torch.equal(augmented(scene(), 7), augmented(scene(), 8))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_variation_training_sees_what_evaluation_sees() -> None:
    config = plain((24, 24))
    still = {"flip": 0.0, "scale": (1.0, 1.0), "colour": 0.0}
    expected = Preprocess(config)(scene())
    # At full area the aspect still varies, so a window may be cut; a still picture hides nothing.
    flat = Image.new("RGB", (48, 32), (10, 200, 90))
    torch.testing.assert_close(augmented(flat, 1, config, **still), Preprocess(config)(flat))
    seen = [augmented(scene(), seed, config, **still) for seed in range(5)]
    assert all((one - expected).abs().mean() < 0.2 for one in seen)


def test_flips_happen_as_often_as_asked() -> None:
    ramp = Image.linear_gradient("L").convert("RGB").transpose(TURN.ROTATE_90)
    for rate in (0.0, 0.5, 1.0):
        generator = torch.Generator().manual_seed(0)
        augment = Augment(plain((8, 8)), AugmentConfig(flip=rate, colour=0.0))
        rising = [
            bool(pixels[0, 0, 0] < pixels[0, 0, -1])
            for pixels in (augment(ramp, generator) for _ in range(200))
        ]
        assert sum(rising) / 200 == pytest.approx(1 - rate, abs=0.1)


def test_the_part_seen_has_the_area_and_aspect_asked_for() -> None:
    # A picture whose red is x and whose green is y tells which part of it is seen.
    x, y = np.meshgrid(np.arange(256), np.arange(256))
    image = Image.fromarray(np.stack([x, y, 0 * x], axis=-1).astype(np.uint8))
    generator = torch.Generator().manual_seed(0)
    augment = Augment(plain((64, 64)), AugmentConfig(flip=0.0, scale=(0.25, 0.5), colour=0.0))
    for _ in range(100):
        pixels = augment(image, generator)
        width = float(pixels[0, 0, -1] - pixels[0, 0, 0]) * 64 / 63
        height = float(pixels[1, -1, 0] - pixels[1, 0, 0]) * 64 / 63
        assert 0.23 < width * height < 0.53
        assert 0.70 < width / height < 1.42


def test_the_stored_size_of_a_picture_does_not_change_which_part_is_seen() -> None:
    large = scene(480, 320).filter(ImageFilter.GaussianBlur(8))
    small = large.resize((96, 96), Image.Resampling.BOX)
    for seed in range(5):
        one, other = (augmented(image, seed, plain((24, 24))) for image in (large, small))
        assert (one - other).abs().mean() < 0.02


def test_colours_vary_within_bounds() -> None:
    grey = Image.new("RGB", (8, 8), (100, 100, 100))
    values = torch.stack([augmented(grey, seed, colour=0.2)[0, 0, 0] * 255 for seed in range(100)])
    assert 78 <= float(values.min()) < 85
    assert 115 < float(values.max()) <= 121
    assert torch.equal(augmented(grey, 3, colour=0.0)[0], augmented(grey, 4, colour=0.0)[0])
