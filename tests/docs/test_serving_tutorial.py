"""The tutorial about serving, typed as it stands: a shell, a server, curl, and Python."""

import os
import shutil
import socket
import subprocess
import sys

import pytest
from blocks import PYTHON, ROOT, blocks

PAGE = ROOT / "docs" / "tutorials" / "serving.md"


@pytest.fixture
def shell(tmp_path):
    """A function that runs a script where `mirnet` and `python` are those of the tests.

    The server is spared the timing of all runtimes, and keeps to one thread.
    """
    programs = tmp_path / "bin"
    programs.mkdir()
    spared = '[ "$1" != serve ] || set -- "$@" --runtime mnn --threads 1 --model denoise-print'
    for name, words, line in (("mirnet", "-m mirnet", spared), ("python", "", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\n{line}\nexec "{sys.executable}" {words} "$@"\n')
        program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
    }

    def run(script):
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-m", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_tutorial_about_serving_works_as_written(shell, save, load, tmp_path):
    pytest.importorskip("fastapi", reason="needs the extra serve")
    if not (shutil.which("bash") and shutil.which("curl")):
        pytest.skip("needs bash and curl")
    save(tmp_path / "night.jpg")
    parts = []
    for block in blocks(PAGE):
        if block.why or block.code.startswith("pip install"):
            continue
        if block.language in PYTHON:
            parts.append(f"python - <<'BLOCK'\n{block.code}BLOCK\n")
        else:
            parts.append(block.code)
    script = "\n".join(["trap 'kill $(jobs -p) || true' EXIT", *parts])

    done = shell(script.replace("8000", str(free_port())))

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("done"), done.stdout
    for name in ("night_clean.jpg", "night_clean.webp", "full.jpg", "half.jpg"):
        assert load(tmp_path / name).shape == (40, 56, 3)
