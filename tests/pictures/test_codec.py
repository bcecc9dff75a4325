import os
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from mirnet.errors import ImageError
from mirnet.pictures import codec, tiff, writing
from mirnet.pictures.vips import LONGEST

DTYPES = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
EXIF_BASE, EXIF_EXPOSURE, EXIF_GPS = 0x010F, 0x8769, 0x8825
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    b'syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
UPRIGHT_XMP = XMP.replace(b'"6"', b'"1"')
IPTC = b"\x1c\x02\x78\x00\x05Hello"  # one record: a caption
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(height=12, width=17, channels=3, dtype=np.uint8, seed=0):
    values = np.random.default_rng(seed).random((height, width, channels), np.float32)
    if dtype == np.float32:
        return values
    return (values * np.iinfo(dtype).max).astype(dtype)


def store(path, pixels, **options):
    """Write without the code under test."""
    if path.suffix == ".tif":
        options |= {"photometric": "rgb" if pixels.shape[2] > 2 else "minisblack", "metadata": None}
        if pixels.shape[2] in (2, 4):
            options["extrasamples"] = ["unassalpha"]
        grey = pixels.shape[2] == 1
        options |= {} if grey else {"planarconfig": "contig"}
        tifffile.imwrite(path, pixels[..., 0] if grey else pixels, **options)
    else:
        height, width, bands = pixels.shape
        names = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
        data = np.ascontiguousarray(pixels)
        image = pyvips.Image.new_from_memory(data, width, height, bands, names[pixels.dtype])
        deep = pixels.dtype == np.uint16
        space = ("grey16" if deep else "b-w") if bands < 3 else ("rgb16" if deep else "srgb")
        image.copy(interpretation=space).write_to_file(str(path))
    return path


def bands_of(source, height=5):
    while (band := source.read(height)).size:
        yield band


def tifffile_decodes(path):
    """It does not know the predictor for floats."""
    with tifffile.TiffFile(path) as tiff:
        return tiff.pages[0].predictor != 3


def restore(path, target, **options):
    """Write what was read."""
    source = codec.open(path)
    return codec.write(target, bands_of(source), source, **options)


def whole(path):
    """Everything with alpha, by a decoder of its own where there is one."""
    if path.suffix == ".tif" and tifffile_decodes(path):
        found = tifffile.imread(path)
        return found.reshape(*found.shape[:2], -1)
    image = pyvips.Image.new_from_file(str(path), revalidate=True)
    return image.numpy().reshape(image.height, image.width, image.bands)


def one_line(error):
    message = str(error.value)
    return "\n" not in message and len(message) < LONGEST + 200


