"""RAW files become linear DNGs; LibRaw, which wrote none of this, reads them back."""

import io
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from mirnet.errors import ImageError
from mirnet.pictures import codec, negative, tiff
from mirnet.pictures.negative import SRGB

rawpy = pytest.importorskip("rawpy", reason="the extra raw is not installed")

BLACK, WHITE = 512, 16383
BALANCE = (2.0, 1.0, 1.6)
MATRIX = (0.7662, -0.2686, -0.066, -0.524, 1.2965, 0.253, -0.0796, 0.1508, 0.6167)
EXPOSURE = 0.35


def fractions(values, unit=10_000):
    return tuple(int(part) for value in values for part in (round(value * unit), unit))


def store_raw(path, light, *, orientation=1, is_linear=False, pattern=(0, 1, 1, 2), more=()):
    """A DNG of a sensor, h w, or of linear colours, h w 3; light is 0..1."""
    sensor = np.rint(BLACK + light * (WHITE - BLACK)).astype(np.uint16)
    tags = [
        (271, 2, 0, "Acme", True),
        (272, 2, 0, "Acme One", True),
        (274, 3, 1, orientation, True),
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),
        (50708, 2, 0, "Acme One Mark II", True),
        (50714, 3, 3 if is_linear else 1, (BLACK,) * 3 if is_linear else BLACK, True),
        (50717, 4, 3 if is_linear else 1, (WHITE,) * 3 if is_linear else WHITE, True),
        (50721, 10, 9, fractions(MATRIX), True),
        (50728, 5, 3, fractions(1 / np.array(BALANCE), 10**6), True),
        (50730, 10, 1, fractions([EXPOSURE], 100), True),
        (50778, 3, 1, 21, True),
        *more,
    ]
    if not is_linear:
        tags += [(33421, 3, 2, (2, 2), True), (33422, 1, 4, bytes(pattern), True)]
    photometric = 34892 if is_linear else 32803
    tifffile.imwrite(path, sensor, photometric=photometric, metadata=None, extratags=tags)
    return path


