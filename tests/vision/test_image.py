"""Whatever a person may call a picture becomes upright RGB."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pictures import LOSSLESS, STORED_AS, difference, encoded, scene, sideways
from PIL import Image

from caption.errors import ImageError
from caption.vision.image import load_image


def test_a_path_a_string_bytes_and_an_image_give_the_same_picture(tmp_path) -> None:
    path = tmp_path / "scene.png"
    scene().save(path)
    for source in (path, str(path), path.read_bytes(), scene(), np.asarray(scene())):
        assert difference(load_image(source), scene()) == 0


@pytest.mark.parametrize("format", LOSSLESS)
def test_lossless_formats_come_back_exactly(format) -> None:
    assert difference(load_image(encoded(scene(), format, **LOSSLESS[format])), scene()) == 0


@pytest.mark.parametrize("format", ["JPEG", "GIF"])
def test_lossy_formats_come_back_nearly(format) -> None:
    assert difference(load_image(encoded(scene(), format)), scene()) < 12


def test_the_suffix_does_not_matter(tmp_path) -> None:
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(encoded(scene()))
    assert difference(load_image(path), scene()) == 0


def test_what_is_loaded_is_a_copy_without_metadata() -> None:
    source = scene()
    source.info["comment"] = "hello"
    result = load_image(source)
    assert type(result) is Image.Image
    assert result.info == {}
    result.putpixel((0, 0), (1, 2, 3))
    assert difference(source, scene()) == 0
    assert source.info == {"comment": "hello"}


MODES = ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA", "RGBX"]
MODES += ["RGBa", "La", "I;16", "I;16L", "I;16B", "I;16N"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_rgb(mode) -> None:
    result = load_image(Image.new(mode, (5, 3)))
    assert (result.mode, result.size) == ("RGB", (5, 3))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "RGBA", "LA"])
def test_white_stays_white_and_black_stays_black(mode) -> None:
    for colour in ((255, 255, 255), (0, 0, 0)):
        source = Image.new("RGB", (4, 4), colour).convert(mode)
        assert load_image(source).getpixel((1, 1)) == colour


def test_a_palette_is_looked_up() -> None:
    palette = scene().quantize(200)
    assert difference(load_image(encoded(palette)), palette.convert("RGB")) == 0


def test_cmyk_photographs_keep_their_colours() -> None:
    jpeg = encoded(scene().convert("CMYK"), "JPEG", quality=95)
    assert difference(load_image(jpeg), scene()) < 4


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(format) -> None:
    ramp = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    for result in (load_image(encoded(Image.fromarray(ramp), format)), load_image(ramp)):
        np.testing.assert_array_equal(np.asarray(result)[..., 0], ramp >> 8)


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L", "I;16N"])
def test_sixteen_bits_of_either_byte_order_are_the_same(mode) -> None:
    image = Image.new(mode, (2, 1))
    image.putpixel((0, 0), 0x1234)
    image.putpixel((1, 0), 0xFFFF)
    assert [load_image(image).getpixel((x, 0))[0] for x in (0, 1)] == [0x12, 0xFF]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 255]], np.int32), [0, 255]),
        (np.array([[0, 256, 65535]], np.int32), [0, 1, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 100, 200]], np.float32), [0, 100, 200]),
        (np.array([[0, 65535]], np.float32), [0, 255]),
    ],
)
def test_numbers_without_a_declared_white_use_the_smallest_usual_range(values, expected) -> None:
    assert np.asarray(load_image(Image.fromarray(values)))[0, :, 0].tolist() == expected


@pytest.mark.parametrize("value", [-1.0, 1e6, float("nan"), float("inf")])
def test_numbers_of_no_usual_range_are_refused(value) -> None:
    with pytest.raises(ImageError, match="holds values"):
        load_image(Image.fromarray(np.array([[0, value]], np.float32)))


def test_transparency_lies_over_white() -> None:
    clear_red = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half_black = Image.new("LA", (4, 4), (0, 128))
    palette = Image.new("P", (4, 4))
    palette.info["transparency"] = 0
    keyed = Image.new("RGB", (4, 4), (9, 9, 9))
    for image, expected in (
        (clear_red, 255),
        (half_black, 127),
        (palette, 255),
        (clear_red.convert("PA"), 255),
    ):
        pixel = load_image(image).getpixel((0, 0))
        assert pixel == (expected,) * 3
    assert load_image(encoded(palette, "PNG", transparency=0)).getpixel((0, 0)) == (255,) * 3
    assert (
        load_image(encoded(palette, "PNG", transparency=b"\0\x80")).getpixel((0, 0)) == (255,) * 3
    )
    assert load_image(encoded(keyed, "PNG", transparency=(9, 9, 9))).getpixel((0, 0)) == (255,) * 3
    assert load_image(encoded(clear_red, "WEBP", lossless=True)).getpixel((0, 0)) == (255,) * 3


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(format) -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue", "lime")]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    red, green, blue = load_image(data).getpixel((5, 5))
    assert red > 240
    assert green < 15
    assert blue < 15


@pytest.mark.parametrize("orientation", STORED_AS)
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_every_orientation_is_set_upright_once(format, orientation) -> None:
    data = sideways(scene(), orientation, format, **LOSSLESS.get(format, {"quality": 95}))
    result = load_image(data)
    assert difference(result, scene()) < (5 if format == "JPEG" else 0.01)
    with Image.open(io.BytesIO(data)) as opened:
        assert load_image(opened) == result
    assert load_image(result) == result


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_ignored(orientation) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert difference(load_image(encoded(scene(), exif=exif)), scene()) == 0


@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_draft_is_upright_and_large_enough(orientation) -> None:
    upright = scene(600, 400)
    data = sideways(upright, orientation, "JPEG", quality=95)
    result = load_image(data, at_least=(140, 90))
    assert result.size == (150, 100)
    assert difference(result, upright.resize((150, 100), Image.Resampling.BOX)) < 3


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from([1, 6]))
def test_a_draft_is_never_smaller_than_asked_nor_larger_than_the_photo(
    width, height, orientation
) -> None:
    result = load_image(sideways(scene(160, 100), orientation, "JPEG"), at_least=(width, height))
    assert min(width, 160) <= result.width <= 160
    assert min(height, 100) <= result.height <= 100


@pytest.mark.parametrize("size", [(160, 100), (80, 50), (40, 25)])
def test_a_draft_is_as_small_as_a_whole_divisor_allows(size) -> None:
    assert load_image(encoded(scene(160, 100), "JPEG"), at_least=size).size == size


def test_only_files_are_drafted() -> None:
    data = encoded(scene(600, 400), "JPEG")
    with Image.open(io.BytesIO(data)) as opened:
        assert load_image(opened, at_least=(60, 40)).size == (600, 400)
    assert load_image(encoded(scene(600, 400)), at_least=(60, 40)).size == (600, 400)


@given(
    st.sampled_from([(), (1,), (3,), (4,)]).flatmap(
        lambda channels: arrays(
            np.uint8,
            st.tuples(st.integers(1, 9), st.integers(1, 9)).map(lambda size: (*size, *channels)),
        )
    )
)
def test_arrays_of_bytes_are_taken_as_they_are(array) -> None:
    before = array.copy()
    result = np.asarray(load_image(array))
    assert result.shape == (*array.shape[:2], 3)
    if array.ndim == 3 and array.shape[2] == 3:
        np.testing.assert_array_equal(result, array)
    elif array.ndim == 3 and array.shape[2] == 4:
        alpha = array[..., 3:] / 255
        np.testing.assert_allclose(result, array[..., :3] * alpha + 255 * (1 - alpha), atol=1)
    else:
        np.testing.assert_array_equal(result[..., 0], array.reshape(array.shape[:2]))
    np.testing.assert_array_equal(array, before)


@given(
    arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        (3, 4, 3),
        elements=st.floats(0, 1, width=16),
    )
)
def test_floating_point_arrays_span_0_to_1(array) -> None:
    np.testing.assert_allclose(np.asarray(load_image(array)), array * 255.0, atol=0.51)


def test_views_of_any_layout_are_read_correctly() -> None:
    array = np.asarray(scene())
    for view in (array[::-1], array[:, ::2], array[..., ::-1], np.asfortranarray(array)):
        np.testing.assert_array_equal(np.asarray(load_image(view)), view)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5, np.uint8),
        np.zeros((3, 20, 20), np.uint8),
        np.zeros((20, 20, 2), np.uint8),
        np.zeros((1, 20, 20, 3), np.uint8),
        np.zeros((), np.uint8),
    ],
)
def test_the_shape_of_an_array_is_checked(array) -> None:
    with pytest.raises(ImageError, match=r"shape .* expected \(rows, columns\)"):
        load_image(array)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint32, bool, complex, object, "U1"])
def test_the_dtype_of_an_array_is_checked(dtype) -> None:
    with pytest.raises(ImageError, match="dtype .* expected uint8"):
        load_image(np.zeros((4, 4), dtype))


@pytest.mark.parametrize("value", [-0.1, 1.01, 255, np.nan, np.inf])
def test_the_range_of_a_floating_point_array_is_checked(value) -> None:
    with pytest.raises(ImageError, match="outside 0 to 1"):
        load_image(np.array([[0.0, value]]))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0, 3)])
def test_an_array_without_pixels_is_refused(shape) -> None:
    with pytest.raises(ImageError, match="at least 1 x 1"):
        load_image(np.zeros(shape, np.uint8))
