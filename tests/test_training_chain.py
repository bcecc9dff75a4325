"""From the folder that SIDD comes as to a restored picture: every command a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "examples" / "synthetic_sidd.py"


@pytest.mark.slow
def test_sidd_becomes_patches_shards_a_network_and_a_restored_picture(tmp_path, load):
    def run(*command):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mirnet(*arguments):
        return run("-m", "mirnet", *arguments)

    run(EXAMPLE, "sidd", "--pairs", "2", "--height", "160", "--width", "200")
    size = ("--patch", "96", "--per-image", "5")
    cut = json.loads(mirnet("data", "sidd-patches", "sidd", "patches", *size, "--json"))
    mirnet("data", "pack", "patches", "packed")
    last = mirnet(
        *("train", "lite", "--accelerator", "cpu", "-o", "run"),
        *("--set", "data.pairs=packed", "--set", "validation.pairs=patches"),
        *("--set", "stages=[{length='1 epoch', patch=32, batch=2}]"),
        *("--set", "data.mixup_from=2 steps", "--set", "validation.every=1 epoch"),
    )
    picture = next((tmp_path / "patches" / "input").iterdir())
    mirnet("restore", str(picture), "--model", last.strip(), "-o", "restored.png")

    assert (cut["pairs"], cut["patches"]) == (2, 10)
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["samples"] == 10
    assert (tmp_path / "run" / "curves.png").exists()
    assert load(tmp_path / "restored.png").shape == (96, 96, 3)
