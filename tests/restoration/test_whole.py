"""Pictures in one piece: the network sees exactly the picture, and nothing else."""

import numpy as np
import pytest

from mirnet.errors import InferenceError, OutOfMemoryError, TilingError
from mirnet.models.facts import Facts
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Listening(EchoRuntime):
    """Echoes, and keeps all batches; fails if one has more pixels a side than fit."""

    def __init__(self, facts=None, *, largest=10**6):
        super().__init__(facts)
        self.largest = largest
        self.batches = []

    def __call__(self, batch):
        self.batches.append(batch.copy())
        if max(batch.shape) > self.largest:
            raise OutOfMemoryError("too large")
        return super().__call__(batch)


@pytest.mark.parametrize(("height", "width"), [(40, 56), (192, 192), (260, 520), (4, 8)])
def test_the_network_sees_the_picture_and_no_more(picture, height, width):
    image = picture(height, width, dtype=np.float32)
    runtime = Listening()

    restored = Restorer(runtime, whole=True)(image)

    (batch,) = runtime.batches
    np.testing.assert_array_equal(batch[0], image.transpose(2, 0, 1))
    np.testing.assert_array_equal(restored, image)


def test_sides_that_are_no_multiples_are_extended_at_their_ends_alone(picture):
    image = picture(41, 55, dtype=np.float32)
    runtime = Listening()

    restored = Restorer(runtime, whole=True)(image)

    (batch,) = runtime.batches
    expected = np.pad(image, ((0, 3), (0, 1), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(batch[0], expected.transpose(2, 0, 1))
    np.testing.assert_array_equal(restored, image)


def test_a_picture_that_does_not_fit_into_memory_is_not_cut_in_secret(picture):
    runtime = Listening(largest=128)
    restorer = Restorer(runtime, whole=True)

    with pytest.raises(InferenceError, match=r"for 140x100 pixels in one piece: leave out whole"):
        restorer(picture(100, 140))
    assert restorer(picture(100, 120)).shape == (100, 120, 3)
    assert [batch.shape for batch in runtime.batches] == [(1, 3, 100, 140), (1, 3, 100, 120)]


def test_a_model_of_one_size_runs_on_pictures_of_that_size_alone(picture):
    restorer = Restorer(Listening(Facts(size=(64, 96))), whole=True)

    assert restorer(picture(64, 96)).shape == (64, 96, 3)
    with pytest.raises(TilingError, match=r"takes 96x64 only, and the picture has 90x60"):
        restorer(picture(60, 90))


@pytest.mark.parametrize("option", [{"tile": 64}, {"overlap": 0}])
def test_tiles_and_whole_pictures_exclude_each_other(option):
    with pytest.raises(TilingError, match="whole pictures have no tiles"):
        Restorer(EchoRuntime(), whole=True, **option)


def test_records_name_no_tiles_that_were_not_used():
    assert Restorer(EchoRuntime(), whole=True).tiling == {"tile": None, "overlap": None}
    assert Restorer(EchoRuntime(), tile=64).tiling == {"tile": 64, "overlap": 16}


@pytest.mark.parametrize("task", ["brighten", "retouch"])
def test_models_that_change_the_light_see_whole_pictures(task):
    class Stretches(EchoRuntime):
        """Makes the brightest pixel that it sees white."""

        def __call__(self, batch):
            return batch / batch.max()

    runtime = Stretches(Facts(task=task))
    image = np.linspace(0.1, 0.4, 100 * 120 * 3, dtype=np.float32).reshape(100, 120, 3)

    result = Restorer(runtime, whole=True)(image)

    np.testing.assert_allclose(result, image / image.max(), atol=1e-6)
