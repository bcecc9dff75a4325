import io

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mirnet.pictures import tiff

EXPOSURE = 0x8769


def big_endian_block():
    """Pillow writes EXIF in big-endian order."""
    block = Image.Exif()
    block[0x010F] = "Acme"
    exposure = block.get_ifd(EXPOSURE)
    exposure[0x829A], exposure[0x8827], exposure[0xA002] = 0.008, 6400, 4000
    exposure[0x927C] = b"\1\2\3\4\5"
    exposure.update({0xA005: {1: "R98"}})
    return block.tobytes()


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_goes_into_a_tiff_and_comes_out(order, big):
    file = io.BytesIO()
    pixels = np.arange(60, dtype=np.uint16).reshape(5, 4, 3)
    tifffile.imwrite(file, pixels, byteorder="<", bigtiff=big, photometric="rgb")

    tiff.add(file, exif=big_endian_block() if order == ">" else le(big_endian_block()))

    file.seek(0)
    with tifffile.TiffFile(file) as found:
        tags = found.pages[0].tags
        np.testing.assert_array_equal(found.asarray(), pixels)
        assert tags["Make"].value == "Acme"
        exposure = tags["ExifTag"].value
        assert exposure["ISOSpeedRatings"] == 6400
        assert exposure["ExposureTime"] in (0.008, (1, 125))
        assert exposure["MakerNote"] == b"\1\2\3\4\5"
        assert "PixelXDimension" not in exposure
    block = Image.Exif()
    block.load(tiff.read_exif(file))
    assert block[0x010F] == "Acme"
    assert block.get_ifd(EXPOSURE)[0x8827] == 6400


def le(block):
    return tiff.to_block(tiff.from_block(block))


def test_exif_of_a_big_endian_tiff_is_read():
    file = io.BytesIO()
    image = Image.fromarray(np.zeros((2, 2), np.uint8))
    exif = Image.Exif()
    exif.load(big_endian_block())
    image.save(file, "tiff", exif=exif, big_tiff=False)
    pixels = np.zeros((2, 2), np.uint8)
    swapped = io.BytesIO()
    tifffile.imwrite(swapped, pixels, byteorder=">", extratags=[(271, 2, 0, "Acme", True)])

    assert tiff.from_block(tiff.read_exif(swapped)).values[271] == (2, b"Acme\0")
    assert tiff.from_block(tiff.read_exif(file)).values[271] == (2, b"Acme\0")


def test_maker_notes_that_fit_no_jpeg_stay_behind():
    note = {tiff.MAKER_NOTE: (7, bytes(70_000)), 0x8827: (3, b"\1\0")}
    block = tiff.to_block(tiff.Directory(children={EXPOSURE: tiff.Directory(note)}))

    kept = tiff.from_block(tiff.read_exif(io.BytesIO(block.removeprefix(tiff.HEADER))))

    assert kept.children[EXPOSURE].values == {0x8827: (3, b"\1\0")}


def test_iptc_stored_as_words_of_the_other_order_is_mended():
    file = io.BytesIO()
    iptc = b"\x1c\x02\x78\x00\x03Hey"
    words = np.frombuffer(iptc, ">u4").tolist()
    tifffile.imwrite(file, np.zeros((2, 2), np.uint8), extratags=[(33723, 4, 2, words, True)])

    assert tiff.read_iptc(file) == iptc


def test_a_directory_that_points_to_itself_ends():
    loop = b"II*\0\x08\0\0\0" + b"\1\0" + bytes.fromhex("69870400 01000000 08000000") + bytes(4)

    assert tiff.from_block(loop).children[EXPOSURE].children[EXPOSURE].children == {}


@given(st.binary(max_size=200), st.sampled_from((b"", b"II*\0\x08\0\0\0\2\0", b"MM\0+\0\x08\0\0")))
def test_damaged_data_counts_as_none_or_yields_something(data, head):
    file = io.BytesIO(head + data)

    assert isinstance(tiff.read_exif(file), bytes | None)
    assert isinstance(tiff.read_iptc(file), bytes | None)
    assert isinstance(tiff.from_block(head + data), tiff.Directory)