# lossless and lossy round trips


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (".tif", np.uint8),
        (".tif", np.uint16),
        (".tif", np.float32),
        (".png", np.uint8),
        (".png", np.uint16),
    ],
)
def test_lossless_formats_give_back_every_value(tmp_path, suffix, dtype, channels):
    pixels = picture(channels=channels, dtype=dtype)
    path = store(tmp_path / f"in{suffix}", pixels)

    source = codec.open(path)
    notes = codec.write(tmp_path / f"out{suffix}", bands_of(source), source)

    assert (source.height, source.width) == pixels.shape[:2]
    assert source.dtype == dtype
    assert source.channels == (1 if channels < 3 else 3)
    assert source.has_alpha == (channels in (2, 4))
    assert notes == source.notes == ()
    np.testing.assert_array_equal(codec.read(path), pixels[..., : source.channels])
    np.testing.assert_array_equal(whole(tmp_path / f"out{suffix}"), pixels)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    channels=st.integers(1, 4),
    dtype=st.sampled_from((np.uint8, np.uint16, np.float32)),
    step=st.integers(1, 80),
)
def test_any_size_and_any_height_of_bands_round_trips(
    tmp_path, height, width, channels, dtype, step
):
    pixels = picture(height, width, channels, dtype, seed=height * width)
    source = codec.open(store(tmp_path / "in.tif", pixels))

    codec.write(tmp_path / "out.tif", bands_of(source, step), source)

    again = codec.open(tmp_path / "out.tif")
    np.testing.assert_array_equal(again.read(height), pixels[..., : source.channels])
    np.testing.assert_array_equal(whole(tmp_path / "out.tif"), pixels)


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_quality_100_keeps_8_bits_exactly(tmp_path, suffix, channels):
    pixels = picture(channels=channels)
    pixels[:4, ..., 3:] = 0  # colours under full transparency count too

    restore(store(tmp_path / "in.png", pixels), tmp_path / f"out{suffix}", quality=100)

    np.testing.assert_array_equal(whole(tmp_path / f"out{suffix}"), pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossy_formats_come_close(tmp_path, suffix, channels):
    ramp = np.linspace(0, 255, 64 * 48).reshape(48, 64, 1).astype(np.uint8)
    pixels = np.repeat(ramp, channels, axis=2)

    restore(store(tmp_path / "in.png", pixels), tmp_path / f"out{suffix}")

    difference = codec.read(tmp_path / f"out{suffix}").astype(int) - pixels
    assert np.abs(difference).max() <= 6


def test_alpha_is_exact_in_lossy_webp(tmp_path):
    pixels = picture(40, 40, 4)

    restore(store(tmp_path / "in.png", pixels), tmp_path / "out.webp", quality=50)

    np.testing.assert_array_equal(whole(tmp_path / "out.webp")[..., 3], pixels[..., 3])


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_a_dark_16_bit_picture_keeps_its_range(tmp_path, suffix):
    dark = picture(dtype=np.uint16) // 256

    restore(store(tmp_path / f"in{suffix}", dark), tmp_path / f"out{suffix}")

    np.testing.assert_array_equal(whole(tmp_path / f"out{suffix}"), dark)


def test_floats_outside_the_range_and_nan_are_handed_on(tmp_path):
    pixels = picture(channels=4, dtype=np.float32) * 8 - 4
    pixels[0, 0], pixels[1, 1], pixels[2, 2] = np.nan, np.inf, -1e30

    restore(store(tmp_path / "in.tif", pixels), tmp_path / "out.tif")

    np.testing.assert_array_equal(codec.read(tmp_path / "in.tif"), pixels[..., :3])
    np.testing.assert_array_equal(whole(tmp_path / "out.tif"), pixels)


@pytest.mark.parametrize(
    ("dtype", "suffix", "expected", "note"),
    [
        (np.uint16, ".jpg", np.uint8, "16 bit became 8 bit, the most that JPEG holds"),
        (np.float32, ".jpg", np.uint8, "32-bit float became 8 bit, the most that JPEG holds"),
        (np.uint16, ".webp", np.uint8, "16 bit became 8 bit, the most that WebP holds"),
        (np.float32, ".png", np.uint16, "32-bit float became 16 bit, the most that PNG holds"),
        (np.uint16, ".avif", np.uint16, "16 bit became 12 bit, the most that AVIF holds"),
        (np.float32, ".avif", np.uint16, "32-bit float became 12 bit, the most that AVIF holds"),
    ],
)
def test_a_lesser_depth_is_noted_and_white_stays_white(tmp_path, dtype, suffix, expected, note):
    white = {np.uint16: 65535, np.float32: 1}[dtype]
    pixels = np.full((32, 32, 3), white, dtype)
    pixels[:16] = 0

    notes = restore(store(tmp_path / "in.tif", pixels), tmp_path / f"out{suffix}")

    found = codec.read(tmp_path / f"out{suffix}")
    assert notes == (note,)
    assert found.dtype == expected
    levels = 4095 if suffix == ".avif" else np.iinfo(expected).max
    np.testing.assert_allclose(found[:16] / np.iinfo(expected).max, 0, atol=2.1 / levels)
    np.testing.assert_allclose(found[16:] / np.iinfo(expected).max, 1, atol=2.1 / levels)


def test_a_float_in_a_png_is_rounded_to_nearest(tmp_path):
    pixels = picture(channels=4, dtype=np.float32)

    restore(store(tmp_path / "in.tif", pixels), tmp_path / "out.png")

    found = whole(tmp_path / "out.png") / 65535
    assert np.abs(found - pixels).max() <= 0.51 / 65535


def test_12_bits_of_avif_survive_another_round(tmp_path):
    levels = picture(32, 32, dtype=np.uint16) // 16
    restore(
        store(tmp_path / "in.tif", levels * 16 + levels // 256), tmp_path / "a.avif", quality=100
    )

    restore(tmp_path / "a.avif", tmp_path / "b.avif", quality=100)

    np.testing.assert_array_equal(
        codec.read(tmp_path / "a.avif") >> 4, codec.read(tmp_path / "b.avif") >> 4
    )


# metadata


def exif():
    block = Image.Exif()
    block[0x010F], block[0x013B], block[0x9286] = "Acme", "Someone", "unused"
    block[0x0112] = 6
    exposure = block.get_ifd(EXIF_EXPOSURE)
    exposure[0x829A], exposure[0xA434] = 0.008, "Lens 50mm"
    exposure[0x9003] = "2024:05:06 07:08:09"
    place = block.get_ifd(EXIF_GPS)
    place[1], place[2] = "N", (47.0, 22.0, 33.5)
    return block


def assert_exif(path):
    with Image.open(path) as image:
        found = image.getexif()
        exposure, place = found.get_ifd(EXIF_EXPOSURE), found.get_ifd(EXIF_GPS)
        assert found[0x010F] == "Acme"
        assert found[0x013B] == "Someone"
        assert found.get(0x0112, 1) == 1
        assert float(exposure[0x829A]) == 0.008
        assert exposure[0xA434] == "Lens 50mm"
        assert exposure[0x9003] == "2024:05:06 07:08:09"
        assert place[1] == "N"
        assert tuple(map(float, place[2])) == (47, 22, 33.5)


def rich(path):
    """A picture with everything, lying on its side."""
    image = Image.fromarray(picture(30, 40))
    image.save(path, exif=exif(), icc_profile=ICC, xmp=XMP, dpi=(240, 240))
    return path


@pytest.mark.parametrize("target", [".jpg", ".png", ".tif", ".webp", ".avif"])
@pytest.mark.parametrize("first", ["jpg", "tif", "png", "webp", "avif"])
def test_exif_profile_and_xmp_survive_between_all_formats(tmp_path, first, target):
    path = rich(tmp_path / "rich.jpg")
    start = tmp_path / f"start.{first}"
    assert restore(path, start) == ()

    notes = restore(start, tmp_path / f"out{target}")

    assert notes == ()
    assert_exif(tmp_path / f"out{target}")
    carried = codec.open(tmp_path / f"out{target}").metadata.blocks
    assert carried["icc-profile-data"] == ICC
    assert carried["xmp-data"] == UPRIGHT_XMP


def test_a_bigtiff_carries_everything_too(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "BIG", 0)

    assert restore(rich(tmp_path / "rich.jpg"), tmp_path / "out.tif") == ()

    assert (tmp_path / "out.tif").read_bytes()[:4] == b"II+\0"
    assert_exif(tmp_path / "out.tif")
    np.testing.assert_array_equal(
        codec.read(tmp_path / "out.tif"), codec.read(tmp_path / "rich.jpg")
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_names_beyond_ascii_survive_in_exif_and_lost_tags_are_noted(tmp_path, suffix):
    """libvips writes by libexif, which knows no rating."""
    block = tiff.Directory({315: (2, "Zoë\0".encode()), 18246: (3, b"\5\0")})
    source = codec.open(rich(tmp_path / "rich.jpg"))
    source.metadata.blocks["exif-data"] = tiff.to_block(block)

    notes = codec.write(tmp_path / f"out{suffix}", bands_of(source), source)

    found = codec.open(tmp_path / f"out{suffix}").metadata.blocks["exif-data"]
    assert tiff.from_block(found).values[315] == (2, "Zoë\0".encode())
    assert (18246 in tiff.tags(found)) == (suffix == ".tif")
    assert [note for note in notes if "EXIF tag 18246" in note] == list(notes)
    assert bool(notes) == (suffix != ".tif")


def test_the_thumbnail_of_the_picture_before_stays_behind(tmp_path):
    rich(tmp_path / "rich.jpg")
    thumbnail = tmp_path / "thumbnail.jpg"
    Image.new("RGB", (8, 8)).save(thumbnail)
    source = codec.open(tmp_path / "rich.jpg")
    block = with_thumbnail(tiff.Directory({271: (2, b"Acme\0")}), thumbnail.read_bytes())
    source.metadata.blocks["exif-data"] = block
    with Image.open(tmp_path / "rich.jpg") as image:
        image.save(tmp_path / "before.jpg", exif=block)

    restore(tmp_path / "before.jpg", tmp_path / "after.jpg")

    before, after = (tmp_path / name for name in ("before.jpg", "after.jpg"))
    assert thumbnail.read_bytes() in before.read_bytes()
    assert thumbnail.read_bytes() not in after.read_bytes()


def with_thumbnail(directory, data):
    """EXIF keeps it in a second directory."""
    block = bytearray(tiff.to_block(directory).removeprefix(tiff.HEADER))
    second = len(block)
    block[-4:] = second.to_bytes(4, "little")
    place = second + 2 + 3 * 12 + 4
    entries = ((0x0103, 3, 6), (0x0201, 4, place), (0x0202, 4, len(data)))
    block += struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        block += struct.pack("<HHII", tag, kind, 1, value)
    return bytes(tiff.HEADER + block + bytes(4) + data)


def test_blocks_too_long_for_a_jpeg_are_noted(tmp_path):
    source = codec.open(rich(tmp_path / "rich.jpg"))
    source.metadata.blocks["xmp-data"] = XMP + b" " * 70_000

    notes = codec.write(tmp_path / "out.jpg", bands_of(source), source)

    assert notes == ("JPEG could not carry the XMP",)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_the_resolution_survives(tmp_path, suffix):
    restore(rich(tmp_path / "rich.jpg"), tmp_path / f"out{suffix}")

    with Image.open(tmp_path / f"out{suffix}") as image:
        assert image.info["dpi"] == pytest.approx((240, 240), abs=0.1)


def test_a_picture_without_resolution_gets_72_dpi(tmp_path):
    restore(store(tmp_path / "in.tif", picture()), tmp_path / "out.tif")

    with Image.open(tmp_path / "out.tif") as image:
        assert image.info["dpi"] == pytest.approx((72, 72), abs=0.1)


def test_iptc_is_repacked_between_jpeg_and_tiff(tmp_path):
    image = Image.fromarray(picture())
    image.save(tmp_path / "in.tif", tiffinfo={33723: IPTC})

    assert restore(tmp_path / "in.tif", tmp_path / "a.jpg") == ()
    assert restore(tmp_path / "a.jpg", tmp_path / "b.tif") == ()
    assert restore(tmp_path / "b.tif", tmp_path / "c.tif") == ()

    with Image.open(tmp_path / "a.jpg") as jpeg:
        assert jpeg.info["photoshop"] == {0x0404: IPTC}
    with tifffile.TiffFile(tmp_path / "c.tif") as tiff:
        assert bytes(tiff.pages[0].tags[33723].value) == IPTC


def test_iptc_is_found_behind_other_resources_of_photoshop(tmp_path):
    other = b"8BIM\x04\x25\x00\x00" + (3).to_bytes(4, "big") + b"abc\0"
    own = b"8BIM\x04\x04\x00\x00" + len(IPTC).to_bytes(4, "big") + IPTC
    source = codec.open(rich(tmp_path / "rich.jpg"))
    source.metadata.blocks["iptc-data"] = b"Photoshop 3.0\0" + other + own

    codec.write(tmp_path / "out.tif", bands_of(source), source)

    assert codec.open(tmp_path / "out.tif").metadata.blocks["iptc-data"] == IPTC


def test_photoshop_s_resources_without_iptc_are_noted_as_lost(tmp_path):
    source = codec.open(rich(tmp_path / "rich.jpg"))
    source.metadata.blocks["iptc-data"] = b"Photoshop 3.0\0"

    notes = codec.write(tmp_path / "out.tif", bands_of(source), source)

    assert notes == ("TIFF could not carry the IPTC",)


def test_what_a_format_cannot_carry_is_noted(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "in.tif", tiffinfo={33723: IPTC})

    notes = restore(tmp_path / "in.tif", tmp_path / "out.webp")

    assert notes == ("WebP could not carry the IPTC",)


def test_the_text_of_a_png_survives(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "A thing")
    Image.fromarray(picture()).save(tmp_path / "in.png", pnginfo=text)

    restore(tmp_path / "in.png", tmp_path / "out.png")

    with Image.open(tmp_path / "out.png") as image:
        assert image.text["Title"] == "A thing"


def test_the_profile_of_grey_becomes_srgb_where_grey_becomes_rgb(tmp_path):
    grey = pyvips.Image.new_from_memory(picture(channels=1), 17, 12, 1, "uchar")
    gamma = grey_profile()
    grey = grey.copy(interpretation="b-w")
    grey.set_type(pyvips.GValue.blob_type, "icc-profile-data", gamma)
    grey.pngsave(str(tmp_path / "in.png"))

    kept = restore(tmp_path / "in.png", tmp_path / "out.tif")
    notes = restore(tmp_path / "in.png", tmp_path / "out.webp")

    assert kept == ()
    assert codec.open(tmp_path / "out.tif").metadata.blocks["icc-profile-data"] == gamma
    assert "profile of grey was converted to sRGB" in notes[0]
    profile = codec.open(tmp_path / "out.webp").metadata.blocks["icc-profile-data"]
    assert profile[16:20] == b"RGB "


def grey_profile():
    """A minimal ICC profile of grey: white point and a curve of gamma 2.2, by the standard."""
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + b"\x02\x33" + bytes(2)
    white = b"XYZ " + bytes(4) + bytes.fromhex("0000f6d6000100000000d32d")
    name = b"desc" + bytes(4) + (2).to_bytes(4, "big") + b"g\0" + bytes(78)
    legal = b"text" + bytes(4) + b"none\0" + bytes(3)
    place, table, body = 128 + 4 + 12 * 4, b"", b""
    for tag, data in ((b"desc", name), (b"wtpt", white), (b"kTRC", curve), (b"cprt", legal)):
        data += bytes(-len(data) % 4)
        table += tag + (place + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    head = bytes(4) + b"lcms" + bytes.fromhex("02400000") + b"mntrGRAYXYZ " + bytes(12) + b"acsp"
    head = head.ljust(68, b"\0") + bytes.fromhex("0000f6d6000100000000d32d")
    whole = head.ljust(128, b"\0") + (4).to_bytes(4, "big") + table + body
    return len(whole).to_bytes(4, "big") + whole[4:]


# orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".webp"])
def test_pixels_are_turned_upright_and_the_tag_says_so(tmp_path, suffix, orientation):
    tag = Image.Exif()
    tag[0x0112] = orientation
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :16] = 255  # the corner tells all eight apart, with the shape
    stored[:8, 16:] = 120
    options = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(stored).save(tmp_path / f"in{suffix}", exif=tag, **options)
    expected = turned(stored, orientation)

    source = codec.open(tmp_path / f"in{suffix}")
    codec.write(tmp_path / "out.tif", bands_of(source), source)
    restore(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}")

    assert (source.height, source.width) == expected.shape[:2]
    tolerance = 8 if suffix == ".jpg" else 0
    np.testing.assert_allclose(whole(tmp_path / "out.tif"), expected, atol=tolerance)
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert image.getexif().get(0x0112, 1) == 1
        assert image.size == expected.shape[1::-1]


def turned(pixels, orientation):
    """By the definition of TIFF 6.0: where the stored first row and column belong."""
    if orientation > 4:
        pixels = pixels.transpose(1, 0, 2)
    flip_rows, flip_columns = {
        1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)
    }[orientation]  # fmt: skip
    return pixels[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def test_alpha_is_turned_along(tmp_path):
    pixels = picture(10, 20, 4)
    store(tmp_path / "in.tif", pixels, extratags=[(274, 3, 1, 6, True)])

    restore(tmp_path / "in.tif", tmp_path / "out.tif")

    np.testing.assert_array_equal(whole(tmp_path / "out.tif"), turned(pixels, 6))


# unusual files


def test_a_palette_is_written_as_rgb_with_a_note(tmp_path):
    paletted = Image.fromarray(picture()).quantize(16)
    paletted.save(tmp_path / "in.png")

    source = codec.open(tmp_path / "in.png")

    assert source.notes == ("palette is written as RGB",)
    np.testing.assert_array_equal(source.read(99), np.asarray(paletted.convert("RGB")))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_one_bit_becomes_8_bits_with_a_note(tmp_path, suffix):
    bits = picture(channels=1)[..., 0] > 127
    Image.fromarray(bits).save(tmp_path / f"in{suffix}")

    source = codec.open(tmp_path / f"in{suffix}")

    assert source.notes == ("1 bit is written as 8 bit",)
    assert source.dtype == np.uint8
    np.testing.assert_array_equal(source.read(99)[..., 0], bits * np.uint8(255))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_becomes_srgb_with_its_profile(tmp_path, suffix):
    grey = Image.new("CMYK", (32, 32), (0, 0, 0, 128))
    grey.save(tmp_path / f"in{suffix}")

    source = codec.open(tmp_path / f"in{suffix}")
    restore(tmp_path / f"in{suffix}", tmp_path / "out.png")

    assert source.notes == ("CMYK was converted to sRGB",)
    assert (source.channels, source.has_alpha) == (3, False)
    assert source.metadata.blocks["icc-profile-data"][16:20] == b"RGB "
    red, green, blue = source.read(99)[16, 16].astype(int)
    assert 90 < red < 190
    assert abs(red - green) < 25
    assert abs(green - blue) < 25


def test_16_bit_cmyk_keeps_its_depth(tmp_path):
    ink = np.zeros((8, 8, 4), np.uint16)
    tifffile.imwrite(tmp_path / "in.tif", ink, photometric="separated", planarconfig="contig")

    source = codec.open(tmp_path / "in.tif")

    assert (source.dtype, source.channels) == (np.uint16, 3)
    assert (source.read(8) > 65000).all()


def test_lab_becomes_srgb_with_a_note(tmp_path):
    lab = pyvips.Image.new_from_array(
        np.full((9, 9, 3), (50, 0, 0), np.float32), interpretation="lab"
    )
    lab.tiffsave(str(tmp_path / "in.tif"))

    source = codec.open(tmp_path / "in.tif")

    assert source.notes == ("Lab was converted to sRGB",)
    white = np.iinfo(source.dtype).max
    assert source.read(9)[4, 4] / white == pytest.approx([0.466] * 3, abs=0.005)


@pytest.mark.parametrize(
    ("space", "dtype", "values"),
    [
        (8, np.uint8, (200, 20, 256 - 30)),  # CIE: a and b are signed
        (8, np.uint16, (51400, 20 * 256, 65536 - 30 * 256)),
        (9, np.uint8, (200, 148, 98)),  # ICC: they are shifted by 128
        (9, np.uint16, (51200, 148 * 256, 98 * 256)),
    ],
)
def test_all_encodings_of_lab_give_the_same_colour(tmp_path, space, dtype, values):
    """L is 78.4, a 20, b -30: (204, 184, 250) in sRGB."""
    tifffile.imwrite(
        tmp_path / "in.tif", np.full((9, 9, 3), values, dtype), photometric=space, metadata=None
    )

    source = codec.open(tmp_path / "in.tif")

    assert (source.dtype, source.notes) == (dtype, ("Lab was converted to sRGB",))
    found = source.read(9)[4, 4] / np.iinfo(dtype).max * 255
    np.testing.assert_allclose(found, (204, 184, 250), atol=1)


def test_the_lab_of_fax_machines_is_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "in.tif", np.zeros((9, 9, 3), np.uint8), photometric=10, metadata=None
    )

    with pytest.raises(ImageError, match="holds the Lab of fax machines"):
        codec.open(tmp_path / "in.tif")


@pytest.mark.parametrize("options", [{}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}])
def test_a_lossless_webp_stays_lossless_unless_a_quality_is_given(tmp_path, options):
    pixels = picture(40, 30)
    Image.fromarray(pixels).save(tmp_path / "in.webp", lossless=True, **options)

    restore(tmp_path / "in.webp", tmp_path / "out.webp")
    restore(tmp_path / "in.webp", tmp_path / "lossy.webp", quality=95)

    np.testing.assert_array_equal(codec.read(tmp_path / "out.webp"), pixels)
    assert (codec.read(tmp_path / "lossy.webp") != pixels).any()
    assert not codec.open(tmp_path / "lossy.webp").is_lossless_webp


def test_comments_of_a_jpeg_survive_in_a_jpeg_and_are_noted_elsewhere(tmp_path):
    Image.fromarray(picture(300, 400)).save(tmp_path / "in.jpg", comment=b"caf\xe9", quality=95)

    notes = restore(tmp_path / "in.jpg", tmp_path / "out.jpg")

    with Image.open(tmp_path / "out.jpg") as found:
        assert found.info["comment"] == b"caf\xe9"
        assert found.getexif()
    np.testing.assert_allclose(
        codec.read(tmp_path / "out.jpg"), codec.read(tmp_path / "in.jpg"), atol=60
    )
    assert notes == ()
    assert restore(tmp_path / "in.jpg", tmp_path / "out.png") == (
        "PNG could not carry the comment",
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif"])
@pytest.mark.parametrize("space", [None, 1, 65535])
def test_exif_tells_the_colour_space_only_where_it_did(tmp_path, suffix, space):
    exif = Image.Exif()
    exif[EXIF_BASE] = "Acme"
    exif.get_ifd(EXIF_EXPOSURE)[0x829A] = 0.008
    if space:
        exif.get_ifd(EXIF_EXPOSURE)[0xA001] = space
    Image.fromarray(picture()).save(tmp_path / "in.jpg", exif=exif)

    notes = restore(tmp_path / "in.jpg", tmp_path / f"out{suffix}")

    assert notes == ()
    with Image.open(tmp_path / f"out{suffix}") as found:
        found.load()
        exposure = found.getexif().get_ifd(EXIF_EXPOSURE)
        assert found.getexif()[EXIF_BASE] == "Acme"
        assert exposure[0x829A] == 0.008
        assert exposure.get(0xA001) == space


def test_a_jpeg_without_exif_gains_no_colour_space(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "in.jpg")

    restore(tmp_path / "in.jpg", tmp_path / "out.jpg")

    with Image.open(tmp_path / "out.jpg") as found:
        assert 0xA001 not in found.getexif().get_ifd(EXIF_EXPOSURE)


def test_exif_that_only_tells_what_is_kept_elsewhere_is_not_noted_as_lost(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 1
    Image.fromarray(picture()).save(tmp_path / "in.jpg", exif=exif)

    assert restore(tmp_path / "in.jpg", tmp_path / "out.tif") == ()


def test_only_the_first_of_several_pages_is_read_and_noted(tmp_path):
    pages = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])

    source = codec.open(tmp_path / "in.tif")

    assert source.notes == ("has 3 pages, only the first is restored",)
    np.testing.assert_array_equal(source.read(99), picture(seed=0))


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (np.zeros((4, 4, 3), np.int32), "3 channels of int; accepted are"),
        (np.zeros((4, 4, 3), np.int16), "3 channels of short; accepted are"),
        (np.zeros((4, 4, 5), np.uint8), "5 channels of uchar; accepted are"),
        (np.zeros((4, 4), np.complex64), "cannot be read"),
    ],
)
def test_unsupported_pixels_are_named(tmp_path, pixels, told):
    colour = {"photometric": "rgb", "planarconfig": "contig"} if pixels.ndim == 3 else {}
    tifffile.imwrite(tmp_path / "in.tif", pixels, **colour)

    with pytest.raises(ImageError, match=told) as error:
        codec.open(tmp_path / "in.tif")
    assert str(tmp_path / "in.tif") in str(error.value)
    assert one_line(error)


