"""Files for one size: each runtime says so, runs it, and refuses others in one line."""

import numpy as np
import pytest

from mirnet import runtimes
from mirnet.errors import InferenceError
from mirnet.restoration.restorer import Restorer

pytest.importorskip("onnxruntime")


@pytest.fixture(params=["onnx", "openvino"])
def opened(request, scaling_model, tmp_path):
    """A function that opens a model which halves pictures of a shape."""
    pytest.importorskip(runtimes.KINDS[request.param].package)

    def load(*shape):
        path = scaling_model(tmp_path / "half.onnx", 0.5, shape)
        return runtimes.open(path, runtime=request.param, threads=1)

    return load


def test_a_model_of_one_size_says_so_and_runs(opened):
    runtime = opened(1, 3, 64, 96)
    noisy = np.random.default_rng(0).random((1, 3, 64, 96), np.float32)

    assert runtime.facts.size == (64, 96)
    np.testing.assert_array_equal(runtime(noisy), noisy / 2)


@pytest.mark.parametrize("shape", [("b", 3, "h", "w"), (1, 3, "h", "w")])
def test_a_model_of_any_size_says_so(opened, shape):
    assert opened(*shape).facts.size is None


@pytest.mark.parametrize("shape", [(1, 3, 96, 64), (2, 3, 64, 96), (1, 3, 4, 4)])
def test_another_size_is_refused_in_one_line(opened, shape):
    given = "x".join(map(str, shape))

    with pytest.raises(InferenceError, match=f"^this .* 1x3x64x96 only, got {given}: .*$"):
        opened(1, 3, 64, 96)(np.zeros(shape, np.float32))


@pytest.mark.parametrize(("height", "width"), [(5, 200), (64, 96), (130, 70)])
def test_pictures_of_any_size_are_restored(opened, picture, height, width):
    image = picture(height, width)

    restored = Restorer(opened(1, 3, 64, 96))(image)

    np.testing.assert_allclose(restored, image / 2, atol=0.51)
