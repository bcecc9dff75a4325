"""The first bytes decide which loader of libvips reads a file, and no other one sees it."""

import io
import subprocess
import sys

import numpy as np
import pytest
import pyvips
from PIL import Image

from mirnet.errors import ImageError
from mirnet.pictures import codec

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
GIF = bytes(pyvips.Image.black(9, 9, bands=3).copy(interpretation="srgb").gifsave_buffer())
MATRIX = b"3 1\n1 2 3\n"
CSV = b"1,2,3\n4,5,6\n"
VIPS = b"\x08\xf2\xa6\xb6" + bytes(200)  # the beginning of libvips' own format
OTHERS = {"svg": SVG, "gif": GIF, "matrix": MATRIX, "csv": CSV, "vips": VIPS}


def pillow(format, **options):
    file = io.BytesIO()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(file, format, **options)
    return file.getvalue()


def traced(path):
    """The operations that libvips ran while mirnet opened a file."""
    code = (
        "import pyvips, sys\n"
        "from mirnet.errors import ImageError\n"
        "from mirnet.pictures import codec\n"
        "pyvips.cache_set_trace(True)\n"
        "try:\n"
        f"    codec.read({str(path)!r})\n"
        "except ImageError:\n"
        "    pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {word for word in (done.stdout + done.stderr).split() if "load" in word}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".svg"])
def test_files_of_other_kinds_are_refused_whatever_their_suffix(tmp_path, content, suffix):
    path = tmp_path / f"in{suffix}"
    path.write_bytes(content)

    for picture in (path, content):
        with pytest.raises(ImageError, match="not JPEG, PNG, TIFF, WebP, AVIF, HEIC or JPEG XL"):
            codec.open(picture)


@pytest.mark.parametrize("content", [SVG, GIF], ids=["svg", "gif"])
def test_no_loader_of_libvips_is_asked_about_other_kinds(tmp_path, content):
    path = tmp_path / "in.jpg"
    path.write_bytes(content)

    assert traced(path) == set()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_one_loader_reads_each_kind_whatever_its_suffix(tmp_path, format):
    path = tmp_path / "in.jpg"
    path.write_bytes(pillow(format))

    name = {"AVIF": "heif"}.get(format, format.lower())
    assert traced(path) == {f"{name}load_source"}


def test_callers_can_still_read_other_kinds_with_libvips():
    codec.read(pillow("PNG"))

    assert pyvips.Image.new_from_buffer(SVG, "").width == 9
