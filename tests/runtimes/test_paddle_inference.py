"""Paddle Inference in a process that is not its own, and models that others made for it."""

import json
import shutil

import numpy as np
import pytest

from mirnet import runtimes
from mirnet.errors import InferenceError, RuntimeMissingError, WeightsError
from mirnet.restoration.restorer import Restorer

module = pytest.importorskip(
    "mirnet.runtimes.paddle", reason="needs Paddle: pip install paddlepaddle"
)
paddle, PaddleRuntime = module.paddle, module.PaddleRuntime


def noise(height, width):
    return np.random.default_rng(0).random((1, 3, height, width), np.float32)


@pytest.fixture
def copy(paddle_model, tmp_path):
    """A copy of the model and what lies beside it, to be damaged."""
    for path in paddle_model.parent.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path / paddle_model.name


def change_facts(path, change):
    program = path.with_suffix(".json")
    content = json.loads(program.read_bytes())
    change(content)
    program.write_text(json.dumps(content))


def refused(path):
    with pytest.raises(WeightsError) as caught:
        PaddleRuntime(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_model_without_its_program_is_refused(copy):
    copy.with_suffix(".json").unlink()

    assert refused(copy) == (
        f"{copy} has no program beside it, denoise.json or denoise.pdmodel: keep them together"
    )


@pytest.mark.parametrize("part", [slice(0), slice(20), slice(1000, None), slice(None, -100)])
def test_a_damaged_program_is_refused(copy, part):
    program = copy.with_suffix(".json")
    program.write_bytes(program.read_bytes()[part])

    assert f"{copy} is not a Paddle model that can be run, or is damaged: " in refused(copy)


@pytest.mark.parametrize("content", [b"", b"<html>404: not found</html>" * 9, bytes(1000)])
def test_damaged_parameters_are_refused_without_facts_too(copy, content):
    change_facts(copy, lambda program: program.pop("mirnet"))
    copy.write_bytes(content)

    assert f"{copy} is not a Paddle model that can be run, or is damaged: " in refused(copy)


@pytest.mark.parametrize("facts", [None, 3, [], {}])
def test_facts_are_not_needed(copy, facts):
    change_facts(copy, lambda program: program.update(mirnet=facts))

    assert PaddleRuntime(copy)(noise(8, 8)).shape == (1, 3, 8, 8)


def test_parameters_of_another_model_are_told_by_the_facts(copy):
    """Paddle would take them: one number is changed."""
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)

    assert refused(copy) == (
        f"{copy} is not the file that the program beside it was written for, or damaged: export "
        "the model again"
    )


class Foreign(paddle.nn.Layer):
    """A convolution, as a network of its own."""

    def __init__(self):
        super().__init__()
        self.conv = paddle.nn.Conv2D(3, 3, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


class TwoInputs(Foreign):
    def forward(self, x, y):
        return self.conv(x) + y


class TwoOutputs(Foreign):
    def forward(self, x):
        return self.conv(x), x


@pytest.fixture
def save(tmp_path):
    """A function that saves a network as Paddle's users do."""

    def write(network, *, inputs=1, height=None):
        spec = paddle.static.InputSpec([None, 3, height, height], "float32")
        program = paddle.jit.to_static(network, input_spec=[spec] * inputs, full_graph=True)
        paddle.jit.save(program, str(tmp_path / "model"))
        return tmp_path / "model.pdiparams"

    return write


def test_a_model_of_others_runs(save):
    network = Foreign()
    expected = network(paddle.to_tensor(noise(20, 32))).numpy()

    runtime = runtimes.open(save(network))

    assert runtime.name == "paddle"
    np.testing.assert_allclose(runtime(noise(20, 32)), expected, atol=1e-6)


def test_a_program_of_paddle_2_runs(save):
    """As the reproduction exports it: a `.pdmodel`."""
    network = Foreign()
    expected = network(paddle.to_tensor(noise(256, 256))).numpy()
    with paddle.pir_utils.OldIrGuard():
        path = save(network, height=256)
    assert path.with_suffix(".pdmodel").exists()

    np.testing.assert_allclose(PaddleRuntime(path)(noise(256, 256)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "inputs", "found"), [(TwoInputs, 2, "2 and 1"), (TwoOutputs, 1, "1 and 2")]
)
def test_a_model_that_does_something_else_is_refused(save, network, inputs, found):
    path = save(network(), inputs=inputs)

    assert refused(path) == (
        f"{path}: a restoration model has one input and one output, b 3 h w; this one has {found}"
    )


def test_what_a_model_does_not_take_ends_in_one_line(paddle_model):
    runtime = PaddleRuntime(paddle_model, threads=1)

    with pytest.raises(
        InferenceError, match=r"^Paddle failed on \(1, 3, 6, 8\): Invalid"
    ) as caught:
        runtime(noise(6, 8))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(paddle.is_compiled_with_cuda(), reason="this Paddle has CUDA")
def test_cuda_in_a_paddle_without_it_says_what_to_install(paddle_model):
    with pytest.raises(RuntimeMissingError, match="this Paddle has no CUDA: install paddlepaddle-"):
        runtimes.open(paddle_model, device="cuda")
    assert not module.reaches_cuda()
    assert runtimes.open(paddle_model).name == "paddle"  # auto takes the CPU


CONTAINED = """
import logging, os, signal, sys, warnings
from pathlib import Path
import numpy as np
warnings.simplefilter("error")
signal.signal(signal.SIGTERM, signal.default_int_handler)
before = dict(os.environ), list(logging.root.handlers), logging.root.level
from mirnet.runtimes.paddle import PaddleRuntime
runtime = PaddleRuntime(Path(sys.argv[1]))
runtime(np.zeros((1, 3, 32, 32), np.float32))
runtime.close()
after = dict(os.environ), list(logging.root.handlers), logging.root.level
changed = {name for name in after[0] if before[0].get(name) != after[0][name]}
assert not changed & {"OMP_NUM_THREADS", "GLOG_minloglevel"}, changed
assert before[1:] == after[1:], after[1:]
try:
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
except KeyboardInterrupt:
    raise SystemExit(7)
"""


def test_the_process_is_left_as_it_was_and_nothing_is_printed(python, paddle_model, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")

    done = python(CONTAINED, paddle_model)

    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


@pytest.mark.parametrize(
    ("side", "height", "width"), [(64, 100, 90), (48, 100, 90), (256, 300, 270), (256, 40, 256)]
)
def test_a_program_of_one_size_runs_in_tiles_of_that_size(side, height, width, tmp_path, picture):
    """As the Paddle reproduction exports its network: -1 3 256 256 stands in the program."""
    network = paddle.nn.Sequential(
        paddle.nn.Conv2D(3, 3, 1, bias_attr=False), paddle.nn.Upsample(size=[side, side])
    )
    network[0].weight.set_value(np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1) / 2)
    shape = paddle.static.InputSpec([None, 3, side, side], "float32", name="x")
    program = paddle.jit.to_static(network, input_spec=[shape], full_graph=True)
    paddle.jit.save(program, str(tmp_path / "model"))
    runtime = PaddleRuntime(tmp_path / "model.pdiparams", threads=1)
    image = picture(height, width)

    restorer = Restorer(runtime)

    assert (runtime.facts.size, restorer.tile) == ((side, side), side)
    np.testing.assert_allclose(restorer(image), image / 2, atol=0.51)
    with pytest.raises(InferenceError, match=f"takes batches of anyx3x{side}x{side} only"):
        runtime(np.zeros((1, 3, 32, 32), np.float32))
