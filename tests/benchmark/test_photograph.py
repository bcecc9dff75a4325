import numpy as np
import pytest

from mirnet import metrics
from mirnet.benchmark import photograph
from mirnet.errors import ImageError


def whole(height, width):
    return np.concatenate(list(photograph.bands(height, width)))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (64, 20), (65, 7), (200, 150)])
def test_it_is_always_the_same_and_of_the_size_that_was_asked_for(height, width):
    first, second = whole(height, width), whole(height, width)

    assert (first.shape, first.dtype) == ((height, width, 3), np.uint8)
    np.testing.assert_array_equal(first, second)


def test_it_has_contents_and_noise():
    picture = whole(512, 512).astype(np.float32) / np.float32(255)
    blurred = picture.reshape(32, 16, 32, 16, 3).mean(axis=(1, 3))

    assert metrics.noise_level(picture, data_range=1.0) == pytest.approx(photograph.NOISE, rel=0.15)
    assert blurred.std() > 2 * photograph.NOISE
    assert (picture == 0).mean() + (picture == 1).mean() < 0.1


def test_the_file_holds_it(tmp_path, load):
    path = tmp_path / "a.png"
    photograph.write(path, 70, 30, format="png")

    np.testing.assert_array_equal(load(path), whole(70, 30))


def test_a_picture_that_the_format_does_not_hold_is_refused(tmp_path):
    with pytest.raises(ImageError, match="JPEG holds at most 65500"):
        photograph.write(tmp_path / "a.jpg", 1, 70_000, format="jpeg")
    assert not list(tmp_path.iterdir())