# files that cannot be read


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_truncated_file_raises_one_line_with_its_name(tmp_path, capfd, suffix, share):
    path = tmp_path / f"cut{suffix}"
    Image.fromarray(picture(200, 200)).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    with pytest.raises(ImageError, match=r"cannot be read: .") as error:
        codec.read(path)

    assert str(path) in str(error.value)
    assert one_line(error)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("compression", ["deflate", "lzw", "packbits"])
def test_a_truncated_compressed_tiff_raises_while_it_streams(tmp_path, compression):
    path = tmp_path / "cut.tif"
    image = pyvips.Image.new_from_memory(picture(200, 200), 200, 200, 3, "uchar")
    image.tiffsave(str(path), compression=compression)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    path.write_bytes(data[: int(len(data) * 0.9)])

    with pytest.raises(ImageError, match="cannot be read") as error:
        restore(path, tmp_path / "out.tif")

    assert one_line(error)
    assert [entry.name for entry in tmp_path.iterdir()] == ["cut.tif"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is not a file"),
        (lambda path: path.touch(), "is empty"),
        (
            lambda path: path.write_bytes(b"not a picture\n" * 99),
            "not JPEG, PNG, TIFF, WebP, AVIF, HEIC or JPEG XL",
        ),
        (
            lambda path: path.write_text(
                '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
            ),
            "not JPEG, PNG, TIFF, WebP, AVIF, HEIC or JPEG XL",
        ),
    ],
)
def test_what_is_no_picture_says_so(tmp_path, make, told):
    path = tmp_path / "in.png"
    make(path)

    with pytest.raises(ImageError, match=told) as error:
        codec.open(path)
    assert str(path) in str(error.value)
    assert one_line(error)


