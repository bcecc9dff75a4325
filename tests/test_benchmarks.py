"""Each script of `benchmarks/`, `experiments/` and `examples/` runs, at toy size, as by hand."""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import raw_curves
from mirnet.models import catalog, checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration
from mirnet.patches import patch_folder

ROOT = Path(__file__).parent.parent

FOLDERS = ("benchmarks", "examples", "experiments")

TINY = "--model toy.safetensors"
"""A network of a thousandth of a second, in the folder where the scripts run."""

COMMANDS = {
    "benchmarks/amplified.py": "pairs pairs",
    "benchmarks/cluster.py": "--pictures 2 --side 8 --strength 0 --nodes",
    "benchmarks/dng.py": f"raw.dng {TINY} --strength 0",
    "experiments/drift.py": "toy.safetensors --side 32 --threads 1",
    "benchmarks/evaluation.py": f"{TINY} --scenes 1 --limit 1 --rounds 1 --threads 1",
    "experiments/ablations.py": "runs pairs --weights start.safetensors --photographs photographs "
    "--pairs pairs --steps 1 --only 'as it is'",
    "benchmarks/ffdnet.py": "ffdnet.pth onnx --levels 25",
    "benchmarks/formats.py": f"{TINY} --format pth pdparams",
    "experiments/harm_table.py": "toy.safetensors --side 64 --threads 1",
    "experiments/initialisation.py": "runs pairs pairs --steps 4 --lr 1e-3 --seeds 0 "
    "--only 'tail 0'",
    "benchmarks/int8.py": f"pairs pairs {TINY} --rounds 1",
    "benchmarks/loading.py": "--pairs 2 --patch 32 --batch 1 --workers 0 --seconds 0.05 --rounds 1 "
    "--preset tiny",
    "benchmarks/memory.py": f"{TINY} --megapixels 0.01 --runtime pytorch --threads 1",
    "benchmarks/mnn_first.py": f"{TINY} --first 16 --sizes 32 --rounds 1",
    "experiments/noise_table.py": "pairs --draws 1",
    "benchmarks/pairs.py": "--crops 20 --scale 0.004",
    "benchmarks/peers.py": f"{TINY} --sizes 64 --threads 1 --rounds 1 --rows "
    "'official, PyTorch eager' 'mirnet --runtime pytorch'",
    "benchmarks/quality.py": f"pairs {TINY} --device cpu",
    "experiments/raw_curves.py": f"photographs/a.png {TINY} --crop 64",
    "benchmarks/restore.py": f"{TINY} --megapixels 0.01 --runtime pytorch --threads 1 "
    "--eager-tile 32",
    "benchmarks/runtimes.py": f"{TINY} --runtime pytorch --sizes 32 --rounds 1",
    "benchmarks/serving.py": "--model denoise-print --runtime mnn --clients 2 --seconds 0.5 "
    "--megapixels 0.01 --requests 3 --moves 2 --photograph 0.03",
    "benchmarks/slider.py": "photographs/a.png --moves 2",
    "benchmarks/small_sets.py": "sets photographs/a.png --scale 4",
    "benchmarks/softness.py": "photographs pairs --patches 8 --plot softness.png",
    "benchmarks/strength.py": f"pairs {TINY} --megapixels 0.2",
    "benchmarks/synthetic_sets.py": "sets photographs/a.png",
    "benchmarks/tiling.py": f"pairs/input/a.png {TINY} --tiles 64 --overlaps 16",
    "benchmarks/training.py": "--profile --preset tiny --batch 1 --patch 32 --pairs 1 --rounds 1 "
    "--precision 32-true",
    "examples/average_weights.py": "toy.safetensors toy.safetensors mean.safetensors",
    "examples/fewer_blocks.py": "toy.safetensors fewer.safetensors --groups 1 --blocks 1",
    "examples/synthetic_sidd.py": "SIDD --pairs 1 --height 64 --width 64",
}
"""Scripts with their arguments, as a shell takes them."""

NEEDS = {
    "benchmarks/cluster.py": "pyarrow",
    "benchmarks/dng.py": "rawpy",
    "experiments/raw_curves.py": "rawpy",
    "benchmarks/int8.py": "nncf",
    "benchmarks/peers.py": "spandrel_extra_arches",
    "benchmarks/runtimes.py": "openvino",
}
"""Packages that a script cannot do without, beside those that the tests need."""

BROWSER = "chromium-headless-shell"
"""What `benchmarks/slider.py` drives."""

MODULES = {
    *("noisy_pairs", "photographs", "process", "random_model", "turns"),
    *("harm", "noise_statistics"),
}
"""Of `benchmarks/` and `experiments/`, which are imported by scripts."""

ELSEWHERE = {
    "experiments/abuse.py": "tests/experiments/test_abuse.py",
    "experiments/cluster_faults.py": "tests/cluster/test_engine.py",
    "examples/clean_photographs.py": "tests/test_clean_photographs.py",
    "examples/split_dpdd.py": "tests/test_split_dpdd.py",
}
"""Scripts that are not run here, and where they are."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, save, picture):
    """Where the scripts run: pairs, a photograph, weights of networks that do next to nothing."""
    place = tmp_path_factory.mktemp("toys")
    patch_folder.start(place / "pairs", {})
    rng = np.random.default_rng(0)
    for seed, name in enumerate("ab"):
        clean = picture(192, 192, seed=seed)
        noisy = np.clip(clean + rng.normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
        patch_folder.write(place / "pairs", name, noisy, clean)
    save(place / "photographs" / "a.png", pixels=picture(300, 320, seed=3))
    raw_curves.store(place / "raw.dng", rng.random((64, 96, 3)), (0, 0), 0)
    torch.manual_seed(0)
    network = Configuration(width=8, groups=(1,), blocks_per_group=1).network()
    checkpoint.write(Weights.of(network), place / "toy.safetensors")
    shutil.copy(catalog.find("denoise-print").weights(), place / "start.safetensors")
    shapes = {"0": (12, 13), "2": (12, 12)}
    torch.save(
        {
            f"model.{layer}.{half}": torch.zeros(shape if half == "weight" else shape[0])
            for layer, (out, into) in shapes.items()
            for half, shape in (("weight", (out, into, 3, 3)), ("bias", (out,)))
        },
        place / "ffdnet.pth",
    )
    return place


def test_all_scripts_are_run_here_or_elsewhere():
    found = {
        f"{folder}/{path.name}"
        for folder in FOLDERS
        for path in (ROOT / folder).glob("*.py")
        if path.stem not in MODULES
    }

    assert found == COMMANDS.keys() | ELSEWHERE.keys()


@pytest.mark.slow
@pytest.mark.parametrize("script", COMMANDS)
def test_a_script_runs(script, folder, tmp_path):
    if script in NEEDS and not importlib.util.find_spec(NEEDS[script]):
        pytest.skip(f"needs {NEEDS[script]}")
    if script == "benchmarks/slider.py" and not shutil.which(BROWSER):
        pytest.skip(f"needs {BROWSER}")
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)

    done = subprocess.run(
        [sys.executable, ROOT / script, *shlex.split(COMMANDS[script])],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
