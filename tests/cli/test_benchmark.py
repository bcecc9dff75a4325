"""`mirnet benchmark` as a user runs it: real processes, real files, the bundled model."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median

import psutil
import pytest
import pyvips

from mirnet import runtimes
from mirnet.benchmark.clock import STAGES
from mirnet.benchmark.driver import FailedTrial, MeasuredTrial, Timings
from mirnet.benchmark.plan import plan
from mirnet.benchmark.summary import Run, figures
from mirnet.cli import benchmark_output
from mirnet.models import catalog
from mirnet.restoration.restorer import default_overlap, default_tile
from mirnet.system import machine

MIRNET = [sys.executable, "-m", "mirnet"]
LITTLE = ("--size", "64", "--rounds", "2", "--threads", "1")

TILE = default_tile(runtimes.facts("denoise"))
OVERLAP = default_overlap(TILE, runtimes.facts("denoise"))
INSTALLED = list(runtimes.files())


@pytest.fixture
def benchmark(mirnet):
    """Runs the command in an empty folder."""
    return partial(mirnet, "benchmark")


@pytest.fixture
def temporary(tmp_path):
    """An environment whose folder for temporary files is our own, and that folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return {**os.environ, "TMPDIR": str(folder)}, folder


def bundled(suffix):
    return catalog.find("denoise").weights().with_suffix(suffix)


def is_close_to_the_whole(stages, whole):
    return sum(stages) == pytest.approx(whole, rel=0.1, abs=0.02)