@pytest.mark.parametrize(
    "name",
    ["a[1].tif", "100%.tif", "a b:c.tif", "-o.tif", "ü.tif", "two\nlines.tif", "x" * 240 + ".tif"],
)
def test_hostile_names_are_read_and_written(tmp_path, name):
    folder = tmp_path / "in[page=1]"
    folder.mkdir()
    pixels = picture(channels=4)
    store(tmp_path / "in.tif", pixels).rename(folder / name)

    restore(folder / name, folder / name)

    np.testing.assert_array_equal(whole((folder / name).rename(tmp_path / "out.tif")), pixels)


def test_a_name_that_is_not_utf_8_is_read_written_and_printable(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    store(tmp_path / "in.png", picture()).rename(path)

    restore(path, path)
    path.write_bytes(b"")

    with pytest.raises(ImageError, match="is empty") as error:
        codec.open(path)
    assert str(error.value).isprintable()


# files that cannot be written


@pytest.fixture
def source(tmp_path):
    return codec.open(store(tmp_path / "in.png", picture(40, 50)))


def broken(source, error):
    yield source.read(5)
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ImageError, OSError])
def test_a_failure_leaves_nothing_behind_and_the_target_as_it_was(tmp_path, source, error):
    target = tmp_path / "out.png"
    target.write_bytes(b"before")

    with pytest.raises(error):
        codec.write(target, broken(source, error("stop")), source)

    assert target.read_bytes() == b"before"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in.png", "out.png"]


