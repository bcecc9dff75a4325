"""`mirnet evaluate` as a user runs it: a process of its own, real files, the bundled model."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
from functools import partial
from statistics import mean

import numpy as np
import pytest
from scipy.io import savemat

import mirnet as package
from mirnet import metrics
from mirnet.data import packing
from mirnet.data.pair_folder import PairFolder
from mirnet.evaluation.scores import PROTOCOLS

MIRNET = [sys.executable, "-m", "mirnet"]


@pytest.fixture
def evaluate(mirnet):
    """Runs the command in an empty folder."""
    return partial(mirnet, "evaluate")


@pytest.fixture
def pairs(tmp_path, save, picture):
    """Two pairs of different sizes."""
    for index, name in enumerate(["a", "b"]):
        for seed, half in enumerate(["input", "groundtruth"]):
            pixels = picture(20 + 4 * index, 32, seed=2 * index + seed)
            save(tmp_path / "val" / half / f"{name}.png", pixels=pixels)
    return tmp_path / "val"


def records(done):
    """The JSON objects of the pairs, and the last one."""
    *results, last = map(json.loads, done.stdout.splitlines())
    return results, last


def test_the_means_are_those_computed_from_the_files(evaluate, pairs, load):
    done = evaluate("val", "--json")

    results, last = records(done)
    assert (done.returncode, done.stderr) == (0, "")
    assert [(record["data"], record["name"]) for record in results] == [("val", "a"), ("val", "b")]
    with package.load() as restorer:
        for record in results:
            noisy, clean = (
                load(pairs / half / f"{record['name']}.png").astype(np.float32) / np.float32(255)
                for half in ("input", "groundtruth")
            )
            restored = np.clip(restorer(noisy), 0, 1)
            assert (record["height"], record["width"]) == clean.shape[:2]
            for title, image in (("input", noisy), ("restored", restored)):
                scores = record[title]
                assert list(scores) == list(PROTOCOLS)
                for name in ("psnr", "ssim", "ssim_y", "ssim_volume"):
                    expected = getattr(metrics, name)(image, clean, data_range=1.0)
                    assert scores[name] == pytest.approx(expected, abs=1e-3)
                rounded = (np.rint(each * 255).astype(np.uint8) for each in (image, clean))
                expected = metrics.psnr(*rounded, data_range=255)
                assert scores["psnr_8bit"] == pytest.approx(expected, abs=1e-2)
    for title in ("input", "restored"):
        for name in PROTOCOLS:
            expected = pytest.approx(mean(record[title][name] for record in results))
            assert last["all"][title][name] == expected
    seconds = sum(record["seconds"] for record in results)
    assert last["all"]["seconds_per_megapixel"] == pytest.approx(seconds / (44 * 32 / 1e6))
    assert last["data"] == [{"data": "val"} | last["all"]]
    assert last["protocols"] == dict(PROTOCOLS)
    assert (last["model"], last["strength"]) == ("denoise", 1.0)
    assert (last["all"]["pairs"], last["all"]["failed"]) == (2, 0)


def test_the_table_has_a_part_for_each_folder_and_one_for_all(evaluate, pairs, tmp_path):
    savemat_pair(tmp_path / "SIDD")
    done = evaluate("val", "SIDD", "--strength", "0")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0].split() == ["PSNR", "PSNR-8", "SSIM", "SSIM-Y", "SSIM-vol", "s/MP"]
    assert [lines[k] for k in (1, 4, 7)] == ["val: 2 pairs", "SIDD: 6 pairs", "all: 8 pairs"]
    for top in (1, 4, 7):
        before, after = (lines[top + k].split() for k in (1, 2))
        assert (before[0], after[0]) == ("input", "restored")
        assert before[1:] == after[1:-1]  # without strength, nothing changes
        assert float(after[-1]) > 0
    val, sidd, overall = (float(lines[k].split()[1]) for k in (2, 5, 8))
    assert overall == pytest.approx((2 * val + 6 * sidd) / 8, abs=0.01)


def savemat_pair(folder):
    """SIDD's two files with 2 scenes of 3 blocks."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    clean = rng.integers(0, 200, (2, 3, 32, 32, 3), dtype=np.uint8)
    noise = rng.integers(0, 40, clean.shape, dtype=np.uint8)
    for variable, blocks in (("Noisy", clean + noise), ("Gt", clean)):
        name = f"Validation{variable}BlocksSrgb"
        savemat(folder / f"{name}.mat", {name: blocks})
    return clean + noise, clean


