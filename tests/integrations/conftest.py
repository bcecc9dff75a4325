"""What tests of the integrations share: the command `mirnet`, as other programs find it."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture
def commands(tmp_path):
    """A folder with the commands `mirnet` and `mirnet-edit`, as an installation puts on PATH."""
    if os.name == "nt":
        pytest.skip("the commands of this test are shell scripts")
    folder = tmp_path / "bin"
    folder.mkdir()
    # a fast model and no trial of runtimes; what the test gives comes later, and counts
    fast = '--model denoise-print --runtime mnn "$@"'
    edit = '-c "from mirnet.cli.edit import main; main()" --model denoise-print "$@"'
    starts = {
        "mirnet": f'command=$1; shift\nexec "{sys.executable}" -m mirnet $command {fast}',
        "mirnet-edit": f'exec "{sys.executable}" {edit}',
    }
    for name, start in starts.items():
        script = folder / name
        script.write_text(f"#!/bin/sh\n{start}\n")
        script.chmod(0o755)
    return folder


@pytest.fixture
def surroundings(commands):
    """The environment in which the commands are found."""
    return {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