@pytest.mark.parametrize("limit", [1000, 7000])
def test_a_full_disk_leaves_nothing_behind(tmp_path, source, limit):
    """The first limit strikes while rows are spooled (6000 bytes), the second in the encoder."""
    path = store(tmp_path / "noise.png", picture(40, 50))
    target = tmp_path / "out.tif"
    small = codec.open(path)
    if limit == 7000:
        small.metadata.blocks["icc-profile-data"] = ICC + bytes(9000)
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, allowed[1]))
    try:
        with pytest.raises(ImageError, match=r"out.tif cannot be written: .") as error:
            codec.write(target, bands_of(small), small)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)

    assert one_line(error)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in.png", "noise.png"]


def test_a_missing_folder_is_named_before_any_row_is_asked_for(tmp_path, source):
    def never():
        raise AssertionError("asked for rows")
        yield

    with pytest.raises(ImageError, match="its folder does not exist"):
        codec.write(tmp_path / "missing" / "out.png", never(), source)


def test_an_unwritable_folder_is_one_line(tmp_path, source):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.geteuid() == 0:  # may write anywhere but here
        folder = Path("/proc")

    with pytest.raises(ImageError, match=r"out.png cannot be written: .") as error:
        codec.write(folder / "out.png", bands_of(source), source)
    assert one_line(error)


