"""What is no picture, or too large, is refused in one sentence."""

import contextlib
import os
import struct
import threading
import warnings

import pytest
from pictures import encoded, png_header, scene
from PIL import Image, ImageFile

from caption.errors import ImageError
from caption.vision.image import MAX_PIXELS, load_image


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
