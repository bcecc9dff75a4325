"""Paddle's network, files and ours: each reads what the other writes, and computes the same."""

import hashlib
import json

import numpy as np
import pytest
import torch

from mirnet import export, runtimes
from mirnet.errors import WeightsError
from mirnet.models import catalog, checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import PRESETS, Configuration

paddle_export = pytest.importorskip(
    "mirnet.export.paddle", reason="needs Paddle: pip install paddlepaddle"
)
paddle, PaddleMIRNetV2 = paddle_export.paddle, paddle_export.PaddleMIRNetV2
PaddleRuntime = pytest.importorskip("mirnet.runtimes.paddle").PaddleRuntime

SIZES = [(1, 4, 4), (2, 40, 28), (3, 100, 16)]  # none that the export checks itself
TOLERANCE = 1e-5


def random(configuration):
    """Weights that change a picture visibly, as those of the other tests do."""
    generator = torch.Generator().manual_seed(0)
    network = configuration.network()
    for parameter in network.parameters():
        fan_in = parameter[0].numel()
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.7 / fan_in) ** 0.5
    return Weights.of(network)


def noise(batch, height, width, channels=3):
    return np.random.default_rng(1).random((batch, channels, height, width), np.float32)


def by_torch(weights, noisy):
    with torch.inference_mode():
        return weights.network()(torch.from_numpy(noisy)).numpy()


def by_paddle(network, noisy):
    network.eval()
    with paddle.no_grad():
        return network(paddle.to_tensor(noisy)).numpy()


def assert_same(first, second):
    np.testing.assert_allclose(first, second, rtol=0, atol=TOLERANCE)