def test_a_folder_in_the_place_of_the_target_is_one_line(tmp_path, source):
    (tmp_path / "out.png").mkdir()

    with pytest.raises(ImageError, match=r"out.png cannot be written: Is a directory"):
        codec.write(tmp_path / "out.png", bands_of(source), source)

    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in.png", "out.png"]


@pytest.mark.parametrize(
    ("shape", "dtype", "told"),
    [
        ((39, 50, 3), np.uint8, "39 rows were given; .*in.png has 40"),
        ((41, 50, 3), np.uint8, "more than the 40 rows"),
        ((40, 49, 3), np.uint8, "rows of .40, 49, 3. uint8 were given"),
        ((40, 50, 1), np.uint8, "rows of .40, 50, 1. uint8 were given"),
        ((40, 50, 3), np.uint16, "uint16 were given; .* uint8"),
    ],
)
def test_rows_that_do_not_fit_raise(tmp_path, source, shape, dtype, told):
    with pytest.raises(ImageError, match=told):
        codec.write(tmp_path / "out.png", [np.zeros(shape, dtype)], source)

    assert [entry.name for entry in tmp_path.iterdir()] == ["in.png"]


def test_alpha_into_jpeg_names_the_formats_that_carry_it(tmp_path):
    path = store(tmp_path / "in.png", picture(channels=4))

    with pytest.raises(
        ImageError, match="JPEG cannot carry alpha; write one of PNG, TIFF, WebP, AVIF"
    ):
        restore(path, tmp_path / "out.jpg")