def test_blocks_of_sidd_are_measured_and_saved_scene_by_scene(evaluate, load, tmp_path):
    noisy, clean = savemat_pair(tmp_path / "SIDD")
    done = evaluate("SIDD", "--strength", "0", "--save-images", "out", "--limit", "5", "--json")

    results, last = records(done)
    assert (done.returncode, done.stderr) == (0, "")
    names = ["0001_01", "0001_02", "0001_03", "0002_01", "0002_02"]
    assert [record["name"] for record in results] == names
    assert last["all"]["pairs"] == 5
    assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == names
    for index, record in enumerate(results):
        place = divmod(index, 3)
        expected = metrics.psnr(noisy[place], clean[place], data_range=255)
        assert record["input"]["psnr_8bit"] == pytest.approx(expected)
        assert record["image"] == f"out/{record['name']}.png"
        np.testing.assert_array_equal(load(tmp_path / record["image"]), noisy[place])


def test_shards_give_the_figures_of_the_pictures(evaluate, pairs, tmp_path):
    source = PairFolder(pairs)
    for job in packing.plan(source, tmp_path / "packed", shard_mb=1):
        packing.write(source, job)
    done = evaluate("val", "packed", "--json")

    _, last = records(done)
    assert (done.returncode, done.stderr) == (0, "")
    of_files, of_shards = last["data"]
    assert of_files["restored"] == of_shards["restored"]


def test_the_csv_has_a_row_for_each_pair(evaluate, pairs, tmp_path):
    (pairs / "input" / "b.png").write_bytes(b"nothing")
    done = evaluate("val", "--csv", "scores.csv", "--json")

    results, _ = records(done)
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["status"]) for row in rows] == [("a", "measured"), ("b", "failed")]
    for title in ("input", "restored"):
        for name in PROTOCOLS:
            assert float(rows[0][f"{title}_{name}"]) == results[0][title][name]
            assert rows[1][f"{title}_{name}"] == ""
    assert rows[1]["error"] == results[1]["error"]


def test_one_broken_pair_is_named_and_left_out_of_the_means(evaluate, pairs):
    (pairs / "input" / "a.png").write_bytes(b"nothing")
    done = evaluate("val", "--json")
    plain = evaluate("val")

    results, last = records(done)
    assert (done.returncode, plain.returncode) == (1, 1)
    assert [record["status"] for record in results] == ["failed", "measured"]
    assert (last["all"]["pairs"], last["all"]["failed"]) == (1, 1)
    assert last["all"]["restored"] == results[1]["restored"]
    message, left_out = done.stderr.splitlines()
    assert message == f"mirnet: val, a: {results[0]['error']}"
    assert "val/input/a.png cannot be read" in message
    assert left_out == "mirnet: 1 of 2 pairs failed: the means leave them out"
    assert plain.stderr == done.stderr
    assert "val: 1 pairs, 1 failed" in plain.stdout


def test_where_all_pairs_are_broken_there_are_no_means(evaluate, pairs):
    for name in ("a", "b"):
        (pairs / "input" / f"{name}.png").write_bytes(b"nothing")
    done = evaluate("val", "--csv", "scores.csv", "--json")
    plain = evaluate("val")

    assert (done.returncode, plain.returncode) == (1, 1)
    assert records(done)[1]["all"]["restored"] is None
    assert plain.stdout.splitlines()[-1].split() == ["restored", *"------"]


