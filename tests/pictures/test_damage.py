"""Damage that a decoder can see is refused, and good files of many encoders are not."""

import io
import itertools
import struct
import tracemalloc
import zlib

import cv2
import imagecodecs
import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mirnet.errors import ImageError
from mirnet.pictures import codec, png

HEIGHT, WIDTH = 203, 317


def photograph(dtype=np.uint8, channels=3):
    """Smooth and noisy, so that all kinds of compression have something to do."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).normal(0, 0.03, (HEIGHT, WIDTH, 3))
    values = np.stack([x / WIDTH, y / HEIGHT, (x + y) / (WIDTH + HEIGHT)], 2) + noise
    values = values.clip(0, 1)[..., :channels]
    if dtype == np.float32:
        return values.astype(np.float32)
    return (values * np.iinfo(dtype).max).astype(dtype)


def of_tifffile(pixels=None, **options):
    file = io.BytesIO()
    pixels = photograph() if pixels is None else pixels
    tifffile.imwrite(file, pixels, metadata=None, **({"photometric": "rgb"} | options))
    return file.getvalue()


def of_pillow(format="JPEG", mode="RGB", **options):
    file = io.BytesIO()
    Image.fromarray(photograph()).convert(mode).save(file, format, **options)
    return file.getvalue()


def of_libvips(save, dtype=np.uint8, **options):
    space = {np.uint8: "srgb", np.uint16: "rgb16", np.float32: "scrgb"}[dtype]
    image = pyvips.Image.new_from_array(photograph(dtype)).copy(interpretation=space)
    return bytes(getattr(image, f"{save}save_buffer")(**options))


# damage


STRIPS, TILES = {"rowsperstrip": 64}, {"tile": (64, 64)}


@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("layout", [STRIPS, TILES], ids=["strips", "tiles"])
def test_any_bit_flipped_in_deflate_is_told(layout, predictor):
    good = of_tifffile(compression="zlib", predictor=predictor, **layout)
    random = np.random.default_rng(1)

    for _ in range(30):
        with pytest.raises(ImageError, match=r"cannot be read: its (strip|tile) .* is damaged"):
            codec.read(flipped(good, random))


@pytest.mark.parametrize(
    ("good", "least"),
    [
        # LZW has no checksum: some codes stand for other bytes, but for as many
        (of_tifffile(photograph() & 0xE0, compression="lzw", predictor=True, **STRIPS), 20),
        (of_tifffile(photograph() & 0xE0, compression="lzw", predictor=True, **TILES), 20),
        (of_tifffile(photograph() & 0xE0, compression="lzw", **TILES), 20),
        # codes of Huffman fall into step again: often nothing is left over
        (of_libvips("tiff", compression="jpeg", tile=True, Q=95), 4),
        (of_libvips("tiff", compression="jpeg", Q=95), 4),
        (of_pillow(quality=95), 4),
        (of_pillow(quality=95, subsampling=0), 4),
        (of_pillow(quality=95, progressive=True), 4),
        (of_pillow(quality=95, restart_marker_rows=1), 4),
    ],
)
def test_most_bits_flipped_in_other_compression_are_told(good, least):
    random = np.random.default_rng(2)
    told = 0

    for _ in range(30):
        try:
            codec.read(flipped(good, random))
        except ImageError:
            told += 1

    assert told >= least


def flipped(good, random):
    """A file with one bit flipped in the pixels, somewhere in the middle."""
    data = bytearray(good)
    data[random.integers(len(data) // 3, len(data) * 2 // 3)] ^= 1 << random.integers(8)
    return bytes(data)


@pytest.mark.parametrize("layout", [STRIPS, TILES], ids=["strips", "tiles"])
@pytest.mark.parametrize("length", [126, 100, 0])
def test_a_run_of_packbits_of_another_length_is_told(layout, length):
    data = bytearray(of_tifffile(compression="packbits", **layout))
    with tifffile.TiffFile(io.BytesIO(data)) as found:
        start = found.pages[0].dataoffsets[2]
    assert data[start] == 127  # a literal run
    data[start] = length

    with pytest.raises(ImageError, match=r"its (strip|tile) 3 of .* is damaged"):
        codec.read(bytes(data))


def with_header(good, **changes):
    """A PNG whose header tells something else, with a right checksum."""
    fields = dict(zip(HEADER, struct.unpack(">IIBBBBB", good[16:29]), strict=True)) | changes
    header = b"IHDR" + struct.pack(">IIBBBBB", *fields.values())
    return good[:12] + header + struct.pack(">I", zlib.crc32(header)) + good[33:]


HEADER = ("width", "height", "depth", "colour", "compression", "filter", "interlace")

PNGS = {
    "8 bits": of_libvips("png"),
    "16 bits": of_libvips("png", np.uint16),
    "interlaced": of_libvips("png", interlace=True),
    "palette": of_libvips("png", palette=True),
    "grey with alpha": of_pillow("PNG", "LA"),
    "1 bit": of_pillow("PNG", "1"),
}

LIES = [
    {"height": HEIGHT - 1},
    {"height": 1},
    {"width": WIDTH - 8},
    {"width": WIDTH - 8, "height": HEIGHT + 1},
    {"depth": 4},
]


@pytest.mark.parametrize("name", PNGS)
def test_a_png_whose_header_tells_another_size_is_told(name):
    good = PNGS[name]
    assert codec.read(good).shape[:2] == (HEIGHT, WIDTH)
    for lie in LIES:
        with pytest.raises(ImageError, match="cannot be read"):
            codec.read(with_header(good, **lie))


@given(
    *(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([(1, 0), (2, 0), (8, 0), (16, 0), (8, 2), (16, 2), (4, 3), (8, 4), (16, 6)]),
    st.booleans(),
)
def test_the_data_of_a_png_is_as_long_as_is_computed(width, height, kind, is_interlaced):
    depth, colour = kind
    bits = depth * png.CHANNELS[colour]
    length = png.size(width, height, bits, is_interlaced=is_interlaced)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, is_interlaced)
    palette = [(b"PLTE", bytes(3 << depth))] if colour == 3 else []

    def made(count):
        data = (b"IHDR", header), *palette, (b"IDAT", zlib.compress(bytes(count))), (b"IEND", b"")
        chunks = (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in data
        )
        return png.SIGNATURE + b"".join(chunks)

    Image.open(io.BytesIO(made(length))).load()  # not too short
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(made(length - 1))).load()
    assert png.is_sound(io.BytesIO(made(length)))
    assert not png.is_sound(io.BytesIO(made(length + 1)))


def test_a_png_that_inflates_without_end_takes_no_memory():
    bomb = zlib.compress(bytes(200_000_000), 9)
    chunk = struct.pack(">I", len(bomb)) + b"IDAT" + bomb + bytes(4)
    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
    content = png.SIGNATURE + struct.pack(">I", 13) + b"IHDR" + header + bytes(4) + chunk
    tracemalloc.start()
    is_sound = png.is_sound(io.BytesIO(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert not is_sound
    assert peak < 2_000_000


@pytest.mark.parametrize("added", ["a second scan", "a process that nobody has"])
def test_what_cannot_follow_the_pixels_of_a_jpeg_is_told(added):
    good = of_pillow()
    scan = good[good.index(b"\xff\xda") : -2]
    frame = good[good.index(b"\xff\xc0") :][:19].replace(b"\xff\xc0", b"\xff\xc6")
    extra = {"a second scan": scan, "a process that nobody has": frame}[added]

    with pytest.raises(ImageError, match="its data is damaged"):
        codec.read(good[:-2] + extra + good[-2:])


@pytest.mark.parametrize("marker", [b"\xff\xc0", b"\xff\xc4", b"\xff\xda"])
def test_bytes_between_the_tables_of_a_jpeg_are_told(marker):
    """Where they are, a table may have been: decoders take a usual one, and colours change."""
    good = of_pillow()
    place = good.index(marker)

    with pytest.raises(ImageError, match="its data is damaged"):
        codec.read(good[:place] + bytes(30) + good[place:])


def test_a_tile_of_lzw_at_the_end_of_the_file_is_told():
    damaged = bytearray(of_tifffile(compression="lzw", **TILES))
    with tifffile.TiffFile(io.BytesIO(bytes(damaged))) as tiff:
        place = tiff.pages[0].tags["TileOffsets"].valueoffset
    damaged[place : place + 4] = (len(damaged) - 1).to_bytes(4, "little")

    with pytest.raises(ImageError, match="cannot be read"):
        codec.read(bytes(damaged))


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_damage_at_the_end_is_told_before_or_with_its_rows(orientation):
    options = {"compression": "zlib", "extratags": [(274, "H", 1, orientation, True)], **TILES}
    data = bytearray(of_tifffile(**options))
    with tifffile.TiffFile(io.BytesIO(data)) as found:
        page = found.pages[0]
        data[page.dataoffsets[-1] + page.databytecounts[-1] - 1] ^= 1  # of the checksum
    source = codec.open(bytes(data))

    if orientation == 1:
        source.read(3 * 64)
    with pytest.raises(ImageError, match="tile 20 of 20 is damaged"):
        source.read(source.height)


def test_a_tiff_with_a_compression_that_libvips_lacks_is_refused():
    """Its tiles came out black."""
    content = of_tifffile(compression="zstd", **TILES)

    with pytest.raises(ImageError, match="ZSTD compression support is not configured"):
        codec.read(content)


# good files


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_good_tiffs_of_tifffile_are_read(compression, dtype):
    pixels = photograph(dtype)
    layouts = (STRIPS, TILES, {"rowsperstrip": 7}, STRIPS | {"planarconfig": "separate"})
    predictors = (False, True) if compression in ("zlib", "lzw") else (False,)
    for layout, predictor, byteorder, bigtiff in itertools.product(
        layouts, predictors, "<>", (False, True)
    ):
        stored = pixels.transpose(2, 0, 1) if "planarconfig" in layout else pixels
        content = of_tifffile(
            stored,
            compression=compression,
            predictor=predictor,
            byteorder=byteorder,
            bigtiff=bigtiff,
            **layout,
        )

        np.testing.assert_array_equal(codec.read(content), pixels)


@pytest.mark.parametrize("layout", [{"rowsperstrip": 32}, TILES], ids=["strips", "tiles"])
@pytest.mark.parametrize("level", [50, 90, 100])
def test_good_jpegs_in_tiffs_are_read(layout, level):
    for photometric in ("rgb", "ycbcr"):
        content = of_tifffile(
            photometric=photometric, compression="jpeg", compressionargs={"level": level}, **layout
        )
        assert codec.read(content).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("compression", ["deflate", "lzw", "packbits", "jpeg", "webp"])
def test_good_tiffs_of_libvips_are_read(compression):
    dtypes = (np.uint8,) if compression in ("jpeg", "webp") else (np.uint8, np.uint16, np.float32)
    for dtype, tile, pyramid, bigtiff in itertools.product(dtypes, *[(False, True)] * 3):
        content = of_libvips(
            "tiff", dtype, compression=compression, tile=tile, pyramid=pyramid, bigtiff=bigtiff
        )
        assert codec.read(content).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    "compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg"]
)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "1", "P", "YCbCr"])
def test_good_tiffs_of_pillow_are_read(compression, mode):
    if compression == "jpeg" and mode in ("1", "P"):
        pytest.skip("JPEG holds neither bits nor palettes")

    content = of_pillow("TIFF", mode, compression=compression)

    assert codec.read(content).shape[:2] == (HEIGHT, WIDTH)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restarts", [0, 1])
def test_good_jpegs_are_read_whatever_lies_around_their_pixels(mode, progressive, restarts):
    for quality, subsampling in itertools.product((30, 100), (0, 2)):
        good = of_pillow(
            mode=mode,
            quality=quality,
            subsampling=subsampling,
            progressive=progressive,
            restart_marker_rows=restarts,
        )
        tables = good.index(b"\xff\xdb")
        for content in (
            good,
            good + bytes(50) + good,
            good[:-2] + bytes(8) + good[-2:],
            good[:-2] + b"\xff\xff\xff" + good[-2:],
            good[:tables] + b"\1\2\3" + good[tables:],
        ):
            np.testing.assert_array_equal(codec.read(content), codec.read(good))


def test_good_jpegs_of_other_encoders_are_read():
    pixels = photograph()
    files = [
        imagecodecs.jpeg_encode(pixels, level=90, subsampling=subsampling)
        for subsampling in ("444", "422", "420", "411", "440")
    ]
    for options in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 3]):
        files.append(cv2.imencode(".jpg", pixels, options)[1].tobytes())
    for options in ({"interlace": True}, {"trellis_quant": True}, {"restart_interval": 5}):
        files.append(of_libvips("jpeg", **options))
    stereo = io.BytesIO()
    left, right = Image.fromarray(pixels), Image.fromarray(pixels)
    left.save(stereo, "MPO", save_all=True, append_images=[right])

    for content in (*files, stereo.getvalue()):
        assert codec.read(content).shape == (HEIGHT, WIDTH, 3)


def test_the_last_zero_of_a_jpeg_belongs_to_its_pixels():
    """Of a hundred small pictures some end in a zero, before which nothing may be cut off."""
    random = np.random.default_rng(0)
    ends = []
    for _ in range(400):
        pixels = random.integers(0, 256, (16, 16, 3), np.uint8)
        content = imagecodecs.jpeg_encode(pixels, level=100)
        ends.append(content[-3])
        codec.read(content)
        codec.read(content[:-2] + bytes(3) + content[-2:])

    assert 0 in ends