def test_too_long_a_side_is_refused(tmp_path):
    path = store(tmp_path / "in.png", picture(1, 16_384))

    with pytest.raises(ImageError, match="WebP holds at most 16383 pixels a side, not 16384x1"):
        restore(path, tmp_path / "out.webp")


@pytest.mark.parametrize("quality", [0, 101])
def test_an_impossible_quality_is_refused(tmp_path, source, quality):
    with pytest.raises(ImageError, match=f"quality must be 1 to 100, got {quality}"):
        codec.write(tmp_path / "out.jpg", bands_of(source), source, quality=quality)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("out.gif", {}, "the suffix of .*out.gif cannot be written; use one of jpeg, png"),
        ("out.nef", {}, "the suffix of .*out.nef cannot be written; use one of jpeg, png"),
        ("out.png", {"format": "bmp"}, "format bmp cannot be written; use one of jpeg, png"),
    ],
)
def test_unknown_formats_are_refused(tmp_path, source, name, options, told):
    with pytest.raises(ImageError, match=told):
        codec.write(tmp_path / name, bands_of(source), source, **options)


# manners


def test_the_format_takes_precedence_over_the_suffix(tmp_path, source):
    codec.write(tmp_path / "out.dat", bands_of(source), source, format="png")

    assert (tmp_path / "out.dat").read_bytes().startswith(b"\x89PNG")


