import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mirnet.errors import ImageError
from mirnet.pictures import pixels

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from((1, 3)))
PICTURES = st.sampled_from((np.uint8, np.uint16)).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))


@given(PICTURES)
def test_integers_come_back_from_float_unchanged(picture):
    image = pixels.to_float(picture)

    assert image.dtype == np.float32
    np.testing.assert_array_equal(pixels.from_float(image, picture.dtype), picture)


def test_every_16_bit_value_comes_back():
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)

    np.testing.assert_array_equal(pixels.from_float(pixels.to_float(every), np.uint16), every)


def test_the_dtype_decides_the_range_of_a_dark_picture():
    dark = np.full((2, 2, 1), 200, np.uint16)

    assert pixels.to_float(dark).max() == np.float32(200 / 65535)


def test_float_is_neither_copied_nor_clipped():
    image = np.array([[[-1.0], [2.0], [np.nan]]], np.float32)

    assert pixels.to_float(image) is image
    assert pixels.from_float(image, np.float32) is image


def test_integers_are_clipped_and_rounded_and_nan_is_black():
    image = np.array([[[-0.5], [0.4 / 255], [0.6 / 255], [1.5], [np.nan], [np.inf]]], np.float32)

    assert pixels.from_float(image, np.uint8).ravel().tolist() == [0, 0, 1, 255, 0, 255]


@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.bool_, np.complex64])
def test_other_dtypes_are_named_in_the_error(dtype):
    with pytest.raises(ImageError, match=f"{np.dtype(dtype)}.*uint8, uint16 or float32"):
        pixels.to_float(np.zeros((1, 1, 1), dtype))
    with pytest.raises(ImageError, match=f"{np.dtype(dtype)}.*uint8, uint16 or float32"):
        pixels.from_float(np.zeros((1, 1, 1), np.float32), dtype)


@given(PICTURES)
def test_grey_survives_the_way_to_rgb_and_back(picture):
    image = pixels.to_float(picture)

    rgb = pixels.to_rgb(image)

    assert rgb.shape[2] == 3
    np.testing.assert_allclose(pixels.to_channels(rgb, image.shape[2]), image, rtol=1e-6)


def test_colour_is_not_copied():
    image = np.zeros((2, 3, 3), np.float32)

    assert pixels.to_rgb(image) is image
    assert pixels.to_channels(image, 3) is image


def test_other_numbers_of_channels_raise():
    with pytest.raises(ImageError, match="2 channels"):
        pixels.to_rgb(np.zeros((1, 1, 2), np.uint8))
    with pytest.raises(ImageError, match="1 channels cannot become 3"):
        pixels.to_channels(np.zeros((1, 1, 1), np.float32), 3)