def test_json_holds_every_run_of_every_runtime(benchmark, tmp_path):
    done = benchmark(*LITTLE, "--warm-up", "1", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    record = json.loads(done.stdout)
    head = {
        "model": "denoise",
        "device": "auto",
        "threads": 1,
        "height": 64,
        "width": 64,
        "format": "jpeg",
        "batch": None,
        "rounds": 2,
        "warm_up": 1,
        "machine": machine.describe(),
        "versions": machine.versions(),
    }
    assert {key: record[key] for key in head} == head
    assert list(record) == [*head, "runtimes", "runs"]
    assert [each["runtime"] for each in record["runtimes"]] == INSTALLED
    turns = [(name, number) for number in (0, 1, 2) for name in INSTALLED]
    assert [(run["runtime"], run["round"]) for run in record["runs"]] == turns
    for run in record["runs"]:
        assert set(run["seconds"]) == set(STAGES)
        assert min(run["seconds"].values()) > 0
        assert is_close_to_the_whole(run["seconds"].values(), run["whole"])
    for each in record["runtimes"]:
        check_runtime(each, [run for run in record["runs"] if run["runtime"] == each["runtime"]])
    assert list(tmp_path.iterdir()) == []


def check_runtime(record, runs):
    """Its figures are those of its runs."""
    assert list(record) == [
        *("runtime", "status", "file", "sha256", "tile", "overlap", "tiles", "tiles_kept"),
        *("peak_mb", "gpu", "gpu_peak_mb", "seconds"),
        *("us_per_pixel", "megapixels_per_second", "images_per_second"),
    ]
    assert record["status"] == "measured"
    file = Path(record["file"])
    assert file in catalog.find("denoise").files()
    kind = runtimes.KINDS[record["runtime"]]
    assert file.suffix in (*kind.suffixes, *kind.if_asked)
    assert record["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (record["tile"], record["overlap"], record["tiles"]) == (TILE, OVERLAP, 1)
    assert record["tiles_kept"] == 0
    assert list(record["seconds"]) == [*STAGES, "whole"]
    counted = [run["seconds"] | {"whole": run["whole"]} for run in runs if run["round"] > 0]
    for name, spread in record["seconds"].items():
        values = [seconds[name] for seconds in counted]
        assert spread == {"median": median(values), "min": min(values), "max": max(values)}
    whole = record["seconds"]["whole"]["median"]
    assert record["us_per_pixel"] == pytest.approx(whole * 1e6 / 64**2)
    assert record["megapixels_per_second"] == pytest.approx(64**2 / whole / 1e6)
    assert record["images_per_second"] == pytest.approx(1 / whole)
    assert record["peak_mb"] > 20
    assert (record["gpu"] is None) == (record["gpu_peak_mb"] is None)


COLUMNS = [*STAGES, "whole", "µs/pixel", "MP/s", "images/s", "peak", "MB"]


def test_the_table_has_a_row_for_each_runtime(benchmark):
    done = benchmark("--size", "40x64", "--rounds", "1", "--format", "png", "--device", "cpu")

    assert (done.returncode, done.stderr) == (0, "")
    what, where, gap, heading, *rows = done.stdout.splitlines()
    assert what == (
        f"denoise, 40x64 png, tiles of {TILE}, overlap {OVERLAP}: ms a picture, medians of 1 round"
    )
    assert where.startswith(machine.describe()["processor"])
    assert gap == ""
    assert heading.split() == COLUMNS
    assert [row.split()[0] for row in rows] == INSTALLED
    assert len({len(line) for line in (heading, *rows)}) == 1
    for row in rows:
        *stages, whole, us_per_pixel, megapixels, images, peak = map(float, row.split()[1:])
        assert len(stages) == len(STAGES)
        assert is_close_to_the_whole([each / 1e3 for each in stages], whole / 1e3)
        assert us_per_pixel == pytest.approx(whole * 1e3 / (40 * 64), rel=0.01, abs=0.1)
        assert megapixels == pytest.approx(1 / us_per_pixel, abs=0.01)
        assert images == pytest.approx(1e3 / whole, rel=0.02, abs=0.02)
        assert peak > 20


def measured(runtime, *, gpu, tiles_kept=0):
    """A runtime that took a second for each of four stages."""
    runs = [Run(runtime, 1, dict.fromkeys(STAGES[:4], 1.0), 4.0)]
    return MeasuredTrial(
        runtime=runtime,
        file=None,
        sha256=None,
        tile=188,
        overlap=16,
        tiles=9,
        tiles_kept=tiles_kept,
        figures=figures(runs, 64**2),
        peak_mb=None if gpu else 100.4,
        gpu="Abacus 9" if gpu else None,
        gpu_peak_mb=2000.6 if gpu else None,
    )


def test_memory_of_a_gpu_has_a_column_where_there_is_one():
    planned = plan(size=(64, 64))
    outcomes = [measured("pytorch", gpu=True), measured("mnn", gpu=False), FailedTrial("onnx", "x")]
    with_gpu, without = (
        benchmark_output.text(planned, Timings(each, [])).splitlines()
        for each in (outcomes, outcomes[1:])
    )

    assert with_gpu[1].endswith(", Abacus 9")
    assert with_gpu[3].split() == [*COLUMNS, "GPU", "MB"]
    speed = ["976.56", "0.001", "0.250"]
    seconds = ["1000.0"] * 4 + ["-"] * 2 + ["4000.0"]
    assert with_gpu[4].split() == ["pytorch", *seconds, *speed, "-", "2001"]
    assert with_gpu[5].split() == ["mnn", *seconds, *speed, "100", "-"]
    assert with_gpu[6].split() == without[5].split() == ["onnx", "failed"]
    assert without[3].split() == COLUMNS
    assert without[4].split() == ["mnn", *seconds, *speed, "100"]


def test_figures_of_a_network_that_gave_no_pictures_are_called_doubtful():
    outcomes = [measured("mnn", gpu=False, tiles_kept=2), measured("pytorch", gpu=True)]

    (line,) = benchmark_output.trouble(Timings(outcomes, []))

    assert line == (
        "mnn: 2 of 9 tiles were left as they were: the network gave no usable result there"
    )


def test_pictures_of_a_batch_are_not_tiled(benchmark):
    options = ("--runtime", "mnn", "--batch", "2", "--size", "32x64", "--rounds", "1")
    table, record = (benchmark(*options, *more) for more in ((), ("--json",)))

    assert (table.returncode, record.returncode) == (0, 0)
    what, _, _, _, row = table.stdout.splitlines()
    assert what.startswith("denoise, 32x64 jpeg, batches of 2: ms a picture")
    assert row.split()[1 + STAGES.index("tiling")] == "-"
    (measured,) = json.loads(record.stdout)["runtimes"]
    assert measured["seconds"].pop("tiling") is None
    assert (measured["tiles"], json.loads(record.stdout)["batch"]) == (0, 2)
    stages = [measured["seconds"][name]["median"] for name in STAGES if name != "tiling"]
    assert min(stages) > 0
    assert is_close_to_the_whole(stages, measured["seconds"]["whole"]["median"])


@pytest.mark.parametrize("written", ["jpeg", "png", "tiff"])
def test_all_formats_are_read_and_written(benchmark, temporary, written):
    environment, folder = temporary
    done = benchmark(
        *("--runtime", "mnn", "--size", "32", "--rounds", "1", "--warm-up", "0"),
        *("--format", written, "--json"),
        env=environment,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["format"] == written
    assert list(folder.iterdir()) == []


def test_the_plot_is_a_picture_with_a_bar_for_each_runtime(benchmark, tmp_path):
    pytest.importorskip("matplotlib")
    done = benchmark(*LITTLE, "--plot", "speed.png")

    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["speed.png"]
    picture = pyvips.Image.new_from_file(str(tmp_path / "speed.png"))
    assert picture.get("vips-loader") == "pngload"
    assert (picture.width, picture.height) == (1000, 190 + 50 * len(INSTALLED))
    assert picture[:3].deviate() > 10


def test_a_runtime_that_fails_is_reported_and_the_others_go_on(benchmark, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("matplotlib")
    shutil.copy(bundled(".onnx"), tmp_path / "mine.onnx")
    options = ("--model", "mine.onnx", "--runtime", "mnn", "--runtime", "onnx", *LITTLE)
    table = benchmark(*options, "--plot", "speed.png")
    record = benchmark(*options, "--json")

    assert (table.returncode, record.returncode) == (1, 1)
    failed, measured = json.loads(record.stdout)["runtimes"]
    assert list(failed) == ["runtime", "status", "error"]
    assert (failed["runtime"], failed["status"]) == ("mnn", "failed")
    assert failed["error"].startswith("the runtime mnn reads .mnn, and mine.onnx is .onnx")
    assert (measured["runtime"], measured["file"]) == ("onnx", "mine.onnx")
    assert table.stderr == record.stderr == f"mirnet: mnn: {failed['error']}\n"
    *_, heading, first, second = table.stdout.splitlines()
    assert heading.split() == COLUMNS
    assert first.split() == ["mnn", "failed"]
    assert (second.split()[0], len(second.split())) == ("onnx", len(COLUMNS))
    picture = pyvips.Image.new_from_file(str(tmp_path / "speed.png"))
    assert picture.height == 240  # one bar


def test_a_damaged_model_is_reported(benchmark, tmp_path):
    pytest.importorskip("onnxruntime")
    content = bundled(".onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    done = benchmark(
        *("--model", "cut.onnx", "--runtime", "onnx", *LITTLE, "--json", "--plot", "speed.png")
    )

    assert done.returncode == 1
    (failed,) = json.loads(done.stdout)["runtimes"]
    assert failed["error"].startswith("cut.onnx is not an ONNX model that can be run")
    assert done.stderr == f"mirnet: onnx: {failed['error']}\n"
    assert json.loads(done.stdout)["runs"] == []
    assert [path.name for path in tmp_path.iterdir()] == ["cut.onnx"]


@pytest.mark.parametrize("batch", [(), ("--batch", "2")])
def test_a_model_that_changes_the_size_is_reported(benchmark, tmp_path, batch):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    noisy, half = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["b", 3, *sides])
        for name, sides in (("noisy", "hw"), ("half", "yx"))
    )
    pool = onnx.helper.make_node(
        "AveragePool", ["noisy"], ["half"], kernel_shape=[2, 2], strides=[2, 2]
    )
    graph = onnx.helper.make_graph([pool], "half", [noisy], [half])
    opset = onnx.helper.make_opsetid("", 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)
    onnx.save(model, tmp_path / "half.onnx")
    done = benchmark("--model", "half.onnx", "--runtime", "onnx", *LITTLE, *batch)

    assert done.returncode == 1
    assert done.stderr.startswith("mirnet: onnx: half.onnx is refused after a trial with onnx: ")
    assert "it makes 1x3x32x32 of 1x3x64x64, where 1x3x64x64 is expected" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "gone.onnx"], "no model 'gone.onnx'"),
        (["--model", "notes.txt"], "notes.txt: no runtime reads .txt"),
        (["--runtime", "fast"], "no runtime 'fast': choose auto, mnn"),
        (["--device", "abacus"], "no device 'abacus': choose auto, cpu"),
        (["--format", "bmp"], "no format 'bmp': choose one of jpeg, png"),
        (["--tile", "30"], "a tile is a multiple of "),
        (["--batch", "2", "--size", "66"], "pictures of a batch are not cut"),
        (["--batch", "2", "--size", "672"], "pictures of a batch are not cut"),
        (["--size", "1x70000"], "JPEG holds at most 65500 pixels a side"),
        (["--plot", "speed.jpg"], "speed.jpg: the plot is a PNG"),
        (["--plot", "gone/speed.png"], "gone/"),
    ],
)
def test_what_cannot_work_ends_in_one_line(benchmark, tmp_path, temporary, arguments, message):
    environment, folder = temporary
    (tmp_path / "notes.txt").touch()
    done = benchmark(*arguments, env=environment)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.startswith("mirnet: ")
    assert done.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "temporary"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--size", value) for value in ("0", "big", "64x", "x64", "64x0", "-4", "1x2x3")),
        *(("--rounds", "0"), ("--warm-up", "-1"), ("--batch", "0"), ("--threads", "0")),
    ],
)
def test_options_that_do_not_parse_point_to_the_help(benchmark, option, value):
    done = benchmark(option, value)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"Invalid value for '{option}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_plot_says_what_to_install_before_anything_is_measured(mirnet_without, tmp_path):
    done = mirnet_without(
        "benchmark", "--plot", tmp_path / "speed.png", without=("matplotlib", "torch")
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'mirnet: the plot needs matplotlib: pip install "mirnet[train]"\n'


def test_modules_beside_the_user_are_not_imported(benchmark, tmp_path):
    """Files of the folder where the command runs, which a process must not take for its own."""
    for name in ("json", "numpy", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not for import')")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mirnet", "benchmark", "--runtime", "mnn", *LITTLE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(machine.__file__).parent.parent)},
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def running(tmp_path, temporary):
    """The command at work on something long, once its runtimes are measured."""
    environment, _ = temporary
    process = subprocess.Popen(
        [*MIRNET, "benchmark", "--runtime", "mnn", "--rounds", "10000", "--size", "64", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
        # a shell that runs the tests in the background makes them ignore it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    yield process
    process.kill()
    process.communicate()


def worker_of(process, folder):
    """The process in which the runtime lives, once it has restored."""
    deadline = time.monotonic() + 120
    while not list(folder.rglob("restored.jpg")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (worker,) = psutil.Process(process.pid).children()
    return worker


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_and_no_file(running, temporary, number):
    _, folder = temporary
    worker = worker_of(running, folder)
    assert os.getpgid(worker.pid) != running.pid  # the signal is for the command alone
    os.killpg(running.pid, number)  # as a terminal does it
    output, messages = running.communicate(timeout=60)

    assert (running.returncode, output) == (130, "")
    assert messages == "mirnet: interrupted; results are only printed at the end\n"
    assert not worker.is_running()
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
def test_a_process_whose_starter_was_killed_ends_by_itself(running, temporary):
    _, folder = temporary
    worker = worker_of(running, folder)
    running.kill()
    _, messages = running.communicate(timeout=60)
    gone, _ = psutil.wait_procs([worker], timeout=60)

    assert gone == [worker]
    assert messages == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_on_a_terminal_there_is_a_bar(on_a_terminal, tmp_path):
    code, shown = on_a_terminal(
        [*MIRNET, "benchmark", "--runtime", "mnn", "--runtime", "auto", *LITTLE], cwd=tmp_path
    )

    assert code == 0
    assert "mnn, starting" in shown
    assert "8/8" in shown
    assert "runs/s" in shown
    assert "denoise, 64x64 jpeg" in shown
    assert "Traceback" not in shown
