"""What is OpenVINO's alone: its own files, its silence, and its recovery after a failure."""

import numpy as np
import pytest

from mirnet import runtimes
from mirnet.errors import InferenceError, WeightsError
from mirnet.models import catalog

pytest.importorskip("openvino")
from mirnet.runtimes.openvino import OpenVinoRuntime, openvino

ONNX = next(path for path in catalog.find("denoise-print").files() if path.suffix == ".onnx")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The bundled model in OpenVINO's own format."""
    path = tmp_path_factory.mktemp("openvino") / "denoise.xml"
    openvino.save_model(openvino.convert_model(ONNX), path, compress_to_fp16=False)
    return path


@pytest.fixture
def copy(model, tmp_path):
    """The same in a folder to spoil it."""
    for suffix in (".xml", ".bin"):
        (tmp_path / f"copy{suffix}").write_bytes(model.with_suffix(suffix).read_bytes())
    return tmp_path / "copy.xml"


def noise(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (2, 3, 64, 36)])
def test_its_own_file_does_what_the_onnx_file_does(model, shape):
    own, onnx = runtimes.open(model), OpenVinoRuntime(ONNX)

    assert own.name == "openvino"
    np.testing.assert_allclose(own(noise(*shape)), onnx(noise(*shape)), atol=1e-5)


def broken(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.with_suffix(".bin").unlink(), "bin file cannot be found"),
        (lambda path: broken(path.with_suffix(".bin"), 0), "bin file"),
        (lambda path: broken(path.with_suffix(".bin"), 1_000_000), "bin file"),
        (lambda path: broken(path, 0), "No document element"),
        (lambda path: broken(path, 100_000), "Error parsing|tags mismatch"),
        (lambda path: path.write_text("<html>404</html>"), "one input and one output"),
    ],
)
def test_damaged_files_are_refused_in_one_line(copy, spoil, reason):
    spoil(copy)

    with pytest.raises(WeightsError, match=reason) as caught:
        OpenVinoRuntime(copy)
    assert str(caught.value).startswith(str(copy))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 3, 0, 8), (1, 3, 8, 6), (1, 1, 8, 8)])
def test_after_a_failure_it_does_as_before(model, shape):
    """Left to itself it would give no result ever after."""
    runtime = OpenVinoRuntime(model, threads=1)
    before = runtime(noise(1, 3, 16, 24))

    with pytest.raises(
        InferenceError, match=r"^OpenVINO (failed on|returned no result for) \(1, .+$"
    ):
        runtime(noise(*shape))

    np.testing.assert_array_equal(runtime(noise(1, 3, 16, 24)), before)


REPORTING = "print('reported')\n"

OPEN = """
import sys
sys.path.insert(0, sys.argv[1])
from mirnet import runtimes
runtimes.open("denoise", runtime="openvino").close()
print("openvino_telemetry" in sys.modules)
import openvino_telemetry
"""


def test_it_does_not_report_that_it_was_imported(python, tmp_path):
    (tmp_path / "openvino_telemetry.py").write_text(REPORTING)

    done = python(OPEN, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "False\nreported\n"  # who wants it can have it still


SIGNALLED = """
import faulthandler, gc, signal, sys
from mirnet import runtimes

faulthandler.enable()  # as many programs do: it gives the thread a stack for signals
signal.signal(signal.SIGTERM, lambda *_: print("received"))
first = runtimes.open(sys.argv[1], threads=1)
second = runtimes.open(sys.argv[1], threads=1)
for runtime in (first, second):
    runtime.close()
    gc.collect()
signal.raise_signal(signal.SIGTERM)
"""


def test_signals_still_arrive_when_models_were_closed_in_any_order(python, model):
    done = python(SIGNALLED, model)

    assert (done.returncode, done.stdout, done.stderr) == (0, "received\n", "")
