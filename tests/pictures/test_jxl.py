import base64
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from mirnet.errors import ImageError
from mirnet.pictures import codec, jxl

pylibjxl = pytest.importorskip("pylibjxl", reason="the extra jxl is not installed")

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
RGB, GREY = 0, 1
ALPHA, DEPTH, BLACK = 0, 1, 4
SRGB, BT_2020, PRIMARIES_P3, CUSTOM = 1, 9, 11, 2
D65, UNKNOWN, LINEAR, SRGB_CURVE, PQ, HLG = 1, 2, 8, 13, 16, 18

# made by libjxl 0.11.2: three frames of one grey each, 40, 120, 200
ANIMATION = base64.b64decode(
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAAAoanhscAAAAAD/CgMFTQAgJggEAQA4AEsY"
    "ixWA1fx/AACnSdQhAAAAIWp4bHAAAAABCAQBADwASxiLFYAd+P8AABB+qMMBAAAAIWp4bHCAAAACCAQFADwASxiLFYBd"
    "+P8AAFJzqEMC"
)

# made by libjxl 0.11.2 from values in Display P3: lossy, in the format's own space (XYB)
LOSSY_P3 = base64.b64decode(
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAADganhsY/8KA0FCJjcCABMIACgD//+qAgBQ"
    "oTLKuMHLuZ4vP3RYTNu4ztBW2xaWMDbbC4OEhGNwc59RDqyaD3/Cc0C5o5glg+HhSXbPBhmYQbnTu2f8aIKNvWnQhTVH"
    "VQQAKqRAumv5KJJUZJSOR8bIeFS8AxIQALgdm8t/a7HBV3xXjwvguYdCtq5F1pmjlLKTHCcAoZyoRiiCVm1QLXmtJOYh"
    "WW4xz3dbf7ILDbOK/u+IARcXCGSJqYOjgipNHg6zac8MAujxQAwWrIg5qkOKPaeZtuCAq6X7GQbqAA=="
)
ROWS, COLUMNS = np.mgrid[:16, :24]
LOSSY_P3_PIXELS = np.stack([230 - 4 * ROWS, 30 + 5 * COLUMNS, 40 + ROWS], axis=-1)


def noise(channels=3, size=(16, 64)):
    return np.random.default_rng(channels).integers(0, 256, (*size, channels), np.uint8)


class Header:
    """Bits of a bare file before its first frame, after ISO/IEC 18181-1."""

    def __init__(self):
        self.value, self.count = 0, 0

    def bits(self, count, value):
        self.value |= value << self.count
        self.count += count

    def enum(self, value):
        below = [limit for limit in (0, 1, 2, 18) if limit <= value]
        self.bits(2, len(below) - 1)
        self.bits((0, 0, 4, 6)[len(below) - 1], value - below[-1])

    def point(self, place):
        for each in place:
            number = 2 * round(each * 1e6)  # the lowest bit is the sign
            choice = [start for start in (0, 524288, 1048576) if start <= number]
            self.bits(2, len(choice) - 1)
            self.bits((19, 19, 20)[len(choice) - 1], number - choice[-1])


