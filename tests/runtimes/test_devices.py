"""Accelerators of ONNX Runtime: what is asked for and not there is told in one line.

None of them is at hand where these tests are written; `test_trust.py` has their check.
"""

import numpy as np
import pytest

from mirnet import runtimes
from mirnet.errors import RuntimeMissingError
from mirnet.models import catalog

pytest.importorskip("onnxruntime")
import onnxruntime

from mirnet.runtimes import onnx

MODEL = next(path for path in catalog.find("denoise").files() if path.suffix == ".onnx")
ACCELERATORS = sorted(set(onnx.PROVIDERS) - {"cpu"})


def test_every_device_is_one_that_can_be_asked_for_and_is_known_to_onnx_runtime():
    assert set(onnx.PROVIDERS) == set(runtimes.DEVICES) - {"auto"}
    assert set(onnx.PROVIDERS) == set(runtimes.KINDS["onnx"].devices)
    assert set(onnx.PROVIDERS.values()) <= set(onnxruntime.get_all_providers())


@pytest.mark.parametrize("device", onnx.PROVIDERS)
def test_a_device_is_reached_where_the_package_has_it(device):
    assert onnx.reaches(device) == (onnx.PROVIDERS[device] in onnxruntime.get_available_providers())


@pytest.mark.parametrize("device", ACCELERATORS)
def test_one_that_the_package_has_not_is_named_with_what_to_install(device):
    if onnx.reaches(device):
        pytest.skip(f"this ONNX Runtime has {device}")
    with pytest.raises(RuntimeMissingError) as caught:
        runtimes.open(MODEL, runtime="onnx", device=device)
    assert str(caught.value) == (
        f"the installed ONNX Runtime does not run on {device}: {onnx.PACKAGES[device]}"
    )


@pytest.mark.parametrize("device", ACCELERATORS)
def test_one_that_is_there_restores(device):
    if not onnx.reaches(device):
        pytest.skip(f"this ONNX Runtime has no {device}")
    noisy = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    on_cpu, on_device = (
        runtimes.open(MODEL, runtime="onnx", device=name) for name in ("cpu", device)
    )

    np.testing.assert_allclose(on_device(noisy), on_cpu(noisy), atol=0.02)


@pytest.mark.parametrize("device", sorted(set(ACCELERATORS) - {"cuda"}))
def test_a_device_of_one_runtime_alone_chooses_that_runtime(device):
    if onnx.reaches(device):
        pytest.skip(f"this ONNX Runtime has {device}")
    with pytest.raises(RuntimeMissingError, match=f"ONNX Runtime does not run on {device}"):
        runtimes.open("denoise", device=device)


REPORTING = """
import os
print("telemetry is off:", os.environ.get("ORT_DISABLE_TELEMETRY"))
def get_available_providers():
    return []
"""

OPEN = """
import sys
sys.path.insert(0, sys.argv[1])
from mirnet.runtimes import onnx
"""


@pytest.mark.parametrize(("wish", "found"), [(None, "1"), ("0", "0")])
def test_telemetry_is_off_before_the_package_is_imported(
    python, tmp_path, monkeypatch, wish, found
):
    (tmp_path / "onnxruntime.py").write_text(REPORTING)
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    if wish:
        monkeypatch.setenv("ORT_DISABLE_TELEMETRY", wish)

    done = python(OPEN, tmp_path)

    assert (done.stdout, done.stderr) == (f"telemetry is off: {found}\n", "")
