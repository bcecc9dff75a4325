"""`mirnet evaluate` as a user runs it: a process of its own, real files, the bundled model."""

import csv
import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from statistics import mean

import cv2
import numpy as np
import pytest
from scipy.io import savemat

import mirnet as package
from mirnet import metrics, runtimes
from mirnet.cli import scores_output
from mirnet.evaluation.run import Measured
from mirnet.evaluation.scores import FIGURES, PROTOCOLS, Scores
from mirnet.evaluation.summary import Summary
from mirnet.models import catalog
from mirnet.pairs import packing
from mirnet.pairs.pair_folder import PairFolder

ALWAYS = [figure.key for figure in FIGURES if not figure.is_optional]
"""The scores that are measured without being asked for."""
MILLIONS = f"{runtimes.facts('denoise').parameters / 1e6:.2f}"
"""Parameters of the default model, as tables show them."""

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


def rows_of(path):
    """Those of the table, by name of the pair and by method."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["name"], row["method"]): row for row in rows}
    assert len(found) == len(rows)
    return found


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
            assert list(record["methods"]) == ["denoise"]
            outcome = record["methods"]["denoise"]
            assert list(record["input"]) == list(PROTOCOLS)
            assert list(outcome) == [*PROTOCOLS, "seconds", "tiles", "tiles_kept", "image"]
            assert (outcome["tiles"], outcome["tiles_kept"], outcome["image"]) == (1, 0, None)
            for scores, image in ((record["input"], noisy), (outcome, restored)):
                assert scores["lpips"] is None
                for name in ("psnr", "ssim", "ssim_y", "ssim_volume"):
                    expected = getattr(metrics, name)(image, clean, data_range=1.0)
                    assert scores[name] == pytest.approx(expected, abs=1e-3)
                rounded = (np.rint(each * 255).astype(np.uint8) for each in (image, clean))
                expected = metrics.psnr(*rounded, data_range=255)
                assert scores["psnr_8bit"] == pytest.approx(expected, abs=1e-2)
                expected = 255 * metrics.noise_level(image, data_range=1.0)
                assert scores["noise"] == pytest.approx(expected, abs=1e-2)
    means = last["all"]["methods"]["denoise"]
    for name in ALWAYS:
        before, after = (
            mean(each[name] for each in column)
            for column in (
                [record["input"] for record in results],
                [record["methods"]["denoise"] for record in results],
            )
        )
        assert last["all"]["input"][name] == pytest.approx(before)
        assert means[name] == pytest.approx(after)
    assert means["lpips"] is last["all"]["input"]["lpips"] is None
    seconds = sum(record["methods"]["denoise"]["seconds"] for record in results)
    assert means["seconds_per_megapixel"] == pytest.approx(seconds / (44 * 32 / 1e6))
    assert "seconds_per_megapixel" not in last["all"]["input"]
    assert last["data"] == [{"data": "val"} | last["all"]]
    assert last["protocols"] == dict(PROTOCOLS)
    assert list(last["methods"]) == ["denoise"]
    facts = last["methods"]["denoise"]
    assert (facts["kind"], facts["model"], facts["strength"]) == ("model", "denoise", 1.0)
    assert (last["all"]["pairs"], last["all"]["failed"]) == (2, 0)


@pytest.mark.usefixtures("pairs")
def test_a_self_ensemble_is_measured_as_such(evaluate):
    once, as_ensemble = (
        records(evaluate("val", "--limit", "1", "--self-ensemble", views, "--json"))
        for views in ("1", "4")
    )

    facts, as_facts = (last["methods"]["denoise"] for _, last in (once, as_ensemble))
    assert (facts["self_ensemble"], as_facts["self_ensemble"]) == (1, 4)
    ((record,), _), ((as_record,), _) = once, as_ensemble
    assert record["methods"]["denoise"]["psnr"] != as_record["methods"]["denoise"]["psnr"]


def test_the_strength_is_that_of_restoring(evaluate, mirnet, pairs, load, tmp_path):
    done = evaluate("val", "--strength", "0.6", "--save-images", "out", "--json")
    mirnet("restore", "val/input", "-o", "restored", "--strength", "0.6")

    results, last = records(done)
    assert (done.returncode, done.stderr) == (0, "")
    assert last["methods"]["denoise"]["strength"] == 0.6
    for record in results:
        measured = load(tmp_path / record["methods"]["denoise"]["image"]).astype(int)
        restored = load(tmp_path / "restored" / f"{record['name']}.png").astype(int)
        assert np.abs(measured - restored).max() <= 1  # halves may be rounded either way


HEADINGS = ["PSNR", "PSNR-8", "PSNR-Y", "SSIM", "SSIM-Y", "SSIM-vol", "noise"]


def test_the_table_has_a_part_for_each_folder_and_one_for_all(evaluate, pairs, tmp_path):
    savemat_pair(tmp_path / "SIDD")
    done = evaluate("val", "SIDD", "--strength", "0")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0].split() == [*HEADINGS, "s/MP", "params"]
    assert [lines[k] for k in (1, 4, 7)] == ["val: 2 pairs", "SIDD: 6 pairs", "all: 8 pairs"]
    for top in (1, 4, 7):
        before, after = (lines[top + k].split() for k in (1, 2))
        assert (before[0], after[0]) == ("input", "denoise")
        *scores, seconds, millions, unit = after[1:]
        assert before[1:] == scores  # without strength, nothing changes
        assert float(seconds) > 0
        assert (millions, unit) == (MILLIONS, "M")
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
        image = record["methods"]["denoise"]["image"]
        assert image == f"out/{record['name']}.png"
        np.testing.assert_array_equal(load(tmp_path / image), noisy[place])


def test_shards_give_the_figures_of_the_pictures(evaluate, pairs, tmp_path):
    source = PairFolder(pairs)
    for job in packing.plan(source, tmp_path / "packed", shard_mb=1):
        packing.write(source, job)
    done = evaluate("val", "packed", "--json")

    _, last = records(done)
    assert (done.returncode, done.stderr) == (0, "")
    of_files, of_shards = last["data"]
    assert of_files["input"] == of_shards["input"]
    one, other = (each["methods"]["denoise"] for each in (of_files, of_shards))
    assert one.pop("seconds_per_megapixel") > 0 < other.pop("seconds_per_megapixel")
    assert one == other


def test_the_csv_has_a_row_for_each_pair_and_method(evaluate, pairs, tmp_path):
    (pairs / "input" / "b.png").write_bytes(b"nothing")
    done = evaluate("val", "--csv", "scores.csv", "--json")

    results, _ = records(done)
    rows = rows_of(tmp_path / "scores.csv")
    assert list(rows) == [("a", "input"), ("a", "denoise"), ("b", "")]
    assert [row["status"] for row in rows.values()] == ["measured", "measured", "failed"]
    before, after, failed = rows.values()
    for name in ALWAYS:
        assert float(before[name]) == results[0]["input"][name]
        assert float(after[name]) == results[0]["methods"]["denoise"][name]
        assert failed[name] == ""
    assert float(after["seconds"]) == results[0]["methods"]["denoise"]["seconds"]
    assert (before["seconds"], before["tiles"], after["tiles"]) == ("", "", "1")
    assert {(row["data"], row["height"], row["width"]) for row in (before, after)} == {
        ("val", "20", "32")
    }
    assert failed["error"] == results[1]["error"]
    assert before["error"] == after["error"] == before["lpips"] == after["lpips"] == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_pipes_devices_and_standard_output_receive_the_table(evaluate, pairs, tmp_path):
    evaluate("val", "--model", "denoise-print", "--csv", "scores.csv")
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "page")
    (tmp_path / "null").symlink_to(os.devnull)
    with (
        subprocess.Popen(["cat", "pipe"], cwd=tmp_path, stdout=subprocess.PIPE) as table,
        (tmp_path / "page.html").open("wb") as page,
        subprocess.Popen(["cat", "page"], cwd=tmp_path, stdout=page),
    ):
        done = evaluate("val", "--model", "denoise-print", "--csv", "pipe", "--report", "page")
        piped = table.stdout.read().decode()
    assert (done.returncode, done.stderr) == (0, "")
    to_null = evaluate("val", "--model", "denoise-print", "--csv", "null")
    to_stdout = evaluate("val", "--model", "denoise-print", "--csv", "/dev/stdout")

    header, *_ = (tmp_path / "scores.csv").read_text().splitlines()
    assert piped.splitlines()[0] == header
    assert len(piped.splitlines()) == 5
    assert "</html>" in (tmp_path / "page.html").read_text()
    assert (tmp_path / "pipe").is_fifo()
    assert to_null.returncode == 0
    assert (tmp_path / "null").is_char_device()
    assert to_stdout.stdout.splitlines()[0] == header
    assert "denoise-print" in to_stdout.stdout.splitlines()[-1]


def test_one_broken_pair_is_named_and_left_out_of_the_means(evaluate, pairs):
    (pairs / "input" / "a.png").write_bytes(b"nothing")
    done = evaluate("val", "--json")
    plain = evaluate("val")

    results, last = records(done)
    assert (done.returncode, plain.returncode) == (1, 1)
    assert [record["status"] for record in results] == ["failed", "measured"]
    assert (last["all"]["pairs"], last["all"]["failed"]) == (1, 1)
    for name in ALWAYS:
        assert last["all"]["input"][name] == results[1]["input"][name]
        measured = results[1]["methods"]["denoise"][name]
        assert last["all"]["methods"]["denoise"][name] == measured
    message, left_out = done.stderr.splitlines()
    assert message == f"mirnet: val, a: {results[0]['error']}"
    assert "val/input/a.png cannot be read" in message
    assert left_out == "mirnet: 1 of 2 pairs failed and are not in the means"
    assert plain.stderr == done.stderr
    assert "val: 1 pairs, 1 failed" in plain.stdout


def test_where_all_pairs_are_broken_there_are_no_means(evaluate, pairs):
    for name in ("a", "b"):
        (pairs / "input" / f"{name}.png").write_bytes(b"nothing")
    done = evaluate("val", "--csv", "scores.csv", "--json")
    plain = evaluate("val")

    assert (done.returncode, plain.returncode) == (1, 1)
    overall = records(done)[1]["all"]
    assert (overall["pairs"], overall["failed"]) == (0, 2)
    for column in (overall["input"], overall["methods"]["denoise"]):
        assert {column[name] for name in PROTOCOLS} == {None}
    assert overall["methods"]["denoise"]["seconds_per_megapixel"] is None
    before, after = plain.stdout.splitlines()[-2:]
    assert before.split() == ["input", *"-------"]
    assert after.split() == ["denoise", *"--------", MILLIONS, "M"]


def test_an_infinite_psnr_is_said_and_left_out(evaluate, pairs, load):
    (pairs / "input" / "a.png").write_bytes((pairs / "groundtruth" / "a.png").read_bytes())
    done = evaluate("val", "--json", "--csv", "scores.csv")

    results, last = records(done)
    assert done.returncode == 0
    assert results[0]["input"]["psnr"] is None
    assert results[0]["input"]["ssim"] == 1
    assert last["all"]["input"]["psnr"] == results[1]["input"]["psnr"]
    assert last["all"]["input"]["infinite"] == {"psnr": 1, "psnr_8bit": 1, "psnr_y": 1}
    assert last["all"]["methods"]["denoise"]["infinite"] == {}
    assert done.stderr.splitlines() == [
        f"mirnet: 1 of 2 pictures of input equal the ground truth: their infinite {name} is left "
        "out of its mean"
        for name in ("psnr", "psnr_8bit", "psnr_y")
    ]
    rows = rows_of(pairs.parent / "scores.csv")
    assert math.isinf(float(rows["a", "input"]["psnr"]))
    assert math.isfinite(float(rows["a", "denoise"]["psnr"]))


@pytest.fixture
def mine(tmp_path):
    """The bundled model under another name."""
    pytest.importorskip("onnxruntime")
    original = catalog.find("denoise").weights().with_suffix(".onnx")
    return shutil.copy(original, tmp_path / "mine.onnx")


SEVERAL = (
    *("--model", "denoise", "--model", "mine.onnx"),
    *("--baseline", "nlm", "--baseline", "nlm:25", "--baseline", "input"),
)
METHODS = ["denoise", "mine", "nlm", "nlm:25"]


@pytest.mark.usefixtures("mine")
def test_models_and_baselines_are_measured_side_by_side(evaluate, pairs, load, tmp_path):
    done = evaluate("val", *SEVERAL, "--json", "--save-images", "out", "--csv", "scores.csv")

    results, last = records(done)
    assert (done.returncode, done.stderr) == (0, "")
    for record in results:
        clean = load(pairs / "groundtruth" / f"{record['name']}.png")
        assert list(record["methods"]) == METHODS
        for name, folder in zip(METHODS, ["denoise", "mine", "nlm", "nlm_25"], strict=True):
            outcome = record["methods"][name]
            assert outcome["image"] == f"out/{folder}/{record['name']}.png"
            saved = load(tmp_path / outcome["image"])
            expected = metrics.psnr(saved, clean, data_range=255)
            assert outcome["psnr_8bit"] == pytest.approx(expected, abs=1e-9)
        denoise, mine, nlm, _ = record["methods"].values()
        assert mine["psnr"] == pytest.approx(denoise["psnr"], abs=0.01)
        assert nlm["psnr"] != pytest.approx(denoise["psnr"], abs=0.01)
        assert (mine["tiles"], nlm["tiles"], nlm["tiles_kept"]) == (1, None, None)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        ["denoise", "mine", "nlm", "nlm_25"]
    )
    assert list(last["all"]["methods"]) == list(last["methods"]) == METHODS
    rows = rows_of(tmp_path / "scores.csv")
    assert list(rows) == [(pair, name) for pair in "ab" for name in ("input", *METHODS)]
    for record in results:
        for name, outcome in {"input": record["input"], **record["methods"]}.items():
            row = rows[record["name"], name]
            assert [float(row[score]) for score in ALWAYS] == [outcome[each] for each in ALWAYS]
            assert row["image"] == (outcome.get("image") or "")


@pytest.mark.usefixtures("mine", "pairs")
def test_the_last_object_says_what_each_method_is(evaluate, tmp_path):
    done = evaluate("val", *SEVERAL, "--limit", "1", "--tile", "64", "--json")

    _, last = records(done)
    denoise, mine, nlm, strong = last["methods"].values()
    weights = catalog.find("denoise").weights()
    parameters = runtimes.facts("denoise").parameters
    common = {"kind": "model", "tile": 64, "overlap": 0, "strength": 1.0, "self_ensemble": 1}
    installed = ("mnn", "openvino", "onnx", "pytorch")  # the fastest of those that are
    assert denoise.pop("runtime") in installed
    assert denoise.pop("precision") in ("bf16", "f32")
    assert mine.pop("precision") in ("bf16", "f32")
    assert mine.pop("runtime") in ("openvino", "onnx")
    assert denoise == common | {
        "model": "denoise",
        "parameters": parameters,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    assert mine == common | {
        "model": "mine.onnx",
        "parameters": parameters,
        "sha256": hashlib.sha256((tmp_path / "mine.onnx").read_bytes()).hexdigest(),
    }
    assert (nlm["kind"], nlm["parameters"], nlm["strength"]) == ("baseline", 0, "estimated")
    assert strong == nlm | {"strength": 25.0}


@pytest.mark.usefixtures("mine", "pairs")
def test_the_table_has_a_row_for_each_method(evaluate):
    done = evaluate("val", *SEVERAL)
    figures = records(evaluate("val", *SEVERAL, "--json"))[1]["all"]

    heading, title, *rows = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert heading.split() == [*HEADINGS, "s/MP", "params"]
    assert title == "val: 2 pairs"
    assert [row.split()[0] for row in rows] == ["input", *METHODS]
    assert [row.split()[9:] for row in rows] == [[], [MILLIONS, "M"], [MILLIONS, "M"], ["0"], ["0"]]
    assert len({len(line) for line in (heading, *rows[1:])}) == 1
    for row, means in zip(rows, [figures["input"], *figures["methods"].values()], strict=True):
        psnr, _, _, ssim, *_, noise = row.split()[1:8]
        assert (psnr, ssim) == (f"{means['psnr']:.2f}", f"{means['ssim']:.4f}")
        assert noise == f"{means['noise']:.2f}"


@pytest.mark.parametrize(("distance", "shown"), [(None, False), (0.0, True), (0.25, True)])
def test_lpips_has_a_column_where_it_was_measured_even_if_it_is_0(distance, shown):
    scores = Scores(30.0, 30.0, 30.0, 0.5, 0.5, 0.5, 2.0, lpips=distance)
    summary = Summary([])
    summary.add(Measured(Path("val"), "a", 20, 20, scores, {}))

    heading, _, row = scores_output.text([], {Path("val"): summary}, summary).splitlines()

    assert ("LPIPS" in heading.split()) == shown
    assert row.split()[8:] == ([f"{distance:.4f}"] if shown else [])


def test_a_baseline_is_what_its_library_makes_of_the_file(evaluate, pairs, load, tmp_path):
    done = evaluate("val", "--baseline", "nlm:25", "--save-images", "out", "--limit", "1")

    noisy = load(pairs / "input" / "a.png")
    bgr = np.ascontiguousarray(noisy[..., ::-1])
    expected = cv2.fastNlMeansDenoisingColored(bgr, None, 25, 25, 7, 21)[..., ::-1]
    assert (done.returncode, done.stderr) == (0, "")
    np.testing.assert_array_equal(load(tmp_path / "out" / "nlm_25" / "a.png"), expected)


@pytest.mark.usefixtures("mine")
def test_of_several_folders_each_has_the_folders_of_the_methods(evaluate, pairs, tmp_path):
    shutil.copytree(pairs, tmp_path / "test")
    done = evaluate(
        *("val", "test", "--model", "mine.onnx", "--baseline", "nlm"),
        *("--limit", "1", "--save-images", "out"),
    )

    assert (done.returncode, done.stderr) == (0, "")
    saved = {str(path.relative_to(tmp_path)) for path in (tmp_path / "out").rglob("*.png")}
    assert saved == {
        f"out/{data}/{name}/a.png" for data in ("val", "test") for name in ("mine", "nlm")
    }


@pytest.mark.usefixtures("mine")
def test_a_pair_that_fails_counts_for_no_method(evaluate, pairs, tmp_path):
    (pairs / "input" / "a.png").write_bytes(b"nothing")
    done = evaluate("val", *SEVERAL, "--json", "--csv", "scores.csv")

    results, last = records(done)
    assert done.returncode == 1
    assert [record["status"] for record in results] == ["failed", "measured"]
    assert set(results[0]) == {"data", "name", "status", "error"}
    assert len(done.stderr.splitlines()) == 2
    columns = {"input": last["all"]["input"], **last["all"]["methods"]}
    assert list(columns) == ["input", *METHODS]
    for name, column in columns.items():
        measured = results[1]["input"] if name == "input" else results[1]["methods"][name]
        assert [column[score] for score in ALWAYS] == [measured[score] for score in ALWAYS]
    assert list(rows_of(tmp_path / "scores.csv")) == [
        ("a", ""),
        *(("b", name) for name in ("input", *METHODS)),
    ]


def test_a_picture_that_no_method_can_save_fails_for_all(evaluate, pairs, tmp_path):
    """The second method's folder takes no file, where the first one's does."""
    (tmp_path / "out" / "nlm" / "a.png").mkdir(parents=True)
    done = evaluate("val", "--baseline", "nlm", "--save-images", "out", "--json")

    results, last = records(done)
    assert done.returncode == 1
    assert [record["status"] for record in results] == ["failed", "measured"]
    for name in ALWAYS:
        expected = results[1]["methods"]["denoise"][name]
        assert last["all"]["methods"]["denoise"][name] == expected


def test_a_model_may_be_called_as_a_baseline_but_not_beside_it(evaluate, mine, pairs, tmp_path):
    mine.rename(tmp_path / "nlm.onnx")
    before = sorted(tmp_path.rglob("*"))

    alone = evaluate("val", "--model", "nlm.onnx")
    beside = evaluate("val", "--model", "nlm.onnx", "--baseline", "nlm", "--csv", "scores.csv")

    assert (alone.returncode, alone.stderr) == (0, "")
    assert (beside.returncode, beside.stdout) == (2, "")
    assert (
        beside.stderr == "mirnet: two of the methods nlm, nlm have the same name: rename a file\n"
    )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone"], "mirnet: gone is not a folder: pairs lie in a folder that contains input/"),
        (["val", "val/"], "mirnet: val is given twice: its pairs would count double"),
        (["empty"], "mirnet: empty holds no pairs: expected the folders input/"),
        (["half"], "half/ValidationNoisyBlocksSrgb.mat is missing: SIDD's validation blocks are"),
        (["val", "--model", "denoize"], "mirnet: no model 'denoize'"),
        (["val", "--model", "denoise", "--model", "denoise"], "mirnet: denoise is given twice\n"),
        (["val", "--model", "denoise", "--model", "gone.onnx"], "mirnet: no model 'gone.onnx'"),
        (
            ["val", "--baseline", "nlm2"],
            "mirnet: no baseline 'nlm2': choose input, nlm, bm3d, bicubic, lanczos\n",
        ),
        (
            ["val", "--baseline", "nlm:0"],
            "mirnet: nlm:0: after the colon comes the noise in levels",
        ),
        (
            ["val", "--baseline", "nlm:x"],
            "mirnet: nlm:x: after the colon comes the noise in levels",
        ),
        (
            ["val", "--baseline", "nlm", "--baseline", "nlm"],
            "mirnet: the baseline nlm is given twice\n",
        ),
        (["val", "--tile", "30"], "mirnet: a tile is a multiple of "),
        (["val", "--whole", "--tile", "64"], "mirnet: whole pictures have no tiles: leave out"),
        (["val", "--save-images", "val/out"], "mirnet: val/out lies in val, which is measured"),
        (["val", "--csv", "gone/scores.csv"], "mirnet: gone/scores.csv: its folder does not exist"),
        (["val", "--report", "gone/a.html"], "mirnet: gone/a.html: its folder does not exist"),
        (["val", "--csv", "empty"], "mirnet: empty: Is a directory"),
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


EXTRAS = (
    *("torch", "safetensors", "scipy", "lightning_fabric", "onnxruntime", "rawpy"),
    *("cv2", "bm3d", "jinja2", "torchmetrics", "torchvision"),
)


def test_folders_of_pictures_need_no_extra(mirnet_without, pairs):
    done = mirnet_without("evaluate", pairs, without=EXTRAS)

    assert (done.returncode, done.stderr) == (0, "")
    assert "val: 2 pairs" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--baseline", "nlm"),
            'the baseline nlm needs opencv-python-headless: pip install "mirnet[evaluate]"',
        ),
        (
            ("--baseline", "bm3d:10"),
            'the baseline bm3d needs bm3d: pip install "bm3d" (its licence allows non-commercial '
            "use)",
        ),
    ],
)
def test_a_baseline_says_what_to_install(mirnet_without, pairs, options, message):
    done = mirnet_without("evaluate", pairs, *options, without=EXTRAS)

    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"mirnet: {message}\n")


def test_shards_and_blocks_say_what_to_install(mirnet_without, tmp_path):
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "shard-00000.safetensors").touch()
    savemat_pair(tmp_path / "SIDD")

    done = [mirnet_without("evaluate", tmp_path / at, without=EXTRAS) for at in ("packed", "SIDD")]

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
    assert messages == "mirnet: interrupted; means are only printed at the end\n"
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


def test_what_a_killed_evaluation_left_is_removed_by_the_next(evaluate, pairs, tmp_path):
    def hidden():
        return list(tmp_path.glob(".mirnet-*.part"))

    command = ("val", "--model", "denoise-print", "--csv", "scores.csv", "--report", "page.html")
    with subprocess.Popen(
        [*MIRNET, "evaluate", *command], cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as running:
        while len(hidden()) < 2 and running.poll() is None:
            time.sleep(0.005)
        running.kill()

    assert len(hidden()) == 2
    done = evaluate(*command)
    assert (done.returncode, done.stderr) == (0, "")
    assert hidden() == []
    assert {"scores.csv", "page.html"} < {path.name for path in tmp_path.iterdir()}
