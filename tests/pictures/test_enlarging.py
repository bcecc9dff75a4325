"""Enlarging by classic filters: against Pillow, row by row, and with all that a picture carries."""

import io
import tracemalloc

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from mirnet.pictures import codec, enlarging, tiff
from mirnet.pictures.source import Source

FILTERS = {"bicubic": Pillow.Resampling.BICUBIC, "lanczos": Pillow.Resampling.LANCZOS}


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).random((height, width, channels), np.float32)


@pytest.mark.parametrize("kernel", FILTERS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_inside_the_picture_it_is_what_pillow_makes(kernel, scale):
    plane = noise(20, 31, 1)

    ours = enlarging.enlarge(plane, scale, kernel)[..., 0]

    theirs = np.asarray(
        Pillow.fromarray(plane[..., 0]).resize((31 * scale, 20 * scale), FILTERS[kernel])
    )
    inside = slice(4 * scale, -4 * scale)
    np.testing.assert_allclose(ours[inside, inside], theirs[inside, inside], atol=2e-6)


@pytest.mark.parametrize("kernel", FILTERS)
def test_one_colour_stays_one_colour_up_to_the_border(kernel):
    field = np.full((1, 2, 3), 0.3, np.float32)

    np.testing.assert_allclose(enlarging.enlarge(field, 4, kernel), 0.3, atol=1e-6)


@settings(max_examples=40, deadline=None)  # a shared machine keeps no deadlines
@given(
    height=st.integers(1, 200),
    width=st.integers(1, 9),
    scale=st.integers(1, 4),
    kernel=st.sampled_from(sorted(FILTERS)),
    counts=st.lists(st.integers(1, 150), min_size=1, max_size=6),
)
def test_rows_in_portions_of_any_height_are_those_of_the_whole(
    height, width, scale, kernel, counts
):
    image = noise(height, width)
    source = enlarging.enlarged(Source.of(image), scale, kernel)

    portions = []
    while len(rows := source.read(counts[len(portions) % len(counts)])):
        portions.append(rows)

    np.testing.assert_allclose(
        np.concatenate(portions), enlarging.enlarge(image, scale, kernel), atol=1e-6
    )


def test_memory_does_not_grow_with_the_height():
    source = enlarging.enlarged(Source.of(noise(4000, 32)), 2)
    tracemalloc.start()
    while len(source.read(64)):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8000 * 64 * 3 * 4 / 8


def saved(path, pixels, *, xmp=b"", exif=(), **options):
    """A picture file with metadata, 300 dpi unless told otherwise."""
    image = pyvips.Image.new_from_array(pixels)
    resolution = options.pop("dpi", 300) / 25.4
    image = image.copy(interpretation="srgb", xres=resolution, yres=resolution)
    if xmp:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp)
    for name, value in exif:
        image.set_type(pyvips.GValue.gstr_type, name, value)
    image.write_to_file(str(path), **options)
    return path


def test_alpha_grows_with_the_colours(tmp_path):
    pixels = np.zeros((40, 30, 4), np.uint8)
    pixels[..., :3], pixels[10:30, 10:20, 3] = 90, 255
    source = enlarging.enlarged(codec.open(saved(tmp_path / "a.png", pixels)), 3)
    target = io.BytesIO()
    with codec.create(target, source, format="png") as file:
        for count in (7, 60, 100):
            file.append(source.read(count))

    written = pyvips.Image.new_from_buffer(target.getvalue(), "").numpy()
    assert written.shape == (120, 90, 4)
    assert (written[..., :3] == 90).all()
    assert (written[36:84, 36:54, 3] == 255).all()
    assert (written[:24, :, 3] == 0).all()


XMP = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF><rdf:Description tiff:ImageWidth='30' "
    b'exif:PixelXDimension="30" dc:title="30"><tiff:ImageLength>20</tiff:ImageLength>'
    b"<xmp:Thumbnails><rdf:Alt>AAAA</rdf:Alt></xmp:Thumbnails></rdf:Description></rdf:RDF>"
    b"</x:xmpmeta>"
)


@pytest.mark.parametrize("kind", ["jpeg", "tiff", "png", "webp"])
def test_resolution_and_sizes_are_those_of_the_enlarged_picture(tmp_path, kind):
    suffix = {"jpeg": ".jpg", "tiff": ".tif"}.get(kind, f".{kind}")
    exif = [("exif-ifd2-PixelXDimension", "30"), ("exif-ifd0-Model", "Scanner")]
    pixels = (noise(20, 30) * 255).astype(np.uint8)
    path = saved(tmp_path / f"scan{suffix}", pixels, xmp=XMP, exif=exif)
    source = enlarging.enlarged(codec.open(path), 2)

    codec.write(tmp_path / f"large{suffix}", [source.read(40)], source)

    written = pyvips.Image.new_from_file(str(tmp_path / f"large{suffix}"))
    assert (written.width, written.height) == (60, 40)
    xmp = bytes(written.get("xmp-data"))
    assert b"tiff:ImageWidth='60'" in xmp and b'exif:PixelXDimension="60"' in xmp
    assert b"<tiff:ImageLength>40<" in xmp and b'dc:title="30"' in xmp
    assert b"Thumbnails" not in xmp
    if kind != "webp":  # whose resolution is in EXIF alone
        assert written.xres * 25.4 == pytest.approx(600, rel=0.01)
    if kind == "jpeg":
        assert written.get("exif-ifd2-PixelXDimension").startswith("60 ")
        assert written.get("exif-ifd0-XResolution").startswith("600000/1000 ")


def test_seventy_two_dpi_stay_since_nobody_means_them(tmp_path):
    pixels = (noise(20, 30) * 255).astype(np.uint8)
    source = enlarging.enlarged(codec.open(saved(tmp_path / "a.jpg", pixels, dpi=72)), 2)

    codec.write(tmp_path / "b.jpg", [source.read(40)], source)

    assert pyvips.Image.new_from_file(str(tmp_path / "b.jpg")).xres * 25.4 == pytest.approx(72)
    assert enlarging.enlarged(Source.of(pixels), 2).metadata == Source.of(pixels).metadata


def test_exif_multiplies_what_is_in_pixels_and_leaves_the_rest():
    exposure = tiff.Directory(
        {
            tiff.PIXEL_WIDTH: (3, (40_000).to_bytes(2, "little")),
            37396: (3, np.array([10, 20, 5, 6], "<u2").tobytes()),
            41486: (5, np.array([1000, 3], "<u4").tobytes()),
            33434: (5, np.array([1, 100], "<u4").tobytes()),  # the exposure time
        }
    )
    block = tiff.to_block(tiff.Directory({271: (2, b"Maker\0")}, {tiff.EXPOSURE: exposure}))

    found = tiff.from_block(tiff.enlarged(block, 4))

    values = found.children[tiff.EXPOSURE].values
    assert found.values[271] == (2, b"Maker\0")
    assert tiff.numbers(*values[tiff.PIXEL_WIDTH]).tolist() == [160_000]
    assert tiff.numbers(*values[37396]).tolist() == [40, 80, 20, 24]
    assert np.frombuffer(values[41486][1], "<u4").tolist() == [4000, 3]
    assert np.frombuffer(values[33434][1], "<u4").tolist() == [1, 100]
    assert tiff.enlarged(b"Exif\0\0damaged", 2) == b"Exif\0\0damaged"
