"""A model as a method: a name of its own, facts that tell it from others, pictures unrounded."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.errors import DataError, InferenceError
from mirnet.evaluation.method import INPUT, Method, ModelMethod, short_names
from mirnet.models import catalog
from mirnet.models.facts import Facts
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Adds(EchoRuntime):
    """Makes everything brighter by one value."""

    def __init__(self, value):
        self.value = np.float32(value)

    def __call__(self, batch):
        return batch + self.value


class Overflows(EchoRuntime):
    def __call__(self, batch):
        return np.full_like(batch, np.inf)


class Fails(EchoRuntime):
    def __call__(self, batch):
        raise InferenceError("out of luck")


def test_files_are_called_by_their_stems():
    models = ["denoise", "runs/mine.onnx", "/elsewhere/v1.2.pth"]

    assert short_names(models) == ["denoise", "mine", "v1.2"]


@pytest.mark.parametrize(
    "models",
    [
        ["runs/a/best.ckpt", "runs/b/best.ckpt"],
        ["mine.onnx", "mine.mnn"],
        ["denoise", "exported/denoise.onnx"],
        ["a/best.ckpt", "b/best.ckpt", "c/best.ckpt"],
    ],
)
def test_files_of_one_stem_are_called_as_they_were_given(models):
    assert short_names([*models, "other.pth"]) == [*models, "other"]


def test_no_model_is_called_as_the_picture_before():
    assert short_names(["runs/input.onnx"]) == ["runs/input.onnx"]


def test_a_stem_that_another_model_is_called_by_is_not_enough():
    models = ["best.ckpt.onnx", "best.ckpt", "runs/best.ckpt"]

    assert short_names(models) == models


PARTS = st.sampled_from(["a", "b", "a.onnx", "b.ckpt", "a.ckpt.onnx", "a.ckpt", INPUT])
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join).filter(lambda path: path != INPUT)


@given(st.lists(PATHS, unique=True, max_size=6))
def test_names_are_unlike_and_parts_of_what_was_given(models):
    names = short_names(models)

    assert len({INPUT, *names}) == len(models) + 1
    assert all(name in model for name, model in zip(names, models, strict=True))


def test_a_model_that_is_given_twice_is_refused():
    with pytest.raises(DataError, match=r"^runs/mine\.onnx is given twice$"):
        short_names(["runs/mine.onnx", "denoise", "runs/mine.onnx"])


def test_of_the_bundled_model_the_facts_are_these():
    echo = EchoRuntime(Facts(parameters=781392))
    restorer = Restorer(echo, tile=64, overlap=8, strength=0.25, self_ensemble=2)

    method = ModelMethod("denoise", "denoise", restorer)

    assert isinstance(method, Method)
    assert method.name == "denoise"
    assert method.facts == {
        "kind": "model",
        "model": "denoise",
        "parameters": 781392,
        "sha256": hashlib.sha256(catalog.find("denoise").weights().read_bytes()).hexdigest(),
        "runtime": "echo",
        "precision": "f32",
        "tile": 64,
        "overlap": 8,
        "strength": 0.25,
        "self_ensemble": 2,
    }


def test_of_a_file_the_digest_is_its_own(tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"whatever")

    facts = ModelMethod("mine", str(path), Restorer(EchoRuntime())).facts

    assert facts["model"] == str(path)
    assert facts["sha256"] == hashlib.sha256(b"whatever").hexdigest()
    assert facts["parameters"] is None


@pytest.mark.parametrize(
    ("height", "width", "tiles"), [(56, 56, 1), (56, 57, 2), (100, 150, 6), (11, 13, 1)]
)
def test_what_goes_through_a_network_that_changes_nothing_comes_back(picture, height, width, tiles):
    """Tiles of 64, of the picture with 4 pixels of reflection around."""
    noisy = picture(height, width, dtype=np.float32)
    before = noisy.copy()
    method = ModelMethod("echo", "denoise", Restorer(EchoRuntime(), tile=64, overlap=0))

    restored = method(noisy)

    assert restored.image.dtype == np.float32
    np.testing.assert_allclose(restored.image, before, atol=1e-6)
    np.testing.assert_array_equal(noisy, before)
    assert (restored.tiles, restored.tiles_kept) == (tiles, 0)


def test_the_result_is_not_rounded_but_clipped():
    noisy = np.array([0.0, 0.5, 0.9999], np.float32)[None, :, None] * np.ones(
        (16, 1, 3), np.float32
    )
    method = ModelMethod("adds", "denoise", Restorer(Adds(0.3 / 255)))

    (middle,) = np.unique(method(noisy).image[:, 1])

    assert middle == pytest.approx(0.5 + 0.3 / 255, abs=1e-6)
    assert method(noisy).image.max() == 1
    assert ModelMethod("adds", "denoise", Restorer(Adds(-0.1)))(noisy).image.min() == 0


def test_the_strength_is_that_of_the_restorer():
    noisy = np.full((16, 16, 3), 0.5, np.float32)
    method = ModelMethod("adds", "denoise", Restorer(Adds(0.2), strength=0.25))

    # of what is flat, (1 - strength)^4 comes back
    np.testing.assert_allclose(method(noisy).image, 0.7 - 0.2 * 0.75**4, atol=1e-6)


def test_each_picture_has_its_own_count_of_tiles(picture):
    method = ModelMethod("overflows", "denoise", Restorer(Overflows(), tile=64, overlap=0))
    large, small = (picture(48, width, dtype=np.float32) for width in (112, 48))

    first, second = method(large), method(small)

    assert (first.tiles, first.tiles_kept) == (2, 2)
    assert (second.tiles, second.tiles_kept) == (1, 1)
    np.testing.assert_allclose(first.image, large, atol=1e-6)


def test_what_a_runtime_cannot_do_is_let_through():
    method = ModelMethod("fails", "denoise", Restorer(Fails()))

    with pytest.raises(InferenceError, match="out of luck"):
        method(np.zeros((16, 16, 3), np.float32))
