"""A picture's file made in memory holds the same pixels, in the same way as a file on disk."""

import numpy as np
import pytest

from mirnet.errors import ImageError, ShapeError
from mirnet.pictures import codec


@pytest.mark.parametrize("is_fast", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("format", "dtype"),
    [("png", np.uint8), ("png", np.uint16), ("tiff", np.float32), ("webp", np.uint8)],
)
def test_lossless_files_hold_the_pixels(picture, format, dtype, channels, is_fast):
    pixels = picture(40, 30, channels, dtype)

    content = codec.encode(pixels, format, quality=100, is_fast=is_fast)

    read = codec.read(content)
    assert read.dtype == pixels.dtype
    np.testing.assert_array_equal(read, np.broadcast_to(pixels, read.shape))


def test_a_view_is_encoded_like_its_copy(picture):
    view = picture(40, 30)[::-1, :, ::-1]

    assert codec.encode(view, "png") == codec.encode(view.copy(), "png")


def test_a_fast_png_is_another_file_of_the_same_pixels(picture):
    pixels = picture(64, 64)

    fast, small = (codec.encode(pixels, "png", is_fast=is_fast) for is_fast in (True, False))

    assert fast != small
    np.testing.assert_array_equal(codec.read(fast), codec.read(small))


def test_jpeg_keeps_the_resolution_of_colours_as_written_files_do(tmp_path, picture):
    pixels = picture(40, 30)
    codec.write(tmp_path / "a.jpg", [pixels], codec.open(pixels), quality=95)

    content = codec.encode(pixels, "jpeg", quality=95)

    np.testing.assert_array_equal(codec.read(content), codec.read(tmp_path / "a.jpg"))


def test_what_a_format_does_not_hold_is_refused(picture):
    with pytest.raises(ImageError, match="JPEG does not hold 16 bit"):
        codec.encode(picture(8, 8, dtype=np.uint16), "jpeg")
    with pytest.raises(ImageError, match="quality must be 1 to 100, got 0"):
        codec.encode(picture(8, 8), "jpeg", quality=0)
    with pytest.raises(ImageError, match="format gif cannot be written"):
        codec.encode(picture(8, 8), "gif")
    with pytest.raises(ShapeError, match="1 or 3 channels"):
        codec.encode(np.zeros((8, 8, 2), np.uint8), "png")
