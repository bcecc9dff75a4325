"""spandrel loads our networks through the file in integrations/, and computes what we compute."""

import importlib.util
import sys
from types import ModuleType
from unittest import mock

import pytest

torch = pytest.importorskip("torch")

from mirnet.models import catalog, checkpoint  # noqa: E402
from mirnet.models.mirnetv2.network import MIRNetV2  # noqa: E402


def torchvision():
    """Stand-ins for what two architectures of spandrel import; ours needs none of it."""
    functional = ModuleType("torchvision.transforms.functional")
    functional.InterpolationMode = functional.rotate = functional.normalize = None
    parents = {name: ModuleType(name) for name in ("torchvision", "torchvision.transforms")}
    return {**parents, functional.__name__: functional}


@pytest.fixture(scope="module")
def arch(request):
    """The file in integrations/ as a module, registered with spandrel."""
    if importlib.util.find_spec("spandrel") is None:
        pytest.skip("needs spandrel: pip install --no-deps spandrel einops")
    missing = {} if importlib.util.find_spec("torchvision") else torchvision()
    path = request.config.rootpath / "integrations" / "spandrel" / "mirnet_arch.py"
    spec = importlib.util.spec_from_file_location("mirnet_arch", path)
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, missing):
        spec.loader.exec_module(module)
        module.register()
        module.register()
        yield module


@pytest.fixture
def weights(tmp_path):
    """A function that writes a bundled model as `mirnet export --format safetensors` does."""

    def write(name):
        path = tmp_path / f"{name}.safetensors"
        checkpoint.write(checkpoint.read(catalog.find(name).weights()), path)
        return path

    return write


@pytest.fixture
def load(arch):
    """spandrel's own loader."""
    from spandrel import ModelLoader

    return lambda path: ModelLoader().load_from_file(path)


def noise(height, width):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_the_half_resolution_network_gives_our_result(arch, load, weights):
    path = weights("denoise")

    model = load(path)

    ours = checkpoint.read(path)
    assert model.architecture.id == "mirnet-MIRNetV2"
    assert model.model.configuration == ours.configuration  # the window, too
    assert (model.purpose, model.scale, model.input_channels) == ("Restoration", 1, 3)
    assert model.size_requirements.multiple_of == ours.configuration.multiple == 32
    assert model.tiling is arch.ModelTiling.SUPPORTED
    picture = noise(64, 96)
    with torch.inference_mode():
        expected = ours.network()(picture).clamp(0, 1)
    assert (model(picture) - expected).abs().max() < 1e-6
    assert (model(picture) - picture).abs().max() > 0.1


def test_a_picture_of_any_size_is_padded_by_reflection(load, weights):
    path = weights("denoise")
    picture = noise(50, 70)

    result = load(path)(picture)

    padded = torch.nn.functional.pad(picture, (0, 26, 0, 14), "reflect")
    with torch.inference_mode():
        expected = checkpoint.read(path).network()(padded)[..., :50, :70].clamp(0, 1)
    assert (result - expected).abs().max() < 1e-6


def test_full_resolution_and_enlarging_networks_load_too(arch, load, weights, tmp_path):
    tiny = load(weights("denoise-print"))
    assert (tiny.size_requirements.multiple_of, tiny.tiling) == (4, arch.ModelTiling.DISCOURAGED)

    path = tmp_path / "x2.safetensors"
    network = MIRNetV2(width=8, groups=(1,), scale=2)
    checkpoint.write(checkpoint.Weights.of(network), path)
    larger = load(path)
    assert (larger.purpose, larger.scale) == ("SR", 2)
    assert larger(noise(8, 12)).shape == (1, 3, 16, 24)
