"""An accelerator that computes something else than the CPU is found out before it is used.

The files stand for the devices: one runtime, the same on both, and results that differ.
"""

import logging

import numpy as np
import pytest

from mirnet.errors import InferenceError, RuntimeMissingError, WeightsError
from mirnet.runtimes.trust import TOLERANCE, trusted

pytest.importorskip("onnxruntime")
from mirnet.runtimes.onnx import OnnxRuntime, reaches

BATCH = np.full((1, 3, 8, 8), 0.5, np.float32)


@pytest.fixture
def devices(scaling_model, tmp_path):
    """Makes a function that loads a runtime on the CPU, and on a device with a factor of its own.

    What it has opened is in its list.
    """

    def make(factor, shape=("batch", 3, "height", "width")):
        paths = {
            "cpu": scaling_model(tmp_path / "cpu.onnx", 1.0, shape),
            "fast": scaling_model(tmp_path / "fast.onnx", factor, shape),
        }

        def load(device):
            load.opened.append(OnnxRuntime(paths[device], threads=1))
            return load.opened[-1]

        load.opened = []
        return load

    return make


def is_closed(runtime):
    try:
        runtime(BATCH)
    except InferenceError as error:
        return "closed" in str(error)
    return False


@pytest.mark.parametrize("insist", [True, False])
@pytest.mark.parametrize("factor", [1.0, 1 - 0.9 * TOLERANCE])
def test_a_device_that_does_as_the_cpu_does_is_taken(devices, factor, insist):
    load = devices(factor)

    runtime = trusted(load, "fast", insist=insist)

    np.testing.assert_allclose(runtime(BATCH), 0.5 * factor)
    assert [is_closed(opened) for opened in load.opened] == [False, True]


@pytest.mark.parametrize(
    ("factor", "stated"), [(0.9, "1.0e-01"), (1 - 1.1 * TOLERANCE, "2.2e-02"), (np.nan, "nan")]
)
def test_a_device_that_does_not_is_refused_where_it_was_asked_for(devices, factor, stated):
    load = devices(factor)

    with pytest.raises(InferenceError) as caught:
        trusted(load, "fast", insist=True)

    assert str(caught.value) == (
        f"onnx on fast differs from the CPU by {stated}, more than 0.02: its results "
        "cannot be trusted"
    )
    assert all(is_closed(opened) for opened in load.opened)


def test_where_it_was_not_asked_for_the_cpu_takes_its_place_with_a_warning(devices, caplog):
    load = devices(0.9)

    with caplog.at_level(logging.WARNING):
        runtime = trusted(load, "fast", insist=False)

    np.testing.assert_array_equal(runtime(BATCH), BATCH)
    (record,) = caplog.records
    assert record.getMessage().startswith("onnx on fast differs from the CPU by 1.0e-01")
    assert record.getMessage().endswith("; going on with the CPU")


def test_a_model_of_one_size_is_checked_at_that_size(devices):
    assert trusted(devices(1.0, (1, 3, 32, 48)), "fast", insist=True).facts.size == (32, 48)
    with pytest.raises(InferenceError, match="differs from the CPU"):
        trusted(devices(0.9, (1, 3, 32, 48)), "fast", insist=True)


@pytest.mark.skipif(reaches("cuda"), reason="this ONNX Runtime has CUDA")
def test_a_device_that_does_not_start_is_no_better(devices, tmp_path, caplog):
    devices(1.0)

    def load(device):
        return OnnxRuntime(tmp_path / "cpu.onnx", device=device)

    with pytest.raises(RuntimeMissingError, match="does not run on cuda: pip install"):
        trusted(load, "cuda", insist=True)
    with caplog.at_level(logging.WARNING):
        runtime = trusted(load, "cuda", insist=False)
    np.testing.assert_array_equal(runtime(BATCH), BATCH)
    assert "going on with the CPU" in caplog.text


def test_the_cpu_is_not_compared_with_itself(devices):
    load = devices(0.9)

    trusted(load, "cpu", insist=True)

    assert len(load.opened) == 1


def test_a_file_that_is_no_model_is_no_matter_of_devices(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"nothing")

    with pytest.raises(WeightsError, match=r"x\.onnx"):
        trusted(lambda device: OnnxRuntime(tmp_path / "x.onnx"), "fast", insist=False)
