"""`mirnet evaluate --submit` as a user runs it: a process of its own, files, the bundled model."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from mat_files import BOXES, VARIABLE, write_dnd, write_sidd
from scipy.io import loadmat

import mirnet as package
from mirnet import runtimes
from mirnet.restoration.restorer import default_overlap, default_tile

MIRNET = [sys.executable, "-m", "mirnet"]


@pytest.fixture
def evaluate(mirnet):
    """Runs the command in the folder of the data."""
    return partial(mirnet, "evaluate")


@pytest.fixture
def blocks(tmp_path):
    """2 scenes of 3 blocks, in the folder SIDD."""
    array = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32, 3), dtype=np.uint8)
    write_sidd(tmp_path / "SIDD", array)
    return array


@pytest.fixture
def pictures(tmp_path):
    """Two of three boxes, in the folder DND."""
    return write_dnd(tmp_path / "DND")


def names(folder):
    """All files below, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_sidd_becomes_a_table_of_what_the_model_makes_of_each_block(evaluate, blocks, tmp_path):
    done = evaluate("SIDD", "--submit", "sidd", "--json")

    record = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (record["benchmark"], record["data"], record["blocks"]) == ("sidd", "SIDD", 6)
    assert record["files"] == ["SubmitSrgb.csv"]
    assert record["seconds_per_megapixel"] == pytest.approx(record["seconds"] / (6 * 0.001024))
    assert (record["model"], record["strength"], record["tiles_kept"]) == ("denoise", 1.0, 0)
    _, *lines = (tmp_path / "SubmitSrgb.csv").read_text().splitlines()
    texts = [line.split(",")[1] for line in lines]
    with package.load() as restorer:
        for text, block in zip(texts, blocks.reshape(6, 32, 32, 3), strict=True):
            restored = np.frombuffer(base64.b64decode(text), np.uint8).reshape(32, 32, 3)
            # 8 bits in and out is the same arithmetic; a last digit of float may round otherwise
            difference = np.abs(restored.astype(int) - restorer(block))
            assert difference.max() <= 1
            assert (difference > 0).mean() < 0.01


def test_the_ending_of_the_output_chooses_matlab(evaluate, blocks, tmp_path):
    done = evaluate("SIDD", "--submit", "sidd", "-o", "mine.mat", "--strength", "0")

    assert (done.returncode, done.stderr) == (0, "")
    name, amount, speed = done.stdout.strip().split("  ")
    assert (name, amount) == ("mine.mat", "6 blocks")
    assert speed.endswith(" s/MP")
    cells = loadmat(tmp_path / "mine.mat")["DenoisedBlocksSrgb"]
    for place in np.ndindex(2, 3):  # without strength, nothing changes
        np.testing.assert_array_equal(cells[place], blocks[place])
    assert names(tmp_path) == [f"SIDD/{VARIABLE}.mat", "mine.mat"]


def test_dnd_becomes_a_file_a_picture(evaluate, pictures, tmp_path):
    done = evaluate("DND", "--submit", "dnd", "-o", "new/out", "--tile", "64")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("new/out/0001.mat to 0002.mat  6 blocks  ")
    with package.load(tile=64) as restorer:
        for number, (picture, boxes) in enumerate(zip(pictures, BOXES, strict=True), 1):
            cells = loadmat(tmp_path / "new" / "out" / f"000{number}.mat")["Idenoised"]
            assert cells.shape == (1, 3)
            for cell, (top, left, bottom, right) in zip(cells[0], boxes, strict=True):
                noisy = np.ascontiguousarray(picture[top - 1 : bottom, left - 1 : right])
                np.testing.assert_allclose(cell, np.clip(restorer(noisy), 0, 1), atol=1e-4)
                assert np.abs(cell - noisy).max() > 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["SIDD", "--csv", "a.csv", "--limit", "3"],
            "--submit cannot be combined with --limit, --csv: it",
        ),
        (["SIDD", "--save-images", "out"], "--submit cannot be combined with --save-images: it"),
        (["SIDD", "DND"], "--submit takes one DATA, got 2"),
        (["DND"], f"DND/{VARIABLE}.mat is missing: DATA is the folder that holds SIDD's"),
        (["SIDD", "-o", "out.zip"], "out.zip is neither .csv nor .mat"),
        (["SIDD", "-o", "gone/out.csv"], "gone/out.csv: its folder does not exist"),
        (["SIDD", "--model", "denoize"], "no model 'denoize'"),
        (["SIDD", "--submit", "dnd"], "SIDD/info.mat is missing: DATA is DND's folder, with"),
        (["DND", "--submit", "dnd", "-o", "file"], "file is a file: DND's submission is a folder"),
    ],
)
def test_what_cannot_work_ends_in_one_line(
    evaluate, blocks, pictures, tmp_path, arguments, message
):
    (tmp_path / "file").touch()
    before = names(tmp_path)

    done = evaluate("--submit", "sidd", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.startswith("mirnet: ")
    assert done.stderr.count("\n") == 1
    assert names(tmp_path) == before


def test_damaged_data_ends_in_one_line(evaluate, blocks, pictures, tmp_path):
    for path in (tmp_path / "SIDD" / f"{VARIABLE}.mat", tmp_path / "DND/images_srgb/0002.mat"):
        path.write_bytes(path.read_bytes()[:-1000])
    before = names(tmp_path)

    done = [evaluate(name, "--submit", name.lower()) for name in ("SIDD", "DND")]

    for each, name in zip(done, (f"SIDD/{VARIABLE}.mat", "DND/images_srgb/0002.mat"), strict=True):
        assert (each.returncode, each.stdout) == (2, "")
        assert each.stderr.startswith(f"mirnet: {name} is not a MATLAB file of version ")
        assert each.stderr.count("\n") == 1
    assert names(tmp_path) == before


def test_an_output_without_submit_is_refused(evaluate, blocks):
    done = evaluate("SIDD", "-o", "scores.csv")

    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == "mirnet: -o scores.csv is for --submit and --shard: write tables with --csv\n"
    )


