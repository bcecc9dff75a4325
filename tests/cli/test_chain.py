"""`mirnet chain` as a user runs it; what it found is found again by other means."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from mirnet.chain import preparing
from mirnet.models import checkpoint
from mirnet.runtimes.mnn import MnnRuntime
from mirnet.runtimes.onnx import OnnxRuntime

LITTLE = """
# the smallest network that learns to gain more than a decibel in seconds
[network]
width = 8
groups = [1]
blocks_per_group = 1
[[stages]]
length = 150
patch = 32
batch = 4
[optim]
lr = 4e-3
warmup = 10
clip = 0.5
ema = 0.9
"""

USELESS = "stages=[{length='2 steps', patch=48, batch=1}]"

LINKS = ["data", "train", "evaluate", "export", "infer"]


@pytest.fixture
def chain(mirnet, tmp_path):
    """Runs `mirnet chain` in a folder that holds `little.toml`."""
    (tmp_path / "little.toml").write_text(LITTLE)

    def run(*arguments):
        return mirnet("chain", *arguments)

    return run


@pytest.fixture
def pairs(tmp_path, save):
    """A folder of a pair to learn from, and one of a pair to be measured on."""
    for number, name in enumerate(("learnt", "held_out")):
        clean = preparing.draw(number, 96, 128)
        noise = np.random.default_rng(number).normal(0, 40, clean.shape)
        noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
        save(tmp_path / name / "input" / "a.png", pixels=noisy)
        save(tmp_path / name / "groundtruth" / "a.png", pixels=clean)
    return tmp_path


def parts(record):
    """The parts of a record, by link and name."""
    return {
        (link["link"], part["part"]): part for link in record["links"] for part in link["parts"]
    }


def figures(part):
    return {check["name"]: check["figure"] for check in part["checks"]}


def statuses(record):
    return {link["link"]: link["status"] for link in record["links"]}


@pytest.mark.slow
def test_the_chain_holds_and_its_figures_are_found_again(chain, tmp_path, load):
    done = chain("--keep", "--json")

    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    folder = tmp_path / "chain"
    assert record == json.loads((folder / "chain.json").read_text())
    assert (record["status"], record["broken"]) == ("passed", None)
    assert statuses(record) == dict.fromkeys(LINKS, "passed")
    found = parts(record)
    assert all(check["is_met"] for part in found.values() for check in part["checks"])

    # data: files that are there
    for half in ("input", "groundtruth"):
        count = len(list((folder / "data/patches" / half).iterdir()))
        assert count == figures(found["data", "patches"])["pairs"] == 96

    # train: what the checkpoint says
    last = torch.load(folder / "run/last.ckpt", weights_only=True)
    assert last["step"] == figures(found["train", "resumed"])["last step"] == 200
    assert (folder / "run/curves.png").exists()

    # evaluate: PSNR of the saved pictures by scikit-image
    names = sorted(path.name for path in (folder / "data/held_out/input").iterdir())
    noisy, clean = (
        [load(folder / "data/held_out" / half / name) for name in names]
        for half in ("input", "groundtruth")
    )

    def saved(place):
        return [load(folder / "restored" / place / name) for name in names]

    def psnr(pictures):
        return np.mean(
            [peak_signal_noise_ratio(*pair) for pair in zip(clean, pictures, strict=True)]
        )

    reference = saved("reference")
    evaluated = found["evaluate", "pytorch cpu"]
    assert evaluated["facts"]["pictures"] == len(names) == 4
    assert evaluated["facts"]["input_psnr"] == pytest.approx(psnr(noisy), abs=1e-4)
    assert evaluated["facts"]["restored_psnr_8bit"] == pytest.approx(psnr(reference), abs=1e-4)
    gain = psnr(reference) - psnr(noisy)
    assert figures(evaluated)["gain"] == pytest.approx(gain, abs=0.02)  # they are rounded
    assert gain > 1

    # infer: differences of the saved pictures
    for name in ("mnn", "onnx", "pytorch"):
        inferred = figures(found["infer", f"{name} cpu"])
        ours = saved(f"{name}-cpu")
        levels = max(np.abs(a.astype(int) - b).max() for a, b in zip(ours, reference, strict=True))
        assert inferred["largest difference"] == levels <= 1
        apart = abs(psnr(ours) - psnr(reference))
        assert inferred["PSNR differs by"] == pytest.approx(apart, abs=1e-4)

    # export: the files themselves, on a picture that no link has seen
    network = checkpoint.read(folder / "run/best.ckpt").network().eval()
    batch = np.random.default_rng(7).random((1, 3, 40, 52), dtype=np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(batch)).numpy()
    for name, runtime in (("mnn", MnnRuntime), ("onnx", OnnxRuntime)):
        path = folder / "models" / name / f"chain.{name}"
        np.testing.assert_allclose(runtime(path)(batch), expected, atol=2e-3)
        assert found["export", name]["facts"]["bytes"] == path.stat().st_size
    for name in ("safetensors", "pth", "pdparams"):
        other = checkpoint.read(folder / "models" / name / f"chain.{name}").network().eval()
        with torch.inference_mode():
            assert torch.equal(other(torch.from_numpy(batch)), torch.from_numpy(expected))


@pytest.mark.slow
def test_a_full_chain_takes_pairs_as_they_are_and_is_never_overwritten(chain, pairs):
    arguments = (
        *("--mode", "full", "--data", "learnt", "--set", "validation.pairs=held_out"),
        *("--recipe", "little.toml", "--runtime", "mnn", "-o", "out"),
    )
    before = sorted(path for path in pairs.rglob("*"))
    done = chain(*arguments)

    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["link", "part", "status", "s", "figure", "bound", "what"]
    assert [row[0] for row in rows[1:] if row[0] in LINKS] == LINKS
    assert "took learnt as it is" in done.stdout
    assert "pytorch cuda" not in done.stdout
    new = {path for path in pairs.rglob("*") if path not in before}
    assert {path.relative_to(pairs).parts[0] for path in new} == {"out"}
    assert (pairs / "out/models/mnn/chain.mnn") in new

    again = chain(*arguments)

    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("mirnet: out holds a full chain, which may have taken long")


@pytest.mark.slow
def test_a_lite_chain_takes_the_place_of_a_broken_one_and_tidies_up(chain, tmp_path):
    broken = chain("--set", USELESS, "--json")
    left = {path.name for path in (tmp_path / "chain").iterdir()}
    done = chain("--recipe", "little.toml", "--runtime", "onnx")

    # a network that has learnt nothing breaks the chain at evaluate
    assert broken.returncode == 1
    last = broken.stderr.splitlines()[-1]
    assert last.startswith("mirnet: the chain failed at evaluate (pytorch cpu): gain ")
    assert last.endswith(" dB, expected >= 1.00 dB")
    record = json.loads(broken.stdout)
    assert record["broken"] == "evaluate"
    (check,) = parts(record)["evaluate", "pytorch cpu"]["checks"]
    assert (check["is_met"], check["bound"]) == (False, 1.0)
    assert check["figure"] < 1
    assert left == {"chain.json", "chain.log", "data", "restored", "run"}

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "chain").iterdir()} == {"chain.json", "chain.log"}
    assert json.loads((tmp_path / "chain" / "chain.json").read_text())["status"] == "passed"


def test_a_rate_that_diverges_breaks_the_chain_at_train(chain, tmp_path):
    done = chain("--set", "optim.lr=1e30", "-o", "out")

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("mirnet: the chain failed at train (first half): the loss is nan")
    record = json.loads((tmp_path / "out" / "chain.json").read_text())
    assert (record["status"], record["broken"]) == ("failed", "train")
    assert statuses(record) == {
        "data": "passed",
        "train": "failed",
        **dict.fromkeys(LINKS[2:], "skipped"),
    }
    assert {part["reason"] for (link, _), part in parts(record).items() if link in LINKS[2:]} == {
        "train failed"
    }


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_chain_says_so(chain, tmp_path, name):
    process = subprocess.Popen(
        [sys.executable, "-m", "mirnet", "chain"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if "held out: passed" in line:
            break
    process.send_signal(getattr(signal, name))
    shown, errors = process.communicate(timeout=120)

    assert (process.returncode, shown) == (130, "")
    assert errors.splitlines()[-1] == "mirnet: interrupted; run it again to start over"
    record = json.loads((tmp_path / "chain" / "chain.json").read_text())
    assert (record["status"], record["broken"]) == ("interrupted", None)
    assert statuses(record) == {"data": "passed"}


MISTAKES = [
    (["--mode", "medium"], "'medium' is not one of"),
    (["--data", "learnt"], "learnt holds 1 pair: give two or more"),
    (["--data", "gone"], "gone is not a folder"),
    (["--mode", "full"], "--mode full takes its pairs from --data DIR"),
    (["--runtime", "abacus"], "no runtime 'abacus': choose among mnn"),
    (["-o", "learnt"], "learnt holds groundtruth, which no chain made"),
    (["-o", "little.toml/out"], "Not a directory"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES]
)
def test_mistakes_are_told_before_anything_is_made(chain, pairs, arguments, message):
    before = sorted(pairs.rglob("*"))

    done = chain(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(pairs.rglob("*")) == before