CONFIGURATIONS = {
    "as in the paper": Configuration(width=16, groups=(1, 2, 4, 4)),
    "of the reproduction": Configuration(width=16, groups=(1, 2, 4)),
    "uneven": Configuration(width=12, groups=(2,), blocks_per_group=3, growth=1.7),
    "grey": Configuration(8, (1,), blocks_per_group=1, in_channels=1, out_channels=1),
    "dual pixel": Configuration(8, (1, 2), in_channels=6, residual=False),
    "half resolution": Configuration(8, (1, 2), 1, unshuffle=2),
    "windows": Configuration(8, (1, 2), 1, unshuffle=2, window=24),
    "twice as large": Configuration(8, (1,), 1, scale=2),
    "three times, at half resolution": Configuration(8, (1,), 1, unshuffle=2, scale=3),
    "windows of the paper's": Configuration(8, (1,), 1, window=36),
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_the_network_in_paddle_is_the_one_in_torch(configuration):
    weights = random(configuration)
    sides = (5 * configuration.multiple, 9 * configuration.multiple)
    noisy = noise(2, *sides, configuration.in_channels)

    network = paddle_export.network(weights)

    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == {
        name: tuple(value.shape) for name, value in upstream.to_official(weights.tensors).items()
    }
    assert_same(by_paddle(network, noisy), by_torch(weights, noisy))


@pytest.fixture(scope="module")
def small():
    return random(PRESETS["small"])


@pytest.fixture(scope="module")
def bundled():
    return checkpoint.read(catalog.find("denoise").weights())


@pytest.mark.parametrize("which", ["small", "bundled"])
def test_paddle_loads_what_we_write(which, request, tmp_path):
    weights = request.getfixturevalue(which)
    checkpoint.write(weights, tmp_path / "model.pdparams")

    state = paddle.load(str(tmp_path / "model.pdparams"))["state_dict"]
    network = PaddleMIRNetV2(weights.configuration)

    assert network.set_state_dict(state) == ([], [])  # nothing missing, nothing left over
    assert_same(by_paddle(network, noise(1, 64, 48)), by_torch(weights, noise(1, 64, 48)))


@pytest.mark.parametrize("which", ["small", "bundled"])
@pytest.mark.parametrize("is_bare", [True, False])
def test_we_load_what_paddle_writes(which, is_bare, request, tmp_path):
    weights = request.getfixturevalue(which)
    network = paddle_export.network(weights)
    state = network.state_dict()

    paddle.save(state if is_bare else {"state_dict": state}, str(tmp_path / "model.pdparams"))

    again = checkpoint.read(tmp_path / "model.pdparams")
    assert again.configuration == weights.configuration
    assert all(torch.equal(again.tensors[name], t) for name, t in weights.tensors.items())
    assert_same(by_torch(again, noise(1, 64, 48)), by_paddle(network, noise(1, 64, 48)))


def test_a_checkpoint_of_a_training_in_paddle_is_read(weights, tmp_path):
    """With its epoch and optimizer, as the reproduction saves it."""
    network = paddle_export.network(weights)
    network.train()
    rate = paddle.optimizer.lr.LinearWarmup(
        paddle.optimizer.lr.CosineAnnealingDecay(1e-4, 10), 3, 1e-5, 1e-4
    )
    optimizer = paddle.optimizer.Adam(rate, parameters=network.parameters(), weight_decay=1e-8)
    network(paddle.to_tensor(noise(1, 8, 8))).square().mean().backward()
    optimizer.step()
    rate.step()

    content = {"epoch": 3, "state_dict": network.state_dict(), "optimizer": optimizer.state_dict()}
    paddle.save(content, str(tmp_path / "model_best.pdparams"))

    trained = checkpoint.read(tmp_path / "model_best.pdparams")
    assert not torch.equal(trained.tensors["head.weight"], weights.tensors["head.weight"])
    assert_same(by_torch(trained, noise(1, 32, 32)), by_paddle(network, noise(1, 32, 32)))


@pytest.fixture(scope="module")
def paddle_file(source, tmp_path_factory):
    """The path of the `.pdiparams`, and its stated difference."""
    return export.export(source, "paddle", tmp_path_factory.mktemp("paddle"), name="little.v1")


@pytest.mark.parametrize("size", SIZES)
def test_the_exported_program_agrees_with_the_source_at_any_size(paddle_file, weights, size):
    path, difference = paddle_file

    assert_same(PaddleRuntime(path, threads=1)(noise(*size)), by_torch(weights, noise(*size)))
    assert difference < TOLERANCE


def test_an_exported_program_tells_what_it_is(paddle_file, graph_facts):
    path, _ = paddle_file

    assert sorted(path.parent.iterdir()) == export.files(path)
    facts = json.loads(path.with_suffix(".json").read_text())["mirnet"]
    assert facts == {
        **graph_facts,
        "parameters_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    assert PaddleRuntime(path, threads=1).facts.parameters == graph_facts["parameters"]


def test_paddle_itself_loads_an_exported_model(paddle_file, weights):
    path, _ = paddle_file

    layer = paddle.jit.load(str(path.with_suffix("")))

    assert_same(by_paddle(layer, noise(1, 20, 28)), by_torch(weights, noise(1, 20, 28)))


def test_a_model_that_differs_leaves_what_was_there_and_nothing_else(source, tmp_path, monkeypatch):
    class Wrong(PaddleRuntime):
        def __call__(self, batch):
            return super().__call__(batch) + 1

    monkeypatch.setattr(runtimes, "open", lambda path, **_: Wrong(path))
    (tmp_path / "little.json").write_text("of old")

    with pytest.raises(WeightsError, match=r"little\.pdiparams differs from .* by 1\.0e\+00, more"):
        export.export(source, "paddle", tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["little.json"]
    assert (tmp_path / "little.json").read_text() == "of old"


def test_what_paddle_says_when_it_fails_is_passed_on(source, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("In user code:\n\n    (Unavailable) No space left.\n  [Hint: ...]\n")

    monkeypatch.setattr(paddle.jit, "save", fail)

    with pytest.raises(WeightsError) as caught:
        export.export(source, "paddle", tmp_path)

    assert str(caught.value) == "Paddle cannot save little.pdiparams: (Unavailable) No space left."
    assert not list(tmp_path.iterdir())


def test_files_that_cannot_all_be_placed_leave_what_was_there(source, tmp_path):
    (tmp_path / "little.json").write_text("of old")
    (tmp_path / "little.pdiparams").mkdir()

    with pytest.raises(WeightsError, match=r"little\.pdiparams cannot be written"):
        export.export(source, "paddle", tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["little.json", "little.pdiparams"]
    assert (tmp_path / "little.json").read_text() == "of old"


def test_an_export_replaces_the_files_of_one_before(source, tmp_path):
    for name in ("little.json", "little.pdiparams"):
        (tmp_path / name).write_text("of old")

    path, _ = export.export(source, "paddle", tmp_path)

    assert PaddleRuntime(path)(noise(1, 8, 8)).shape == (1, 3, 8, 8)
    assert len(list(tmp_path.iterdir())) == 2
