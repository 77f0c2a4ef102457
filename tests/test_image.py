import contextlib
import io
import os
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFile, ImageFilter

from caption.errors import DataError, ImageError
from caption.vision.config import AugmentConfig, PreprocessConfig
from caption.vision.image import (
    MAX_PIXELS,
    Augment,
    Preprocess,
    list_images,
    load_image,
    resolve_inside,
)

TURN = Image.Transpose
# How an upright picture has to be stored for each EXIF orientation to set it right again.
STORED_AS = {
    1: None,
    2: TURN.FLIP_LEFT_RIGHT,
    3: TURN.ROTATE_180,
    4: TURN.FLIP_TOP_BOTTOM,
    5: TURN.TRANSPOSE,
    6: TURN.ROTATE_90,
    7: TURN.TRANSVERSE,
    8: TURN.ROTATE_270,
}
LOSSLESS = {"PNG": {}, "TIFF": {}, "BMP": {}, "WEBP": {"lossless": True}}


def scene(width: int = 48, height: int = 32) -> Image.Image:
    """Return a smooth picture without symmetries, so that JPEG keeps it and no turn equals it."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def sideways(image: Image.Image, orientation: int, format: str, **options) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = STORED_AS[orientation]
    return encoded(image if turn is None else image.transpose(turn), format, exif=exif, **options)


def difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))


# Every kind of source


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


# Colours

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


# Upright


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


# Draft decoding


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


# Arrays


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


# What is refused


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"just some words\n" * 20, "not a picture that can be read"),
        (b"\x89PNG\r\n\x1a\n", "damaged|not a picture"),
        (b"\xff\xd8\xff", "damaged|not a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50), "an HEIC picture.*convert it to JPEG"),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(50), "an AVIF picture.*convert it"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp42isom" + bytes(50), "a video"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing.*convert it"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg/>', "an SVG drawing"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture that can be read"),
        (png_header(30_000, 30_000), "megapixels"),
        (png_header(10_000, 10_000), "10000 x 10000 pixels, expected at most 64 megapixels"),
        (png_header(9_000, 8_000), "9000 x 8000 pixels"),
        (png_header(9_000, 80), "no side over 100 times"),
        (png_header(80, 9_000), "no side over 100 times"),
        (png_header(0, 9), "damaged|at least 1 x 1|not a picture"),
        (png_header(50, 50), "damaged or incomplete"),
        (bytes(64 * 2**20 + 1), "larger than 64 MB"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_the_refusal_says_why(data, sentence, tmp_path) -> None:
    with pytest.raises(ImageError, match=rf"(?s)^the image .*({sentence})"):
        load_image(data)
    path = tmp_path / "holiday.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=rf"(?s)^'holiday.jpg' .*({sentence})") as caught:
        load_image(path)
    assert str(tmp_path) not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(8001, 8000), (9, 901), (901, 9), (0, 5)])
def test_images_in_memory_keep_to_the_same_limits(size) -> None:
    assert (size[0] * size[1] > MAX_PIXELS) == (size[0] == 8001)
    with pytest.raises(ImageError, match=f"{size[0]} x {size[1]} pixels"):
        load_image(Image.new("1", size))


@pytest.mark.parametrize("size", [(9, 900), (900, 9), (1, 1), (100, 1)])
def test_the_limits_themselves_are_allowed(size) -> None:
    assert load_image(encoded(Image.new("1", size))).size == size


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(format, kept) -> None:
    data = encoded(scene(96, 64), format)
    with pytest.raises(ImageError, match="damaged or incomplete|not a picture"):
        load_image(data[: int(len(data) * kept)])


def test_what_is_no_ordinary_file_is_refused_without_opening_it(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    for name, sentence in (
        ("", "is a folder"),
        ("pipe.jpg", "'pipe.jpg' is a pipe or device"),
        ("loop.jpg", "'loop.jpg' cannot be opened"),
        ("none.jpg", "there is no file 'none.jpg'"),
        ("nul\0.jpg", "cannot be opened"),
        ("\ud800.jpg", "cannot be opened"),
        ("x" * 300, "cannot be opened"),
    ):
        with pytest.raises(ImageError, match=sentence) as caught:
            load_image(tmp_path / name)
        str(caught.value).encode()  # can be printed
    with pytest.raises(ImageError, match="'zero' is a pipe or device"):
        load_image("/dev/zero")
    with pytest.raises(ImageError, match="'cat.jpg' is a web address"):
        load_image("https://example.org/cat.jpg")


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch) -> None:
    path = tmp_path / "secret.png"
    scene().save(path)
    path.chmod(0)
    if os.access(path, os.R_OK):  # the administrator may read everything

        def refuse(*args, **kwargs):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(ImageError, match=r"'secret.png' may not be read"):
        load_image(path)


@pytest.mark.parametrize(
    "error", [SyntaxError, ValueError, NotImplementedError, struct.error, IndexError, EOFError]
)
def test_whatever_a_parser_raises_is_an_image_error(error, monkeypatch) -> None:
    def fail(self):
        raise error("deep inside")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(ImageError, match="^the image is damaged") as caught:
        load_image(encoded(scene(), "BMP"))
    assert isinstance(caught.value.__cause__, error)


def test_too_little_memory_is_said_to_be_that(monkeypatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: bytearray(2**62))
    with pytest.raises(ImageError, match="not enough memory for the image"):
        load_image(encoded(scene(), "BMP"))


def test_remarks_about_odd_metadata_stay_inside() -> None:
    # pytest turns a warning that escapes into an error.
    broken = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"
    for format in ("JPEG", "PNG", "WEBP"):
        assert load_image(encoded(scene(), format, exif=broken)).size == (48, 32)


def test_pillow_and_the_warning_filters_are_left_as_they_were() -> None:
    def state():
        return (
            Image.MAX_IMAGE_PIXELS,
            ImageFile.LOAD_TRUNCATED_IMAGES,
            Image.WARN_POSSIBLE_FORMATS,
            list(warnings.filters),
        )

    before, sources = state(), [encoded(scene()), b"no", png_header(30_000, 30_000)] * 20

    def work():
        for source in sources:
            with contextlib.suppress(ImageError):
                load_image(source)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state() == before


# Folders and names


def test_pictures_of_a_folder_come_by_name_and_from_inside_only(tmp_path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    for name in ("b.JPG", "a.png", "sub/c.webp", "notes.txt", ".hidden.png", ".cache/d.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"")
    (folder / "folder.png").mkdir()
    (folder / "escape.png").symlink_to(outside / "secret.png")
    (folder / "escape").symlink_to(outside)
    (folder / "alias.gif").symlink_to(folder / "a.png")
    (folder / "broken.gif").symlink_to(folder / "nothing.gif")
    os.mkfifo(folder / "pipe.png")
    found = [path.relative_to(folder).as_posix() for path in list_images(folder)]
    assert found == ["a.png", "alias.gif", "b.JPG", "sub/c.webp"]
    assert list_images(str(folder)) == list_images(folder)


def test_a_hidden_folder_may_be_listed_when_it_is_named(tmp_path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.png").write_bytes(b"")
    assert list_images(tmp_path / ".cache") == [tmp_path / ".cache" / "a.png"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path) -> None:
    with pytest.raises(ImageError, match="there is no folder 'none'"):
        list_images(tmp_path / "none")


@pytest.mark.parametrize("name", ["a.jpg", "train2014/a.jpg", "ä ö/..a.jpg", "./a.jpg", "a..b"])
def test_names_inside_resolve_whether_or_not_they_exist(tmp_path, name) -> None:
    assert resolve_inside(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/etc/passwd", "../a.jpg", "a/../../b.jpg", "a\0.jpg", "\\\\host\\a", "..\\a"),
        *("C:\\a.jpg", "\ud800", "C:a.jpg", "\\a.jpg", "."),
    ],
)
def test_names_that_lead_elsewhere_are_refused_by_name(tmp_path, name) -> None:
    with pytest.raises(DataError) as caught:
        resolve_inside(tmp_path, name)
    assert repr(name) in str(caught.value)


def test_links_out_of_the_root_are_refused_and_links_inside_are_not(tmp_path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(root)
    (root / "out").symlink_to(tmp_path)
    (root / "in").symlink_to(root / "sub")
    (root / "loop").symlink_to("loop")
    assert resolve_inside(root, "in/a.jpg") == root / "in/a.jpg"
    assert resolve_inside(tmp_path / "linked", "a.jpg") == tmp_path / "linked/a.jpg"
    for name in ("out/a.jpg", "out"):
        with pytest.raises(DataError, match="link out of it"):
            resolve_inside(root, name)
    with pytest.raises(DataError, match="'loop/a.jpg'"):
        resolve_inside(root, "loop/a.jpg")


# To the encoder


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


# In training


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