def scene(height=64, width=96):
    """Smooth linear colours of a camera, from black to white."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    colours = np.stack([across * 0.45, down, (1 - across) * 0.6], axis=2)
    return np.clip(colours, 0, 1)


def mosaic(colours):
    sensor = colours[..., 1].copy()
    sensor[0::2, 0::2], sensor[1::2, 1::2] = colours[0::2, 0::2, 0], colours[1::2, 1::2, 2]
    return sensor


def to_dng(source_path, target):
    source = codec.open(source_path, format="dng")
    notes = codec.write(target, [source.read(50), source.read(999)], source)
    return source, notes


def developed(path, **options):
    with rawpy.imread(str(path)) as raw:
        return raw.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            output_bps=16,
            adjust_maximum_thr=0,
            **options,
        )


def linear_of(path):
    """The stored colours of a linear DNG, by LibRaw."""
    with rawpy.imread(str(path)) as raw:
        return raw.raw_image[..., :3].copy()


def test_white_balance_and_exposure_are_those_of_the_original(tmp_path):
    original = store_raw(tmp_path / "in.dng", mosaic(scene()))

    _, notes = to_dng(original, tmp_path / "out.dng")

    assert notes == ()
    before, after = developed(original), developed(tmp_path / "out.dng")
    inner = np.s_[4:-4, 4:-4]
    np.testing.assert_allclose(after[inner].mean((0, 1)), before[inner].mean((0, 1)), rtol=1e-3)
    assert np.abs(after[inner].astype(int) - before[inner]).mean() < 65535 / 500
    with rawpy.imread(str(original)) as raw, rawpy.imread(str(tmp_path / "out.dng")) as again:
        assert again.camera_whitebalance == pytest.approx(raw.camera_whitebalance)
        np.testing.assert_allclose(again.rgb_xyz_matrix, raw.rgb_xyz_matrix, atol=1e-3)
        assert (again.black_level_per_channel[0], again.white_level) == (0, 65535)


def test_linear_colours_are_kept_to_the_level(tmp_path):
    """No demosaicing, so each value is known: black, white, and all between."""
    colours = scene()
    original = store_raw(tmp_path / "in.dng", colours, is_linear=True)

    to_dng(original, tmp_path / "out.dng")

    stored = np.rint(BLACK + colours * (WHITE - BLACK)) - BLACK
    # LibRaw balances within 16 bits, so the weaker channels are exact to its step
    expected = stored / (WHITE - BLACK) * 65535
    np.testing.assert_allclose(linear_of(tmp_path / "out.dng"), expected, atol=2.6)


def test_nothing_is_clipped_that_the_sensor_did_not_clip(tmp_path):
    """Red at 0.9 of white is far beyond white once it is balanced, and is kept all the same."""
    light = np.full((64, 64), 0.9)
    original = store_raw(tmp_path / "in.dng", light)

    source, _ = to_dng(original, tmp_path / "out.dng")

    np.testing.assert_allclose(linear_of(tmp_path / "out.dng")[8:-8, 8:-8], 0.9 * 65535, rtol=1e-3)
    encoded = codec.open(original, format="dng").read(64)[32, 32]
    assert encoded[0] > 1
    assert source.negative.multipliers == pytest.approx(BALANCE, rel=1e-5)


def test_the_network_sees_balanced_colours_in_the_curve_of_srgb(tmp_path):
    light = np.full((64, 64, 3), 0.2 / np.array(BALANCE))
    original = store_raw(tmp_path / "in.dng", light, is_linear=True)

    seen = codec.open(original, format="dng").read(64)

    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, 1.055 * 0.2 ** (1 / 2.4) - 0.055, atol=2e-3)


def test_noise_around_black_does_not_brighten_what_is_demosaiced(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.01, (128, 128))
    original = store_raw(tmp_path / "in.dng", np.maximum(noise, -BLACK / WHITE))

    source = negative.open_negative(codec.File.of(original), curve=IDENTITY)

    values = source.read(128) / np.array(BALANCE)
    assert np.abs(values.mean((0, 1))).max() < 0.0005
    assert values.min() < -0.005


IDENTITY = negative.Curve("linear", lambda linear: linear, lambda encoded: encoded)


def test_the_curve_of_srgb_is_undone():
    levels = np.linspace(0, 4, 65536, dtype=np.float32).repeat(3).reshape(256, 256, 3)

    again = SRGB.decode(SRGB.encode(levels))

    np.testing.assert_allclose(again, levels, atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize(("orientation", "size"), [(6, (96, 64)), (8, (96, 64)), (3, (64, 96))])
def test_a_picture_is_turned_by_its_tag_and_not_twice(tmp_path, orientation, size):
    original = store_raw(tmp_path / "in.dng", mosaic(scene()), orientation=orientation)

    source, _ = to_dng(original, tmp_path / "out.dng")

    assert (source.height, source.width) == (64, 96)
    before, after = developed(original), developed(tmp_path / "out.dng")
    assert before.shape[:2] == after.shape[:2] == size
    assert np.abs(after.astype(int) - before).mean() < 65535 / 200


def test_all_that_decides_the_look_is_kept(tmp_path):
    opcodes = b"\0\0\0\0"  # an empty list
    more = [
        (50719, 5, 2, (4, 1, 2, 1), True),
        (50720, 5, 2, (80, 1, 56, 1), True),
        (50965, 10, 9, fractions(MATRIX), True),
        (50936, 2, 0, "Acme Standard", True),
        (51022, 7, 4, opcodes, True),
        (51041, 12, 2, (1e-4, 1e-6), True),  # the profile of noise that is gone
    ]
    original = store_raw(tmp_path / "in.dng", mosaic(scene()), more=more)

    to_dng(original, tmp_path / "out.dng")

    with tifffile.TiffFile(tmp_path / "out.dng") as file:
        first, full = file.pages[0], file.pages[0].pages[0]
        assert first.tags[50708].value == "Acme One Mark II"
        assert first.tags[50730].value == (35, 100)
        assert first.tags[50965].value == fractions(MATRIX)
        assert first.tags[50936].value == "Acme Standard"
        assert first.tags[50706].value == bytes([1, 4, 0, 0])
        assert first.tags[50707].value == bytes([1, 3, 0, 0])  # opcodes take readers of 1.3
        assert first.tags[50728].count == 3
        assert 51041 not in first.tags
        assert (full.photometric, full.dtype, full.shape) == (34892, np.uint16, (64, 96, 3))
        assert full.tags[50719].value == (4, 1, 2, 1)
        assert full.tags[50720].value == (80, 1, 56, 1)
        assert full.tags[51022].value == opcodes


def test_exif_and_a_preview_are_there(tmp_path):
    original = store_raw(tmp_path / "in.dng", mosaic(scene()))
    exposure = tiff.Directory({33434: (5, np.array([1, 50], "<u4").tobytes())})
    block = tiff.to_block(tiff.Directory({}, {tiff.EXPOSURE: exposure}))
    with original.open("r+b") as file:
        tiff.add(file, exif=block)

    to_dng(original, tmp_path / "out.dng")

    with Image.open(tmp_path / "out.dng") as image:
        exif = image.getexif()
        assert exif[0x010F] == "Acme"
        assert exif.get_ifd(0x8769)[33434] == pytest.approx(1 / 50)
    with rawpy.imread(str(tmp_path / "out.dng")) as raw:
        thumbnail = raw.extract_thumb()
    preview = np.asarray(Image.open(io.BytesIO(thumbnail.data)), float)
    # developed as plainly, but for the exposure that the DNG asks for
    light = developed(original, gamma=(1, 1)) / 65535 * 2**EXPOSURE
    expected = SRGB.encode(np.clip(light, 0, 1).astype(np.float32)) * 255
    assert preview.shape == (64, 96, 3)
    assert np.abs(preview - expected)[4:-4, 4:-4].mean() < 6


def test_what_is_no_raw_file_cannot_become_a_dng(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "in.jpg")

    with pytest.raises(ImageError, match=r"in\.jpg is not a RAW file, and only those become DNG"):
        codec.open(tmp_path / "in.jpg", format="dng")
    with pytest.raises(ImageError, match="only those become DNG"):
        codec.open(np.zeros((8, 8, 3), np.uint8), format="dng")
    source = codec.open(tmp_path / "in.jpg")
    with pytest.raises(ImageError, match="only those become DNG"):
        codec.write(tmp_path / "out.dng", [], source)
    assert not (tmp_path / "out.dng").exists()


def test_a_sensor_without_colours_is_refused(tmp_path):
    path = tmp_path / "in.dng"
    tags = [(50706, 1, 4, bytes([1, 4, 0, 0]), True), (50708, 2, 0, "Acme Mono", True)]
    sensor = np.full((64, 96), 5000, np.uint16)
    tifffile.imwrite(path, sensor, photometric=1, metadata=None, extratags=tags)
    path.write_bytes(tiff.with_colour_space(path.read_bytes(), 34892))

    with pytest.raises(ImageError, match="its sensor sees no colours"):
        codec.open(path, format="dng")


def test_a_picture_opened_for_dng_becomes_nothing_else(tmp_path):
    source = codec.open(store_raw(tmp_path / "in.dng", mosaic(scene())), format="dng")

    with pytest.raises(ImageError, match="was opened for DNG"):
        codec.write(tmp_path / "out.tif", [source.read(64)], source)


@pytest.mark.parametrize("rows", [[30], [64, 1]])
def test_missing_and_surplus_rows_are_refused_and_nothing_is_left(tmp_path, rows):
    source = codec.open(store_raw(tmp_path / "in.dng", mosaic(scene())), format="dng")
    bands = [np.zeros((count, 96, 3), np.float32) for count in rows]

    with pytest.raises(ImageError, match="rows"):
        codec.write(tmp_path / "out.dng", bands, source)
    assert [path.name for path in tmp_path.iterdir()] == ["in.dng"]


def test_a_dng_goes_into_a_stream(tmp_path):
    source = codec.open(store_raw(tmp_path / "in.dng", mosaic(scene())), format="dng")
    target = io.BytesIO()

    codec.write(target, [source.read(64)], source, format="dng")

    (tmp_path / "out.dng").write_bytes(target.getvalue())
    assert linear_of(tmp_path / "out.dng").shape == (64, 96, 3)


def test_an_unknown_camera_is_told(tmp_path):
    """A sensor's file without matrix and white balance, as LibRaw reads those of old cameras."""
    path = tmp_path / "in.dng"
    tags = [
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes((0, 1, 1, 2)), True),
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),
    ]
    sensor = np.full((64, 96), 9000, np.uint16)
    tifffile.imwrite(path, sensor, photometric=32803, metadata=None, extratags=tags)

    source = codec.open(path, format="dng")
    codec.write(tmp_path / "out.dng", [source.read(64)], source)

    assert any("white balance is not known" in note for note in source.notes)
    assert any("colours are not known" in note for note in source.notes)
    assert linear_of(tmp_path / "out.dng")[32, 48] == pytest.approx(9000, abs=2)


def test_without_rawpy_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)

    with pytest.raises(ImageError, match=r'pip install "mirnet\[raw\]"'):
        codec.open(tmp_path / "in.CR3", format="dng")


def test_without_tifffile_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = store_raw(tmp_path / "in.dng", mosaic(scene()))
    monkeypatch.setitem(sys.modules, "tifffile", None)

    with pytest.raises(ImageError, match=r'pip install "mirnet\[raw\]"'):
        codec.open(path, format="dng")
