"""What is said of a model file is so: its digest by other programs."""

import hashlib
import shutil
import subprocess

import pytest

from mirnet.models import catalog, identity

BUNDLED = catalog.find("denoise")


@pytest.mark.parametrize("size", [0, 1, 3 * 2**20 + 1])
def test_the_digest_is_that_of_the_whole_file(size, tmp_path):
    path = tmp_path / "model.onnx"
    content = bytes(range(256)) * (size // 256) + b"\n" * (size % 256)
    path.write_bytes(content)

    assert identity.digest(path) == hashlib.sha256(content).hexdigest()


def test_the_digest_is_what_sha256sum_prints():
    if not shutil.which("sha256sum"):
        pytest.skip("there is no sha256sum")
    for path in BUNDLED.files():
        printed = subprocess.run(
            ["sha256sum", path], capture_output=True, text=True, check=True
        ).stdout

        assert identity.digest(path) == printed.split()[0]


def test_what_is_not_there_has_none(tmp_path):
    with pytest.raises(OSError, match=r"gone\.onnx"):
        identity.digest(tmp_path / "gone.onnx")
