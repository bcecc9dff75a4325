"""Many threads read, write and fail at once: bytes are those of one, failures tell their reason."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import pyvips

from mirnet.errors import ImageError
from mirnet.pictures import codec
from mirnet.pictures.vips import forget
from mirnet.pictures.writing import FORMATS

THREADS, ROUNDS = 8, 3


def encode(suffix, dtype=np.uint8, height=210, width=160, seed=0, **fields):
    values = np.random.default_rng(seed).random((height, width, 3))
    image = pyvips.Image.new_from_array((values * np.iinfo(dtype).max).astype(dtype))
    image = image.copy(interpretation="rgb16" if dtype == np.uint16 else "srgb")
    for name, value in fields.items():
        image.set_type(pyvips.GValue.gint_type, name, value)
    return image.write_to_buffer(suffix)


@pytest.fixture
def pictures(tmp_path):
    """Files of all kinds, good ones and ones that fail, each for a reason of its own."""
    png, jpeg, tiff = encode(".png", seed=1), encode(".jpg", seed=2), encode(".tif", seed=3)
    webp = encode(".webp", seed=4)
    files = {
        "deep.png": encode(".png", np.uint16, seed=5),
        "turned.jpg": encode(".jpg", seed=6, orientation=6),
        "plain.tif": tiff,
        "plain.webp": webp,
        "cut.png": png[: len(png) * 2 // 3],
        "cut.jpg": jpeg[: len(jpeg) * 2 // 3],
        "cut.tif": tiff[: len(tiff) * 2 // 3],
        "cut.webp": webp[: len(webp) // 2],
        "changed.png": png[:20_000] + bytes(50) + png[20_050:],
        "headless.jpg": jpeg[:200],
        "letter.jpg": b"dear all, " * 50,
        "empty.png": b"",
        "drawing.svg.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return sorted(tmp_path / name for name in files)


@pytest.fixture
def wide(tmp_path, monkeypatch):
    """A picture that libvips refuses to write as WebP, where we do not do so first."""
    monkeypatch.setitem(FORMATS, "webp", replace(FORMATS["webp"], longest=10**6))
    path = tmp_path / "wide.png"
    path.write_bytes(encode(".png", height=1, width=16_390))
    return path


def settings():
    return pyvips.cache_get_max(), pyvips.cache_get_max_mem(), pyvips.cache_get_max_files()


def read(path):
    try:
        return codec.read(path).tobytes()
    except ImageError as error:
        return str(error)


def bands(source):
    while (band := source.read(50)).size:
        yield band


def rewrite(path, target):
    """The bytes of a file written from another, or why there is none."""
    try:
        source = codec.open(path)
        codec.write(target, bands(source), source)
    except ImageError as error:
        return str(error)
    return target.read_bytes()


def told(result):
    """A failure without the file's name, which has a folder of its own each time."""
    return result.partition(" cannot be ")[2] if isinstance(result, str) else result


def at_once(works):
    """The results of all of them, each done `ROUNDS` times, by threads that begin together."""
    gate = threading.Barrier(THREADS)

    def run(first):
        gate.wait()
        order = works[first:] + works[:first]
        return [(work, work()) for _ in range(ROUNDS) for work in order]

    with ThreadPoolExecutor(THREADS) as pool:
        return [pair for done in pool.map(run, range(THREADS)) for pair in done]


def test_threads_read_what_one_thread_reads(pictures):
    before = settings()
    expected = {path: read(path) for path in pictures}
    works = {partial(read, path): path for path in pictures}

    found = at_once(list(works))

    failures = {path.name for path, result in expected.items() if isinstance(result, str)}
    assert len(failures) == 9
    assert len(found) == THREADS * ROUNDS * len(pictures)
    wrong = [(result, expected[works[work]]) for work, result in found]
    assert [pair for pair in wrong if pair[0] != pair[1]] == []
    assert settings() == before


def test_threads_write_what_one_thread_writes(pictures, wide, tmp_path):
    """And each failure, of reading or of writing, tells its own file's reason."""
    before = settings()
    names = {"deep.png": ".png", "turned.jpg": ".jpg", "plain.tif": ".tif", "plain.webp": ".webp"}
    names |= {"cut.jpg": ".jpg", "changed.png": ".png", "wide.png": ".webp"}
    targets = {tmp_path / name: f"{name}.out{suffix}" for name, suffix in names.items()}
    expected = {path: rewrite(path, tmp_path / name) for path, name in targets.items()}
    places = iter(range(10**6))

    def work(path):
        folder = tmp_path / str(next(places))
        folder.mkdir()
        return rewrite(path, folder / targets[path])

    works = {partial(work, path): path for path in targets}
    found = at_once(list(works))

    assert expected[wide].endswith("cannot be written: webpsave: image too large")
    for work, result in found:
        path = works[work]
        assert told(result) == told(expected[path]), path
    assert settings() == before
    assert list(tmp_path.rglob("*.part")) == []


def test_what_libvips_keeps_is_left_as_it_was():
    """A thread that read the cache's size while another had set it to 0 left it there for good."""
    before, interval = settings(), sys.getswitchinterval()

    sys.setswitchinterval(1e-6)
    try:
        at_once([forget] * 10_000)
    finally:
        sys.setswitchinterval(interval)

    assert settings() == before