def test_one_source_can_be_written_twice_and_over_itself(tmp_path):
    pixels = picture(channels=4)
    source = codec.open(store(tmp_path / "in.png", pixels))
    rows = source.read(source.height)

    codec.write(tmp_path / "out.tif", [rows[:3], rows[:0], rows[3:]], source)
    codec.write(tmp_path / "in.png", [rows], source)

    np.testing.assert_array_equal(whole(tmp_path / "out.tif"), pixels)
    np.testing.assert_array_equal(whole(tmp_path / "in.png"), pixels)


def test_a_source_that_changed_in_the_meantime_is_refused(tmp_path):
    source = codec.open(store(tmp_path / "in.png", picture(channels=4)))
    rows = source.read(source.height)
    store(tmp_path / "in.png", picture(9, 9, 4))

    with pytest.raises(ImageError, match="changed while it was being restored"):
        codec.write(tmp_path / "out.png", [rows], source)


def test_a_path_that_was_written_anew_is_not_read_from_memory(tmp_path):
    for seed in range(2):
        store(tmp_path / "in.tif", picture(seed=seed))
        np.testing.assert_array_equal(codec.read(tmp_path / "in.tif"), picture(seed=seed))


def test_a_new_file_has_the_usual_rights(tmp_path, source):
    codec.write(tmp_path / "out.png", bands_of(source), source)
    (tmp_path / "usual").touch()

    assert (tmp_path / "out.png").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="lists what is open by /proc")
def test_nothing_stays_open(tmp_path):
    restore(store(tmp_path / "in.tif", picture(channels=4)), tmp_path / "out.tif")

    links = (
        str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()
    )
    assert not [link for link in links if str(tmp_path) in link]


def test_rows_after_the_last_are_none(source):
    source.read(40)

    assert source.read(1).shape == (0, 50, 3)


def test_suffixes_are_lower_case_and_raw_is_written_as_tiff():
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".avif", ".cr2"} <= codec.SUFFIXES
    assert all(suffix == suffix.lower() for suffix in codec.SUFFIXES)
    assert codec.output_suffix(Path("a/b.NEF")) == ".tif"
    assert codec.output_suffix(Path("a/b.JPG")) == ".JPG"


def in_a_fresh_process(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_the_codec_does_without_torch_and_the_package_without_libvips():
    loaded = in_a_fresh_process(
        "import sys, mirnet.pictures; print('pyvips' in sys.modules);"
        "import mirnet.pictures.codec; print('pyvips' in sys.modules, 'torch' in sys.modules)"
    )

    assert loaded.split() == ["False", "True", "False"]


@pytest.mark.slow
def test_a_large_tiff_streams(tmp_path):
    """Reading and writing 300 MB takes less than half of that."""
    blank = pyvips.Image.black(10_000, 10_000, bands=3).copy(interpretation="srgb")
    blank.tiffsave(str(tmp_path / "in.tif"), compression="deflate")

    peak = in_a_fresh_process(
        "import resource\n"
        "from mirnet.pictures import codec\n"
        "usage = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = usage()\n"
        f"source = codec.open({str(tmp_path / 'in.tif')!r})\n"
        "bands = (source.read(128) for _ in range(0, source.height, 128))\n"
        f"codec.write({str(tmp_path / 'out.tif')!r}, bands, source)\n"
        "print((usage() - before) // 1024)"
    )

    assert int(peak) < 130


def chunk(kind, content):
    return (
        len(content).to_bytes(4, "big")
        + kind
        + content
        + zlib.crc32(kind + content).to_bytes(4, "big")
    )


def test_a_png_with_text_that_is_not_utf8_is_read_without_it(save, picture, tmp_path):
    """Keywords of PNG are Latin-1, which pyvips cannot decode."""
    path = save(tmp_path / "a.png", pixels=picture(20, 30))
    whole = path.read_bytes()
    place = whole.index(b"IDAT") - 4
    texts = chunk(b"tEXt", "Größe\0fünf".encode("latin-1")) + chunk(b"tEXt", b"Title\0Night")
    (tmp_path / "b.png").write_bytes(whole[:place] + texts + whole[place:])

    source = codec.open(tmp_path / "b.png")

    assert source.notes == ("text that is not UTF-8 is left out",)
    assert "Night" in source.metadata.texts.values()
    np.testing.assert_array_equal(codec.read(tmp_path / "b.png"), picture(20, 30))
