"""Pictures that are seen as a whole before their rows are read."""

import errno
import tempfile

import numpy as np
import pytest

from mirnet.errors import ImageError
from mirnet.pictures import codec
from mirnet.pictures.read_ahead import read_ahead
from mirnet.pictures.source import Source


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint16, 1), (np.float32, 3)])
def test_all_is_seen_and_then_read_once_more(picture, dtype, channels):
    image, seen = picture(600, 40, channels, dtype), []

    source = read_ahead(Source.of(image), seen.append)

    np.testing.assert_array_equal(np.concatenate(seen), image)
    np.testing.assert_array_equal(np.concatenate([source.read(70) for _ in range(9)]), image)
    assert not len(source.read(1))


def test_a_file_keeps_its_name_and_what_it_carries(save, tmp_path):
    path = save(tmp_path / "dark.png")
    original = codec.open(path)

    source = read_ahead(codec.open(path), lambda rows: None)

    assert (source.name, source.metadata) == (original.name, original.metadata)
    np.testing.assert_array_equal(source.read(40), original.read(40))


def test_a_full_disk_is_told(monkeypatch, picture):
    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())

    with pytest.raises(ImageError, match=r"no room for a copy in .*No space left on device"):
        read_ahead(Source.of(picture(40, 50)), lambda rows: None)