def header(
    size=(16, 64),
    orientation=1,
    depth=None,
    extras=(),
    is_xyb=False,
    has_profile=False,
    space=RGB,
    white=D65,
    primaries=SRGB,
    curve=SRGB_CURVE,
):
    """The header of a bare file; `extras` are pairs of a kind and whether it is premultiplied."""
    one = Header()
    one.bits(1, 0)
    for side in (1, 0):
        one.bits(2, 3)
        one.bits(30, size[1 - side] - 1)
        if side:
            one.bits(3, 0)  # the width is written, too
    one.bits(1, 0)
    one.bits(1, orientation > 1)
    if orientation > 1:
        one.bits(3, orientation - 1)
        one.bits(3, 0)
    one.bits(1, 0)
    one.bits(*((2, 0) if depth is None else (8, 3 | (depth - 1) << 2)))
    one.bits(1, 1)
    one.enum(len(extras))
    for kind, is_premultiplied in extras:
        one.bits(1, 0)
        one.enum(kind)
        one.bits(1 + 2 + 2 + 2, 0)  # 8 bits, no shift, no name
        if kind == ALPHA:
            one.bits(1, is_premultiplied)
    one.bits(1, is_xyb)
    one.bits(1, 0)
    one.bits(1, has_profile)
    one.enum(space)
    if not has_profile:
        points = isinstance(white, tuple)
        one.enum(CUSTOM if points else white)
        if points:
            one.point(white)
        if space == RGB:
            points = isinstance(primaries, tuple)
            one.enum(CUSTOM if points else primaries)
            for each in primaries if points else ():
                one.point(each)
        is_exponent = isinstance(curve, float)
        one.bits(1, is_exponent)
        one.bits(24, round(1e7 / curve)) if is_exponent else one.enum(curve)
        one.enum(1)
    if orientation > 1:
        one.bits(1, 1)  # of the brightness
    one.bits(3, 0b100)  # no extensions; the usual transform
    return b"\xff\x0a" + one.value.to_bytes(-(-one.count // 8), "little")


def described(pixels, **facts):
    """A lossless bare file of pixels whose header says other things than pylibjxl's would."""
    channels = pixels.shape[2]
    grey = {"space": GREY} if channels == 1 else {}
    extras = {"extras": ((ALPHA, False),)} if channels == 4 else {}
    content = pylibjxl.encode(pixels, lossless=True)
    # a short header ends after so many bytes, for 16 x 64
    frames = content[8 if channels == 1 else 6 :]
    return header(pixels.shape[:2], **grey | extras | facts) + frames


def primaries_of(block):
    profile = ImageCms.ImageCmsProfile(io.BytesIO(block)).profile
    return [
        each[1][:2] for each in (profile.red_primary, profile.green_primary, profile.blue_primary)
    ]


def profile_of(content):
    return codec.open(content).metadata.blocks["icc-profile-data"]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_level_is_kept(channels):
    pixels = noise(channels)

    source = codec.open(pylibjxl.encode(pixels, lossless=True))
    colours = np.concatenate([source.read(10), source.read(10)])

    assert (source.height, source.width, source.channels) == (16, 64, min(channels, 3))
    assert source.dtype == np.uint8
    assert source.notes == ()
    np.testing.assert_array_equal(colours, pixels[..., :3])
    assert source.has_alpha == (channels == 4)
    if source.open_alpha:
        np.testing.assert_array_equal(source.open_alpha()(7, 9), pixels[7:16, :, 3:])


@pytest.mark.parametrize("is_contained", [False, True])
def test_grey_with_alpha_is_read_bare_and_in_a_container(is_contained):
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = noise(2)

    content = imagecodecs.jpegxl_encode(pixels, lossless=True, usecontainer=is_contained)
    source = codec.open(content)

    assert content.startswith(b"\0\0\0\x0cJXL " if is_contained else b"\xff\x0a")
    np.testing.assert_array_equal(source.read(16), pixels[..., :1])
    np.testing.assert_array_equal(source.open_alpha()(0, 16), pixels[..., 1:])


def test_the_content_decides_and_not_the_suffix(tmp_path):
    path = tmp_path / "really_jxl.jpg"
    path.write_bytes(pylibjxl.encode(noise(), lossless=True))

    np.testing.assert_array_equal(codec.read(path), noise())
    assert codec.size(path) == (16, 64)


UPRIGHT = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: lambda stored: np.rot90(stored),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_come_upright_once(orientation):
    expected = UPRIGHT[orientation](noise())
    content = described(noise(), orientation=orientation)

    assert codec.size(content) == expected.shape[:2]
    np.testing.assert_array_equal(codec.read(content), expected)


def test_metadata_is_kept_and_its_orientation_not_followed(tmp_path):
    """The codestream tells how the picture is turned; EXIF only repeats it, if at all."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Acme", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = pylibjxl.encode(
        noise(), lossless=True, exif=exif.tobytes()[6:], xmp=XMP + b"\0", icc=profile
    )

    source = codec.open(content)
    notes = codec.write(tmp_path / "out.png", [source.read(16)], source)

    assert notes == ()
    with Image.open(tmp_path / "out.png") as image:
        np.testing.assert_array_equal(np.asarray(image), noise())
        assert image.getexif()[0x010F] == "Acme"
        assert image.getexif()[0x0112] == 1
        assert image.info["icc_profile"] == profile
    assert codec.open(tmp_path / "out.png").metadata.blocks["xmp-data"] == XMP


@pytest.mark.parametrize("before", [b"", b"Exif\0\0"])
def test_exif_begins_where_it_begins(before):
    exif = Image.Exif()
    exif[0x010F] = "Acme"
    content = pylibjxl.encode(noise(), exif=before + exif.tobytes()[6:])

    block = codec.open(content).metadata.blocks["exif-data"]

    assert block.startswith((b"Exif\0\0II*\0", b"Exif\0\0MM\0*"))
    read = Image.Exif()
    read.load(block)
    assert read[0x010F] == "Acme"


def test_a_jpeg_that_was_packed_is_turned_once_and_keeps_its_metadata():
    exif, jpeg = Image.Exif(), io.BytesIO()
    exif[0x010F], exif[0x0112] = "Acme", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    smooth = Image.fromarray(LOSSY_P3_PIXELS.astype(np.uint8))
    smooth.save(jpeg, "JPEG", exif=exif, icc_profile=profile, quality=95)

    source = codec.open(pylibjxl.jpeg_to_jxl(jpeg.getvalue()))

    expected = codec.read(jpeg.getvalue())
    assert expected.shape == (24, 16, 3)
    np.testing.assert_allclose(source.read(24).astype(int), expected, atol=3)
    assert source.metadata.blocks["icc-profile-data"] == profile
    assert b"Acme" in source.metadata.blocks["exif-data"]


def test_srgb_without_a_profile_gets_none():
    for channels in (1, 3):
        assert codec.open(described(noise(channels))).metadata.blocks == {}


def test_a_profile_in_the_file_is_kept():
    profile = profile_of(described(noise(), primaries=PRIMARIES_P3))

    source = codec.open(pylibjxl.encode(noise(), lossless=True, icc=profile))

    assert source.metadata.blocks["icc-profile-data"] == profile
    np.testing.assert_array_equal(source.read(16), noise())


def test_a_lossy_file_keeps_its_colours_and_gets_a_profile():
    """In P3, as the encoder got them: pylibjxl returns these values, but no profile of them."""
    source = codec.open(LOSSY_P3)

    np.testing.assert_allclose(source.read(16).astype(int), LOSSY_P3_PIXELS, atol=4)
    expected = primaries_of(profile_of(described(noise(), primaries=PRIMARIES_P3)))
    assert primaries_of(source.metadata.blocks["icc-profile-data"]) == expected


@pytest.mark.parametrize("primaries", [PRIMARIES_P3, P3])
def test_colours_described_by_numbers_get_a_profile(primaries):
    red, green, blue = primaries_of(profile_of(described(noise(), primaries=primaries)))

    # under the white of profiles, as Apple's profile of Display P3 has them
    assert red == pytest.approx((0.682, 0.319), abs=0.002)
    assert green == pytest.approx((0.285, 0.675), abs=0.002)
    assert blue == pytest.approx((0.156, 0.066), abs=0.002)


@pytest.mark.parametrize("curve", [1, LINEAR, 17, 1.8])
@pytest.mark.parametrize("channels", [1, 3])
def test_curves_other_than_that_of_srgb_get_a_profile(channels, curve):
    block = profile_of(described(noise(channels), curve=curve))

    space = ImageCms.ImageCmsProfile(io.BytesIO(block)).profile.xcolor_space.strip()
    assert space == ("GRAY" if channels == 1 else "RGB")


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"primaries": BT_2020, "curve": PQ}, r"HDR \(PQ\)"),
        ({"primaries": BT_2020, "curve": HLG}, r"HDR \(HLG\)"),
        ({"curve": UNKNOWN}, "cannot be read"),
        ({"space": 3}, "cannot be read"),
        ({"space": 2, "is_xyb": True}, "cannot be read"),
        ({"primaries": CUSTOM + 5}, "cannot be read"),
        ({"extras": ((ALPHA, True),)}, "alpha is multiplied"),
        ({"extras": ((BLACK, False),)}, "CMYK"),
        ({"depth": 9}, "9 bits.* 16-bit TIFF or PNG"),
        ({"is_xyb": True, "has_profile": True}, "own profile"),
        ({"is_xyb": True, "space": GREY, "white": (0.3457, 0.3585)}, "own profile"),
        ({"size": (1 << 15, 1 << 14)}, "537 megapixels"),
        ({"size": (1 << 29, 1 << 10)}, "megapixels"),
    ],
)
def test_what_would_come_out_changed_is_refused_before_it_is_decoded(facts, told, monkeypatch):
    content = header(**facts)
    monkeypatch.setattr(pylibjxl, "decode", None)

    for read in (codec.open, codec.size):
        with pytest.raises(ImageError, match=told) as error:
            read(content)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("bits", "dtype", "told"),
    [(10, np.uint16, "10 bits"), (16, np.uint16, "16 bits"), (None, np.float32, "floats")],
)
def test_more_than_8_bits_are_never_dropped(bits, dtype, told):
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = np.zeros((16, 16, 3), dtype)

    for is_lossless in (True, False):
        content = imagecodecs.jpegxl_encode(pixels, lossless=is_lossless, bitspersample=bits)
        with pytest.raises(ImageError, match=told):
            codec.open(content)


@pytest.mark.parametrize("depth", [1, 5])
def test_fewer_than_8_bits_are_told(depth):
    source = codec.open(described(noise() >> (8 - depth), depth=depth))

    assert source.notes == (f"{depth} bit is written as 8 bit",)


def test_of_an_animation_the_first_frame_is_read():
    source = codec.open(ANIMATION)

    assert source.notes == ("is an animation, only the first frame is restored",)
    assert (source.read(16) == 40).all()


def test_other_channels_are_told():
    source = codec.open(described(noise(4), extras=((DEPTH, False),)))

    assert source.notes == ("its channels besides colour and alpha are left out",)
    assert not source.has_alpha
    np.testing.assert_array_equal(source.read(16), noise(4)[..., :3])


def test_a_gain_map_is_told():
    content = pylibjxl.encode(noise(), lossless=True, xmp=XMP)

    source = codec.open(content + b"\0\0\0\x0cjhgm\0\0\0\0")

    assert source.notes == ("its HDR gain map is left out",)


@pytest.mark.parametrize("kept", [2, 3, 12, 40, 100, 0.5, 0.9])
def test_a_truncated_file_is_one_line(tmp_path, kept):
    content = pylibjxl.encode(noise(size=(64, 64)), xmp=XMP)
    path = tmp_path / "in.jxl"
    path.write_bytes(content[: kept if kept > 1 else int(kept * len(content))])

    with pytest.raises(ImageError, match="cannot be read") as error:
        codec.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


DAMAGE = """
import random
import sys
from mirnet.errors import ImageError
from mirnet.pictures import codec
chance, content = random.Random(0), sys.stdin.buffer.read()
for _ in range(300):
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 8))):
        damaged[chance.randrange(chance.choice((160, len(content))))] ^= 1 << chance.randrange(8)
    try:
        codec.read(bytes(damaged[: chance.choice((None, chance.randrange(len(content))))]))
    except ImageError as error:
        assert "\\n" not in str(error)
print("alive")
"""


def test_damage_crashes_nothing():
    content = pylibjxl.encode(noise(4, (48, 64)), exif=b"II*\0" + bytes(9), xmp=XMP)

    done = subprocess.run([sys.executable, "-c", DAMAGE], input=content, capture_output=True)

    assert (done.stdout, done.stderr) == (b"alive\n", b"")


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        codec.open(tmp_path / "in.jxl")


def test_without_pylibjxl_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "in.JXL"
    path.write_bytes(pylibjxl.encode(noise()))
    monkeypatch.setitem(sys.modules, "pylibjxl", None)

    for read in (codec.open, codec.size):
        with pytest.raises(ImageError) as error:
            read(path)
        assert str(error.value) == (
            f'{path} is JPEG XL, which takes pylibjxl: pip install "mirnet[jxl]"'
        )


def test_the_result_is_an_avif():
    assert codec.output_suffix(Path("IMG_0001.JXL")) == ".avif"
    assert jxl.SUFFIXES <= codec.SUFFIXES
