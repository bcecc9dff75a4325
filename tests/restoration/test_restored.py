"""The one way through: a picture from anywhere gives the same, to anywhere, in many threads."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import pyvips

from mirnet.errors import ImageError, OutOfMemoryError
from mirnet.models.facts import Facts
from mirnet.pictures import codec
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Halves(EchoRuntime):
    """Halves what it is given, of which the result depends on no tile."""

    def __call__(self, batch):
        return batch / 2


@pytest.fixture
def restorer():
    return Restorer(Halves(Facts(lanes=3)), tile=64, overlap=16)


@pytest.fixture(params=[".png", ".jpg", ".tif", ".webp", ".avif"])
def file(request, tmp_path, picture):
    """A picture with a profile and EXIF, in each format."""
    image = pyvips.Image.new_from_array(picture(90, 130))
    profile = bytes(pyvips.Operation.call("profile_load", "p3"))
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "me")
    path = tmp_path / f"picture{request.param}"
    image.write_to_file(str(path))
    return path


def ways(path):
    """The same picture from all places where it may be."""
    return [path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())]


def test_wherever_a_picture_comes_from_the_file_is_the_same(restorer, file, tmp_path):
    files = []
    for number, way in enumerate(ways(file)):
        target = tmp_path / f"{number}.png"
        restorer.restore(way).write(target)
        files.append(target.read_bytes())

    with file.open("rb") as stream:
        files.append(restorer.restore(stream).tobytes("png"))

    assert len(set(files)) == 1
    assert restorer.restore(file).tobytes("png") == files[0]
    assert {"ICC", "EXIF"} <= codec.open(files[0]).metadata.names


def test_an_array_goes_the_same_way(restorer, file):
    array = codec.read(file)

    restored = restorer.restore(array)

    np.testing.assert_array_equal(restored.array(), restorer.restore(file).array())
    assert restored.tally.tiles > 1
    assert codec.open(restorer.restore(array).tobytes("tiff")).metadata.names == set()


def test_a_stream_is_written_when_the_picture_is_whole(restorer, file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    target = io.BytesIO()

    with pytest.raises(ImageError):
        restorer.restore(file).write(target, format="png")

    assert target.getvalue() == b""


def test_a_stream_wants_a_format(restorer, picture):
    with pytest.raises(ImageError, match="format None cannot be written; use one of jpeg, png"):
        restorer.restore(picture(8, 8)).write(io.BytesIO())


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_picture_are_refused_in_one_line(restorer, content):
    with pytest.raises(ImageError, match=r"^the picture .*$"):
        restorer.restore(content)


def test_of_a_stream_messages_have_the_name(restorer, tmp_path):
    path = tmp_path / "text.jpg"
    path.write_bytes(b"no picture")

    with path.open("rb") as stream, pytest.raises(ImageError, match=r"text\.jpg cannot be read"):
        restorer.restore(stream)


def test_what_reading_and_writing_changed_is_noted(restorer, tmp_path):
    deep = np.random.default_rng(0).integers(0, 2**16, (40, 50, 3), np.uint16)
    restored = restorer.restore(deep)

    restored.write(tmp_path / "a.jpg")

    assert restored.notes == ("16 bit became 8 bit, the most that JPEG holds",)


def test_many_threads_restore_what_one_does(restorer, tmp_path, picture):
    paths = []
    for number in range(6):
        path = tmp_path / f"{number}{('.png', '.jpg', '.tif')[number % 3]}"
        pyvips.Image.new_from_array(picture(70 + 9 * number, 110, seed=number)).write_to_file(
            str(path)
        )
        paths.append(path)
    (tmp_path / "broken.png").write_bytes(paths[0].read_bytes()[:300])
    expected = {path: restorer.restore(path).tobytes("png") for path in paths}

    def work(number):
        path: Path = paths[number % len(paths)]
        if number % 4 == 3:
            with pytest.raises(ImageError, match=r"broken\.png cannot be read"):
                restorer.restore(tmp_path / "broken.png").array()
        return path, restorer.restore(path).tobytes("png")

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(48)))

    assert all(content == expected[path] for path, content in results)


class Short(Halves):
    """Has memory for small tiles only, and makes two pictures meet in the middle."""

    def __init__(self):
        super().__init__()
        self.meet = threading.Barrier(2, timeout=30)
        self.met = threading.local()

    def __call__(self, batch):
        if not getattr(self.met, "yes", False):
            self.met.yes = True
            self.meet.wait()
        if max(batch.shape) > 100:
            raise OutOfMemoryError("too large")
        return super().__call__(batch)


def test_pictures_that_run_out_of_memory_side_by_side_come_out_right(picture):
    restorer = Restorer(Short(), tile=256, overlap=32)
    images = [picture(300, 270, seed=seed) for seed in (1, 2)]

    with ThreadPoolExecutor(2) as pool:
        restored = list(pool.map(restorer, images))

    for image, result in zip(images, restored, strict=True):
        np.testing.assert_allclose(result, image / 2, atol=0.51)
    assert restorer.largest <= 100