def test_other_benchmarks_point_to_the_help(evaluate, blocks):
    done = evaluate("SIDD", "--submit", "nind")

    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for '--submit'" in done.stderr
    assert "Traceback" not in done.stderr


COMMAND = """
import os, sys
os.chdir(sys.argv.pop(1))
from mirnet.cli import main
sys.argv[0] = "mirnet"
main()
"""


@pytest.mark.parametrize(
    ("name", "missing", "what"),
    [
        ("SIDD", "scipy", f"reading {VARIABLE}.mat"),
        ("DND", "scipy", "writing MATLAB's files"),
        ("DND", "h5py", "reading info.mat"),
    ],
)
def test_missing_packages_are_named(python, blocks, pictures, tmp_path, name, missing, what):
    done = python(COMMAND, tmp_path, "evaluate", name, "--submit", name.lower(), without=[missing])

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f'mirnet: {what} needs {missing}: pip install "mirnet[evaluate]"\n'


def test_sidd_does_without_h5py(python, blocks, tmp_path):
    done = python(COMMAND, tmp_path, "evaluate", "SIDD", "--submit", "sidd", without=["h5py"])

    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path) == [f"SIDD/{VARIABLE}.mat", "SubmitSrgb.csv"]


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
@pytest.mark.parametrize("name", ["SIDD", "DND"])
def test_an_interrupted_run_leaves_nothing(tmp_path, name):
    if name == "SIDD":
        write_sidd(tmp_path / "SIDD", np.zeros((40, 32, 64, 64, 3), np.uint8))
    else:
        write_dnd(tmp_path / "DND", copies=200)
    before = names(tmp_path)
    running = subprocess.Popen(
        [*MIRNET, "evaluate", name, "--submit", name.lower()],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that runs the tests in the background makes them ignore it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    end = time.monotonic() + 60
    while names(tmp_path) == before and running.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    begun = names(tmp_path)
    running.send_signal(signal.SIGINT)
    output, messages = running.communicate(timeout=60)

    assert any(path.endswith(".part") for path in begun)
    assert (running.returncode, output) == (130, "")
    assert messages == "mirnet: interrupted; nothing was written\n"
    assert names(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_on_a_terminal_there_is_a_bar(on_a_terminal, blocks, tmp_path):
    code, shown = on_a_terminal([*MIRNET, "evaluate", "SIDD", "--submit", "sidd"], cwd=tmp_path)

    assert code == 0
    assert "blocks/s" in shown
    assert "6/6" in shown
    assert "SubmitSrgb.csv  6 blocks  " in shown


@pytest.mark.usefixtures("blocks")
def test_of_whole_blocks_the_record_names_no_tiles(evaluate):
    tiled, whole = (
        json.loads(evaluate("SIDD", "--submit", "sidd", "--json", *options).stdout)
        for options in ((), ("--whole",))
    )

    facts = runtimes.facts("denoise")
    tile = default_tile(facts)
    assert (tiled["tile"], tiled["overlap"]) == (tile, default_overlap(tile, facts))
    assert (whole["tile"], whole["overlap"], whole["tiles"]) == (None, None, 6)