def test_an_infinite_psnr_is_said_and_left_out(evaluate, pairs, load):
    (pairs / "input" / "a.png").write_bytes((pairs / "groundtruth" / "a.png").read_bytes())
    done = evaluate("val", "--json", "--csv", "scores.csv")

    results, last = records(done)
    assert done.returncode == 0
    assert results[0]["input"]["psnr"] is None
    assert results[0]["input"]["ssim"] == 1
    assert last["all"]["input"]["psnr"] == results[1]["input"]["psnr"]
    assert last["all"]["input_infinite"] == {"psnr": 1, "psnr_8bit": 1}
    assert last["all"]["restored_infinite"] == {}
    assert done.stderr.splitlines() == [
        f"mirnet: 1 of 2 input pictures equal the truth: their infinite {name} is left out of "
        "its mean"
        for name in ("psnr", "psnr_8bit")
    ]
    with (pairs.parent / "scores.csv").open(newline="") as file:
        assert math.isinf(float(next(csv.DictReader(file))["input_psnr"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone"], "mirnet: gone is no folder: pairs lie in a folder that holds input/"),
        (["val", "val/"], "mirnet: val is given twice: its pairs would count double"),
        (["empty"], "mirnet: empty holds no pairs: expected the folders input/"),
        (["half"], "half/ValidationNoisyBlocksSrgb.mat is missing: SIDD's validation blocks are"),
        (["val", "--model", "denoize"], "mirnet: no model 'denoize'"),
        (["val", "--tile", "30"], "mirnet: a tile is a multiple of 4"),
        (["val", "--save-images", "val/out"], "mirnet: val/out lies in val, which is measured"),
        (["val", "--csv", "gone/scores.csv"], "gone/"),
    ],
)
def test_what_cannot_work_ends_in_one_line(evaluate, pairs, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "ValidationGtBlocksSrgb.mat").touch()
    before = sorted(tmp_path.rglob("*"))

    done = evaluate(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.startswith("mirnet: ")
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("option", [["--limit", "0"], ["--threads", "0"], ["--tile", "big"]])
def test_options_that_do_not_parse_point_to_the_help(evaluate, pairs, option):
    done = evaluate("val", *option)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"Invalid value for '{option[0]}'" in done.stderr
    assert "Traceback" not in done.stderr


COMMAND = """
import sys
from mirnet.cli import main
sys.argv[0] = "mirnet"
main()
"""
EXTRAS = ("torch", "safetensors", "scipy", "lightning_fabric", "onnxruntime", "rawpy")


def test_folders_of_pictures_need_no_extra(python, pairs):
    done = python(COMMAND, "evaluate", pairs, without=EXTRAS)

    assert (done.returncode, done.stderr) == (0, "")
    assert "val: 2 pairs" in done.stdout


def test_shards_and_blocks_say_what_to_install(python, tmp_path):
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "shard-00000.safetensors").touch()
    savemat_pair(tmp_path / "SIDD")

    done = [python(COMMAND, "evaluate", tmp_path / at, without=EXTRAS) for at in ("packed", "SIDD")]

    assert [each.returncode for each in done] == [2, 2]
    assert done[0].stderr == (
        'mirnet: reading shards needs safetensors: pip install "mirnet[train]"\n'
    )
    assert done[1].stderr == (
        "mirnet: reading ValidationNoisyBlocksSrgb.mat needs scipy: "
        'pip install "mirnet[evaluate]"\n'
    )


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
def test_an_interrupted_run_leaves_no_table(pairs, tmp_path):
    for half in ("input", "groundtruth"):
        for index in range(150):
            copy = pairs / half / f"c{index}.png"
            copy.write_bytes((pairs / half / "a.png").read_bytes())
    running = subprocess.Popen(
        [*MIRNET, "evaluate", "val", "--csv", "scores.csv", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that runs the tests in the background makes them ignore it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    first = running.stdout.readline()
    running.send_signal(signal.SIGINT)
    rest, messages = running.communicate(timeout=60)

    assert running.returncode == 130
    assert messages == "mirnet: interrupted; means are made at the end alone\n"
    assert {json.loads(line)["status"] for line in (first + rest).splitlines()} == {"measured"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["val"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_on_a_terminal_there_is_a_bar(on_a_terminal, pairs, tmp_path):
    (pairs / "input" / "b.png").write_bytes(b"nothing")
    code, shown = on_a_terminal([*MIRNET, "evaluate", "val"], cwd=tmp_path)

    assert code == 1
    assert "pairs/s" in shown
    assert "2/2" in shown
    assert "mirnet: val, b: " in shown
    assert "val: 1 pairs, 1 failed" in shown
    assert "Traceback" not in shown
