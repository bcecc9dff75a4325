import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from mirnet.errors import ImageError
from mirnet.pictures import codec


def store_dng(path, light, orientation=1):
    """A minimal DNG of a sensor under even light (0..1), after Adobe's specification 1.4."""
    sensor = np.full((64, 96), round(light * 16383), np.uint16)
    identity = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
    tags = [
        (271, 2, 0, "Acme", True),
        (272, 2, 0, "Acme One", True),
        (274, 3, 1, orientation, True),
        (33421, 3, 2, (2, 2), True),  # the pattern repeats over two by two,
        (33422, 1, 4, bytes([0, 1, 1, 2]), True),  # red green, green blue
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),
        (50708, 2, 0, "Acme One", True),
        (50717, 4, 1, 16383, True),  # white
        (50721, 10, 9, identity, True),  # of XYZ to the camera's colours
        (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),  # the camera's white balance
        (50778, 3, 1, 21, True),
    ]
    tifffile.imwrite(path, sensor, photometric=32803, metadata=None, extratags=tags)
    return path


@pytest.fixture
def rawpy():
    return pytest.importorskip("rawpy", reason="the extra raw is not installed")


def test_a_raw_file_is_developed_to_16_bit_srgb(tmp_path, rawpy):
    source = codec.open(store_dng(tmp_path / "in.dng", 0.2))

    assert (source.height, source.width, source.channels) == (64, 96, 3)
    assert source.dtype == np.uint16
    assert not source.has_alpha
    assert source.metadata.blocks["icc-profile-data"][36:40] == b"acsp"
    # green of an even 0.2 by the curve of sRGB: no brightening, no other gamma
    expected = 1.055 * 0.2 ** (1 / 2.4) - 0.055
    assert source.read(64)[32, 48, 1] / 65535 == pytest.approx(expected, abs=0.005)


def test_rows_of_a_raw_file_come_in_order(tmp_path, rawpy):
    path = store_dng(tmp_path / "in.dng", 0.2)
    source = codec.open(path)

    bands = [source.read(count) for count in (10, 50, 10, 10)]

    assert [len(band) for band in bands] == [10, 50, 4, 0]
    np.testing.assert_array_equal(np.concatenate(bands), codec.read(path))


def test_a_raw_file_lying_on_its_side_comes_upright(tmp_path, rawpy):
    source = codec.open(store_dng(tmp_path / "in.dng", 0.2, orientation=6))

    assert (source.height, source.width) == (96, 64)


def test_a_raw_file_becomes_a_tiff_with_its_exif(tmp_path, rawpy):
    source = codec.open(store_dng(tmp_path / "in.dng", 0.2, orientation=6))

    notes = codec.write(tmp_path / "out.tif", [source.read(96)], source)

    assert notes == ()
    np.testing.assert_array_equal(codec.read(tmp_path / "out.tif"), codec.read(tmp_path / "in.dng"))
    with Image.open(tmp_path / "out.tif") as image:
        assert image.getexif()[0x010F] == "Acme"
        assert image.getexif()[0x0110] == "Acme One"
        assert image.getexif()[0x0112] == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        (b"", "cannot be developed: "),
        (b"not a picture" * 99, "cannot be developed: Unsupported file format"),
    ],
)
def test_a_broken_raw_file_is_one_line(tmp_path, rawpy, content, told):
    path = tmp_path / "in.nef"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ImageError, match=told) as error:
        codec.open(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_truncated_raw_file_raises(tmp_path, rawpy):
    path = store_dng(tmp_path / "in.dng", 0.2)
    path.write_bytes(path.read_bytes()[:9000])

    with pytest.raises(ImageError, match="cannot be developed"):
        codec.open(path)


def test_without_rawpy_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)

    with pytest.raises(ImageError, match=r'pip install "mirnet\[raw\]"'):
        codec.open(tmp_path / "in.CR3")
