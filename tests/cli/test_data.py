"""`mirnet data` as a user runs it: processes of their own, real files, real signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

MIRNET = [sys.executable, "-m", "mirnet", "data"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "synthetic_sidd.py"
SCENES = [f"{number:04}_001_S6_00100_00060_3200_L" for number in range(1, 5)]


@pytest.fixture
def mirnet(mirnet):
    """Runs `mirnet data` in an empty folder."""
    return partial(mirnet, "data")


@pytest.fixture
def sidd(tmp_path, save, picture):
    """Four scenes of a pair each."""
    for seed, scene in enumerate(SCENES):
        for half in ("NOISY", "GT"):
            path = tmp_path / "sidd" / "Data" / scene / f"{scene[:4]}_{half}_SRGB_010.PNG"
            save(path, pixels=picture(60, 80, seed=2 * seed + (half == "GT")))
    return tmp_path / "sidd"


def tree(top):
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file()
    }


CUT = ("sidd-patches", "sidd", "out", "--patch", "16", "--per-image", "5")


def test_pairs_are_cut(mirnet, sidd, tmp_path):
    done = mirnet(*CUT)

    assert done.returncode == 0
    assert done.stdout == "out  4 pairs  20 patches\n"
    first, last = done.stderr.splitlines()
    assert first.startswith("mirnet: 20 noisy and clean patches of 4 pairs need about ")
    assert first.endswith(" are free")
    assert last.startswith("mirnet: 20 written in ")
    assert last.endswith(" patches/s), 0 pairs failed")
    assert len(list((tmp_path / "out" / "input").iterdir())) == 20
    record = json.loads((tmp_path / "out" / "patches.json").read_text())
    assert record == {
        "pictures": "SIDD", "windows": "random", "patch": 16, "per_image": 5, "seed": 0
    }  # fmt: skip


def test_a_second_run_writes_nothing(mirnet, sidd, tmp_path):
    mirnet(*CUT)
    before = tree(tmp_path / "out")
    done = mirnet(*CUT, "--json", "--workers", "1")

    result = json.loads(done.stdout)
    assert done.returncode == 0
    assert result.pop("seconds") >= 0
    assert result == {"folder": "out", "pairs": 4, "patches": 20, "written": 0, "failed": {}}
    assert "of 4 pairs: nothing is missing" in done.stderr
    assert tree(tmp_path / "out") == before


def test_a_grid_is_cut(mirnet, sidd, tmp_path):
    done = mirnet("sidd-patches", "sidd", "out", "--grid", "--patch", "32")

    assert done.stdout == "out  4 pairs  36 patches\n"  # rows from 0, 24, 28, columns 0, 24, 48
    assert done.returncode == 0


def test_one_damaged_pair_is_reported_and_the_rest_is_done(mirnet, sidd, tmp_path):
    noisy = sidd / "Data" / SCENES[1] / "0002_NOISY_SRGB_010.PNG"
    noisy.write_bytes(noisy.read_bytes()[:4000])
    done = mirnet(*CUT, "--json")

    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert (result["pairs"], result["patches"], result["written"]) == (3, 15, 15)
    assert list(result["failed"]) == [f"{SCENES[1]}_010"]
    message = done.stderr.splitlines()[1]
    assert message.startswith(f"mirnet: sidd/Data/{SCENES[1]}/0002_NOISY_SRGB_010.PNG cannot be")
    assert len(list((tmp_path / "out" / "groundtruth").iterdir())) == 15
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sidd-patches", "gone", "out"], "gone is not a folder"),
        (["sidd-patches", "sidd", "sidd/out", "--patch", "16"], "among the pictures"),
        (["sidd-patches", "sidd", "out"], "80x60, less than a patch of 256"),
        (["sidd-patches", "sidd", "file", "--patch", "16"], "file is a file: give a folder"),
        (["synthesize", "gone", "out"], "gone is not a folder of photographs"),
        (["synthesize", "sidd", "out", "--patch", "100"], "multiple of 16, got 100"),
    ],
)
def test_what_cannot_work_ends_in_one_line(mirnet, sidd, tmp_path, arguments, message):
    (tmp_path / "file").touch()
    before = tree(tmp_path)
    done = mirnet(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("mirnet: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*CUT, "--grid"], "--per-image is for random patches"),
        ([*CUT, "--workers", "0"], "Invalid value for '--workers'"),
        ([*CUT, "--seed", "-1"], "Invalid value for '--seed'"),
        (["synthesize", "a"], "Missing argument 'DST'"),
    ],
)
def test_options_that_make_no_sense_are_refused(mirnet, sidd, tmp_path, arguments, message):
    done = mirnet(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


TOO_LITTLE = """
import collections, shutil, sys
from mirnet.cli import main
shutil.disk_usage = lambda path: collections.namedtuple("usage", "free")(1000)
main()
"""


def test_too_little_space_ends_in_one_line(python, sidd, tmp_path):
    done = python(TOO_LITTLE, "data", "sidd-patches", sidd, tmp_path / "out", "--patch", "16")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "1200 pairs of patches need about 1.0 MB, and 1.0 kB are free" in done.stderr
    assert not (tmp_path / "out").exists()


# interruption

posix = pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
PER_IMAGE = 150
MANY = (*CUT[:5], "--per-image", str(PER_IMAGE), "--workers", "2")


@pytest.fixture
def begun(sidd, tmp_path):
    """A run in a process group of its own that has written some patches, and its workers."""
    running = subprocess.Popen(
        [*MIRNET, *MANY],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    folder = tmp_path / "out" / "groundtruth"
    limit = time.monotonic() + 60
    while not folder.is_dir() or len(list(folder.glob("*.png"))) < 50:
        assert time.monotonic() < limit
        assert running.poll() is None
        time.sleep(0.01)
    workers = psutil.Process(running.pid).children(recursive=True)
    assert len(workers) >= 2
    yield running, workers
    if running.poll() is None:
        running.kill()
        running.communicate()


def are_whole(folder, load):
    """Whether all patches that can be seen are whole; some, not all, are there."""
    seen = list(folder.glob("*/[!.]*.png"))
    return 50 < len(seen) < 2 * 4 * PER_IMAGE and {load(path).shape for path in seen} == {
        (16, 16, 3)
    }


def same_as_uninterrupted(mirnet, tmp_path):
    again, whole = mirnet(*MANY), mirnet(MANY[0], "sidd", "whole", *MANY[3:])
    assert (again.returncode, whole.returncode) == (0, 0)
    return tree(tmp_path / "out") == tree(tmp_path / "whole")


@posix
def test_a_killed_run_leaves_whole_patches_and_no_processes_and_can_go_on(
    begun, mirnet, load, tmp_path
):
    running, workers = begun
    running.send_signal(signal.SIGKILL)
    running.communicate()
    _, alive = psutil.wait_procs(workers, timeout=10)

    assert alive == []
    assert are_whole(tmp_path / "out", load)
    assert same_as_uninterrupted(mirnet, tmp_path)


@posix
@pytest.mark.parametrize(
    ("number", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGTERM, True)]
)
def test_an_interrupted_run_says_how_to_go_on(begun, load, tmp_path, number, to_all):
    running, workers = begun
    if to_all:  # as a terminal does for Ctrl-C
        os.killpg(running.pid, number)
    else:
        running.send_signal(number)
    stdout, stderr = running.communicate(timeout=30)
    _, alive = psutil.wait_procs(workers, timeout=10)

    assert running.returncode == 130
    assert stdout == ""
    assert stderr.splitlines()[1:] == ["mirnet: interrupted; run the same command again to resume"]
    assert alive == []
    assert are_whole(tmp_path / "out", load)
    assert not list((tmp_path / "out").rglob(".*"))


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_on_a_terminal_there_is_a_bar(on_a_terminal, sidd, tmp_path):
    code, shown = on_a_terminal([*MIRNET, *CUT], cwd=tmp_path)

    assert code == 0
    assert "20/20" in shown
    assert "patches/s" in shown
    assert "out  4 pairs  20 patches" in shown


# synthetic pairs


def test_pairs_are_synthesized(mirnet, save, tmp_path):
    pytest.importorskip("torch")
    save(tmp_path / "photographs" / "a.jpg", 80, 100)
    save(tmp_path / "photographs" / "small.jpg", 20, 100)
    done = mirnet("synthesize", "photographs", "out", "--patch", "32", "--per-image", "3", "--json")

    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert (result["photographs"], result["patches"], result["written"]) == (1, 3, 3)
    assert list(result["failed"]) == ["small.jpg"]
    assert "mirnet: photographs/small.jpg: 100x20 is less than a patch" in done.stderr
    (tmp_path / "photographs" / "small.jpg").unlink()
    again = mirnet("synthesize", "photographs", "out", "--patch", "32", "--per-image", "3")
    assert (again.returncode, again.stdout) == (0, "out  1 photographs  3 patches\n")


def test_shards_share_the_photographs(mirnet, save, tmp_path):
    pytest.importorskip("torch")
    for stem in "abcd":
        save(tmp_path / "photographs" / f"{stem}.png", 70, 70)
    command = ("synthesize", "photographs", "out", "--patch", "32", "--per-image", "2", "--json")
    array = {**os.environ, "JOB_COMPLETION_INDEX": "1", "JOB_COMPLETIONS": "2"}
    shards = [mirnet(*command, "--shard", "0/2"), mirnet(*command, "--shard", "auto", env=array)]
    whole = mirnet(*command)

    assert [done.returncode for done in (*shards, whole)] == [0, 0, 0]
    results = [json.loads(done.stdout) for done in (*shards, whole)]
    assert sum(each["written"] for each in results[:2]) == results[2]["patches"] == 8
    assert results[2]["written"] == 0
    assert "counted from 0 to 1" in mirnet(*command, "--shard", "2/2").stderr


def test_synthesizing_without_torch_says_what_to_install(python, tmp_path):
    script = "import sys; from mirnet.cli import main; main()"
    done = python(script, "data", "synthesize", tmp_path, tmp_path / "out", without=["torch"])

    assert done.returncode == 2
    assert done.stderr == 'mirnet: synthesizing needs torch: pip install "mirnet[train]"\n'


def test_cutting_needs_no_torch(python, sidd, tmp_path):
    script = "import sys; from mirnet.cli import main; main()"
    arguments = ("data", "sidd-patches", sidd, tmp_path / "out", "--patch", "16", "--workers", "1")
    done = python(script, *arguments, "--per-image", "2", without=["torch"])

    assert done.returncode == 0


def test_the_example_makes_a_folder_that_can_be_cut(mirnet, load, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("skimage")
    made = subprocess.run(
        [sys.executable, EXAMPLE, "sidd", "--pairs", "3", "--height", "48", "--width", "64"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    done = mirnet("sidd-patches", "sidd", "out", "--patch", "32", "--per-image", "2")

    assert made.returncode == 0
    assert len(made.stdout.splitlines()) == 6
    assert {load(path).shape for path in (tmp_path / "sidd").rglob("*.PNG")} == {(48, 64, 3)}
    assert done.stdout == "out  3 pairs  6 patches\n"
    shutil.rmtree(tmp_path / "sidd")
