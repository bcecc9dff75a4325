"""What a process says of its own memory."""

import sys

import pytest

from mirnet.benchmark import memory

ALLOCATE = """
from mirnet.benchmark import memory
before = memory.host_peak_mb()
held = bytearray(200 * 2**20)
held[:: 4096] = b"x" * len(held[:: 4096])
during = memory.host_peak_mb()
del held
print(before, during, memory.host_peak_mb())
"""

IN_A_CHILD = f"""
import subprocess, sys
held = bytearray(500 * 2**20)
held[:: 4096] = b"x" * len(held[:: 4096])
subprocess.run([sys.executable, "-c", {ALLOCATE!r}], check=True)
"""

known = pytest.mark.skipif(sys.platform == "win32", reason="needs psutil there")


@known
def test_the_peak_is_what_was_held_at_most(python):
    before, during, after = map(float, python(ALLOCATE).stdout.split())

    assert 0 < before < 100
    assert 200 <= during - before < 260
    assert after == pytest.approx(during, abs=5)


@pytest.mark.skipif(sys.platform != "linux", reason="others hand no peak down")
def test_the_peak_of_whoever_started_the_process_does_not_count(python):
    before, during, _ = map(float, python(IN_A_CHILD).stdout.split())

    assert before < 100
    assert during < 400


def test_without_a_cuda_device_there_is_no_memory_of_one():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")

    assert memory.gpu() is None
