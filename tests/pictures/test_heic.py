import io
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from mirnet.errors import ImageError
from mirnet.pictures import codec

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heif is not installed")

LOSSLESS = {"quality": -1, "chroma": 444, "matrix_coefficients": 0}
P3_PRIMARIES, BT_2020, SRGB_CURVE, PQ, HLG = 12, 9, 13, 16, 18
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def heic(pixels, bits=8, count=1, **options):
    """The bytes of a HEIC; pixels h w c of as many bits as the file has."""
    height, width, channels = pixels.shape
    file = pillow_heif.HeifFile()
    for _ in range(count):
        if bits == 8:
            file.add_frombytes(MODES[channels], (width, height), pixels.tobytes())
        else:
            shifted = (pixels << (16 - bits)).astype(np.uint16)
            file.add_frombytes(f"{MODES[channels]};16", (width, height), shifted.tobytes())
    content = io.BytesIO()
    before = pillow_heif.options.SAVE_HDR_TO_12_BIT
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    try:
        file.save(content, **LOSSLESS | options)
    finally:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = before
    return content.getvalue()


def noise(bits, channels=3, size=(48, 64)):
    dtype = np.uint8 if bits == 8 else np.uint16
    return np.random.default_rng(bits).integers(0, 2**bits, (*size, channels), dtype)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_every_level_of_every_depth_is_kept(bits, channels):
    pixels = noise(bits, channels)

    source = codec.open(heic(pixels, bits))
    alpha = source.open_alpha
    colours = np.concatenate([source.read(30), source.read(30)])

    assert (source.height, source.width, source.channels) == (48, 64, min(channels, 3))
    assert source.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert (alpha is not None) == (channels == 4)
    expected = pixels if bits == 8 else np.rint(pixels * (65535 / (2**bits - 1)))
    np.testing.assert_allclose(colours, expected[..., :3], atol=0 if bits == 8 else 1)
    if alpha:
        np.testing.assert_allclose(alpha()(7, 9), expected[7:16, :, 3:], atol=0 if bits == 8 else 1)


@pytest.mark.parametrize(("name", "told"), [("a.avif", ()), ("a.jpg", ("10 bit became 8 bit",))])
def test_only_bits_that_the_file_has_can_be_lost(tmp_path, name, told):
    source = codec.open(heic(noise(10), 10))

    notes = codec.write(tmp_path / name, [source.read(48)], source)

    assert [note.partition(",")[0] for note in notes] == list(told)


def test_white_is_white_and_black_black():
    pixels = np.full((32, 32, 3), 1023, np.uint16)
    pixels[:16] = 0

    read = codec.read(heic(pixels, 10))

    assert read.min() == 0
    assert read.max() == 65535


def test_the_content_decides_and_not_the_suffix(tmp_path):
    pixels = noise(8)
    path = tmp_path / "really_heic.jpg"
    path.write_bytes(heic(pixels))

    np.testing.assert_array_equal(codec.read(path), pixels)
    assert codec.size(path) == (48, 64)


def test_an_avif_of_any_name_is_still_read_by_libvips(tmp_path):
    path = tmp_path / "really_avif.heic"
    pyvips.Image.black(20, 10, bands=3).copy(interpretation="srgb").heifsave(
        str(tmp_path / "a.avif"), compression="av1"
    )
    (tmp_path / "a.avif").rename(path)

    assert codec.size(path) == (10, 20)


def test_a_heic_comes_upright_with_its_metadata(tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Acme", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = noise(8)
    path = tmp_path / "in.heic"
    # the encoder writes the turn into the container too, as phones do
    path.write_bytes(heic(pixels, exif=exif.tobytes(), xmp=XMP, icc_profile=profile))

    source = codec.open(path)
    notes = codec.write(tmp_path / "out.png", [source.read(64)], source)

    assert (source.height, source.width) == (64, 48)
    assert notes == ()
    with Image.open(tmp_path / "out.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.rot90(pixels, -1))
        assert image.getexif()[0x010F] == "Acme"
        assert image.getexif()[0x0112] == 1
        assert image.info["icc_profile"] == profile
    assert codec.open(tmp_path / "out.png").metadata.blocks["xmp-data"] == XMP


def test_colours_of_display_p3_get_its_profile():
    content = heic(noise(8), color_primaries=P3_PRIMARIES, transfer_characteristics=SRGB_CURVE)

    block = codec.open(content).metadata.blocks["icc-profile-data"]

    profile = ImageCms.ImageCmsProfile(io.BytesIO(block)).profile
    assert profile.red_primary[1][:2] == pytest.approx((0.680, 0.320), abs=0.02)


def test_srgb_without_a_profile_gets_none():
    assert codec.open(heic(noise(8))).metadata.blocks == {}


@pytest.mark.parametrize(
    ("primaries", "curve", "told"),
    [
        (BT_2020, PQ, r"HDR \(PQ\)"),
        (BT_2020, HLG, r"HDR \(HLG\)"),
        (BT_2020, SRGB_CURVE, "BT.2020"),
    ],
)
def test_what_no_format_would_keep_is_refused(primaries, curve, told):
    content = heic(noise(10), 10, color_primaries=primaries, transfer_characteristics=curve)

    with pytest.raises(ImageError, match=told):
        codec.open(content)


def test_further_pictures_are_told():
    assert codec.open(heic(noise(8), count=2)).notes == (
        "holds 2 pictures, only the main one is restored",
    )


@pytest.mark.parametrize("kept", [16, 100, 0.5, 0.9])
def test_a_truncated_heic_is_one_line(tmp_path, kept):
    content = heic(noise(8, size=(256, 256)))
    path = tmp_path / "in.heic"
    path.write_bytes(content[: kept if kept > 1 else int(kept * len(content))])

    with pytest.raises(ImageError, match="cannot be read") as error:
        codec.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_video_is_not_taken_for_a_picture():
    with pytest.raises(ImageError, match="cannot be read"):
        codec.open(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(99))


def test_a_missing_heic_is_one_line(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        codec.open(tmp_path / "in.heic")


def test_without_pillow_heif_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "in.HEIC"
    path.write_bytes(heic(noise(8)))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(ImageError, match=r'pip install "mirnet\[heif\]"'):
        codec.open(path)


def test_the_result_of_a_heic_is_an_avif():
    assert codec.output_suffix(Path("IMG_0001.HEIC")) == ".avif"
