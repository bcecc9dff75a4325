"""`mirnet restore` as a user runs it: a process of its own, real files, the bundled model."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import pyvips

from mirnet.models import checkpoint
from mirnet.models.mirnetv2.network import Configuration

MIRNET = [sys.executable, "-m", "mirnet"]

FULL = Path("/dev/full")
"""A device of Linux that takes nothing, as a full disk."""


@pytest.fixture
def photos(tmp_path, save):
    """A folder with pictures of several kinds, one of them deeper."""
    save(tmp_path / "photos" / "night.jpg")
    save(tmp_path / "photos" / "scan.tif", 30, 30)
    save(tmp_path / "photos" / "trip" / "day.png", 20, 70)
    return tmp_path / "photos"


def names(top):
    """All files below, hidden ones too."""
    return sorted(path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file())


def test_one_picture_is_restored_beside_itself(mirnet, photos, load):
    done = mirnet("restore", "photos/night.jpg")

    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith("photos/night_restored.jpg  56x40  ")
    assert done.stdout.count("\n") == 1
    before, after = load(photos / "night.jpg"), load(photos / "night_restored.jpg")
    assert before.shape == after.shape
    assert (before != after).any()


def test_a_folder_is_restored_into_another(mirnet, photos, tmp_path):
    done = mirnet("restore", "photos/", "-o", "restored/", "--recursive")

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == "mirnet: 3 restored, 0 skipped, 0 failed\n"
    assert names(tmp_path / "restored") == names(photos)


def test_a_second_model_restores_what_the_first_one_made(mirnet, save, load, tmp_path):
    larger = tmp_path / "larger.safetensors"
    network = Configuration(8, (1,), 1, scale=2).network()
    checkpoint.write(checkpoint.Weights.of(network, {"task": "enlarge"}), larger)
    save(tmp_path / "small.png", 40, 56)
    options = ("--runtime", "pytorch", "--json")
    both = mirnet(
        *("restore", "small.png", "-o", "both.png", *options),
        *("--model", "denoise-print", "--model", str(larger)),
    )
    turned = mirnet(
        *("restore", "small.png", "-o", "turned.png", *options),
        *("--model", str(larger), "--model", "denoise-print"),
    )

    assert (both.returncode, turned.returncode) == (0, 0), both.stderr + turned.stderr
    assert both.stderr == f"mirnet: denoise-print, then {larger}\n"
    assert "the usual one: --model denoise-print --model" in turned.stderr
    record = json.loads(both.stdout)
    assert (record["height"], record["scale"], record["runtime"]) == (40, 2, "pytorch")
    assert load(tmp_path / "both.png").shape == (80, 112, 3)
    assert (load(tmp_path / "both.png") != load(tmp_path / "turned.png")).any()


def test_a_task_stands_for_its_first_model(mirnet, save, load, tmp_path):
    save(tmp_path / "small.png", 40, 56)
    options = ("--runtime", "mnn", "--threads", "1")
    twice = ("--task", "denoise", "--task", "denoise")
    by_task = mirnet("restore", "small.png", "-o", "task.png", *twice, *options)
    by_name = mirnet(
        "restore", "small.png", "-o", "name.png", *(2 * ("--model", "denoise")), *options
    )
    unknown = mirnet("restore", "small.png", "--task", "dehaze")
    both = mirnet("restore", "small.png", "--task", "denoise", "--model", "denoise")

    assert by_task.stderr == by_name.stderr == "mirnet: denoise, then denoise\n"
    np.testing.assert_array_equal(load(tmp_path / "task.png"), load(tmp_path / "name.png"))
    assert (unknown.returncode, both.returncode) == (2, 2)
    assert unknown.stderr == (
        "mirnet: no model for 'dehaze' comes with mirnet: choose denoise, or give a file with "
        "--model\n"
    )
    assert "--model and --task do not go together" in both.stderr


def test_one_picture_goes_into_a_file_of_another_kind(mirnet, photos, load, tmp_path):
    done = mirnet("restore", "photos/scan.tif", "-o", "clean.png", "--strength", "0")

    assert done.returncode == 0
    np.testing.assert_array_equal(load(tmp_path / "clean.png"), load(photos / "scan.tif"))


def test_a_jpeg_xl_becomes_an_avif(mirnet, tmp_path, load, picture):
    pylibjxl = pytest.importorskip("pylibjxl", reason="the extra jxl is not installed")
    (tmp_path / "night.jxl").write_bytes(pylibjxl.encode(picture(40, 56), lossless=True))

    done = mirnet("restore", "night.jxl")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("night_restored.avif  56x40  ")
    assert load(tmp_path / "night_restored.avif").shape == (40, 56, 3)


def test_below_strength_1_grain_comes_back_and_colour_noise_does_not(mirnet, save, load, tmp_path):
    rng = np.random.default_rng(0)
    noisy = np.rint(rng.normal(128, 12, (120, 230, 3))).astype(np.uint8)  # two tiles
    save(tmp_path / "grey.png", pixels=noisy)
    results = {}
    for strength in (1.0, 0.6):
        done = mirnet("restore", "grey.png", "-o", f"{strength}.png", "--strength", strength)
        assert (done.returncode, done.stderr) == (0, "")
        results[strength] = load(tmp_path / f"{strength}.png").astype(float)

    back = results[0.6] - results[1.0]
    removed = noisy - results[1.0]
    grain, all_grain = (each.mean(axis=2) for each in (back, removed))
    colour, all_colour = (each - each.mean(axis=2, keepdims=True) for each in (back, removed))
    assert 0.3 < grain.std() / all_grain.std() < 0.4  # 0.4 of the finest part, less of the others
    assert colour.std() / all_colour.std() < 0.05  # 0.01, and roundings to whole levels


def test_grain_is_the_same_each_time_and_fine(mirnet, load, tmp_path, save):
    save(tmp_path / "grey.png", pixels=np.full((80, 120, 3), 128, np.uint8))
    for name, *more in (("a.png",), ("b.png", "--tile", "64"), ("c.png", "--grain-seed", "1")):
        options = ("--strength", "0", "--grain", "4", *more)
        assert mirnet("restore", "grey.png", "-o", name, *options).returncode == 0

    one, again, other = (
        load(tmp_path / name).astype(float) for name in ("a.png", "b.png", "c.png")
    )
    assert np.array_equal(one, again)
    assert 3.5 < (one - 128).std() < 4.5
    assert not np.array_equal(one, other)


def test_another_strength_goes_beside_the_first_result(mirnet, photos, tmp_path):
    for strength in ("0", "0.7", "0.7", "0"):
        done = mirnet("restore", "photos/night.jpg", "--strength", strength)
        assert (done.returncode, done.stderr) == (0, "")

    assert done.stdout == (
        "photos/night_restored_strength0.jpg already exists (--overwrite redoes it)\n"
    )
    assert [path.name for path in sorted(photos.glob("night*"))] == [
        "night.jpg",
        "night_restored_strength0.7.jpg",
        "night_restored_strength0.jpg",
    ]


def test_a_page_shows_what_was_restored_and_what_was_there(mirnet, photos, tmp_path):
    (photos / "broken.jpg").write_bytes(b"nothing")
    first = mirnet("restore", "photos/night.jpg", "-o", "out", "--strength", "0")
    done = mirnet("restore", "photos", "-o", "out", "--strength", "0", "--compare", "page.html")

    assert (first.returncode, done.returncode) == (0, 1)  # of the broken one
    page = (tmp_path / "page.html").read_text()
    assert re.findall("<h2>(.*)</h2>", page) == ["photos/night.jpg", "photos/scan.tif"]
    assert "3 pictures · denoise, strength 0" in page


def test_a_page_of_another_name_is_refused_before_anything_is_restored(mirnet, photos, tmp_path):
    done = mirnet("restore", "photos/night.jpg", "--strength", "0", "--compare", "page.jpg")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mirnet: page.jpg is no name of a page: let it end in .html\n"
    assert len(names(tmp_path)) == 3


def test_a_self_ensemble_leaves_less_noise(mirnet, save, load, tmp_path):
    rng = np.random.default_rng(0)
    noisy = np.rint(rng.normal(128, 30, (120, 150, 3))).astype(np.uint8)
    save(tmp_path / "grey.png", pixels=noisy)
    left = {}
    for views in (1, 8):
        done = mirnet("restore", "grey.png", "-o", f"{views}.png", "--self-ensemble", views)
        assert (done.returncode, done.stderr) == (0, "")
        left[views] = load(tmp_path / f"{views}.png").std(axis=(0, 1)).mean()

    assert left[8] < 0.95 * left[1]


def test_a_self_ensemble_of_nine_views_is_refused(mirnet, photos):
    done = mirnet("restore", "photos", "--self-ensemble", "9")

    assert (done.returncode, done.stdout) == (2, "")
    assert "'--self-ensemble': Input should be less than or equal to 8" in done.stderr


def test_paddle_restores_and_prints_no_more_than_others(mirnet, photos, load, paddle_model):
    done = mirnet("restore", "photos/night.jpg", "--runtime", "paddle", "--model", paddle_model)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("photos/night_restored.jpg  56x40  ")
    assert done.stdout.count("\n") == 1
    with_paddle = load(photos / "night_restored.jpg").astype(int)
    mirnet("restore", "photos/night.jpg", "--overwrite")
    assert np.abs(with_paddle - load(photos / "night_restored.jpg")).max() <= 2


def test_results_may_be_read_by_programs(mirnet, photos):
    done = mirnet("restore", *photos.glob("*.*"), "--format", "tiff", "--json")

    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert done.stderr == "mirnet: 2 restored, 0 skipped, 0 failed\n"
    for record in records:
        assert record["status"] == "restored"
        assert record["tiles"] == 1
        assert record["seconds"] > 0
        assert record["notes"] == []
        loader = pyvips.Image.new_from_file(record["target"]).get("vips-loader")
        assert loader == "tiffload"
    assert {(record["height"], record["width"]) for record in records} == {(40, 56), (30, 30)}


def test_a_second_run_skips_and_overwriting_does_not(mirnet, photos):
    arguments = ("restore", "photos/night.jpg", "photos/night_restored.jpg", "--json")
    runs = [mirnet(*arguments[:2], "--json"), mirnet(*arguments), mirnet(*arguments, "--overwrite")]

    assert [run.returncode for run in runs] == [0, 0, 0]
    statuses = [json.loads(run.stdout)["status"] for run in runs]
    assert statuses == ["restored", "skipped", "restored"]
    plain = mirnet("restore", "photos/night.jpg")
    assert plain.stdout == ("photos/night_restored.jpg already exists (--overwrite redoes it)\n")


def test_one_broken_picture_among_many_is_reported_and_the_rest_is_done(mirnet, photos):
    (photos / "broken.jpg").write_bytes((photos / "night.jpg").read_bytes()[:500])
    done = mirnet("restore", "photos", "-o", "out", "--json")

    records = {record["status"]: record for record in map(json.loads, done.stdout.splitlines())}
    message, summary = done.stderr.splitlines()
    assert done.returncode == 1
    assert summary == "mirnet: 2 restored, 0 skipped, 1 failed"
    assert message == f"mirnet: {records['failed']['error']}"
    assert "broken.jpg" in message
    assert names(photos.parent / "out") == ["night.jpg", "scan.tif"]


def test_what_changed_is_told_on_standard_error(mirnet, save, picture, tmp_path):
    save(tmp_path / "a.png", pixels=picture(20, 20, dtype=np.uint16))
    done = mirnet("restore", "a.png", "--format", "jpeg", "--quality", "80")

    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert done.stderr.startswith("mirnet: a.png: 16 bit became 8 bit")


@pytest.mark.parametrize("runtime", ["onnx", "pytorch"])
def test_another_runtime_gives_nearly_the_same(mirnet, photos, load, tmp_path, runtime):
    pytest.importorskip({"onnx": "onnxruntime", "pytorch": "torch"}[runtime])
    mirnet("restore", "photos/scan.tif", "-o", "first.png")
    done = mirnet("restore", "photos/scan.tif", "-o", "second.png", "--runtime", runtime)

    assert done.returncode == 0
    first, second = (load(tmp_path / name).astype(int) for name in ("first.png", "second.png"))
    assert np.abs(first - second).max() <= 1


def test_a_tile_may_be_chosen(mirnet, photos):
    small = mirnet(
        "restore",
        "photos/night.jpg",
        "--tile",
        "32",
        "--overlap",
        "0",
        "--model",
        "denoise-print",
        "--json",
    )
    auto = mirnet("restore", "photos/scan.tif", "--tile", "auto", "--json")

    assert json.loads(small.stdout)["tiles"] == 4
    assert json.loads(auto.stdout)["tiles"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.jpg"], "mirnet: gone.jpg does not exist"),
        (["x" * 5000], "x: File name too long"),
        (["photos", "-o", "photos"], "would overwrite the original"),
        (["photos", "-o", "photos/night.jpg"], "name of one picture: give a folder for several"),
        (
            ["photos", "--format", "gif"],
            "mirnet: no format 'gif': choose jpeg, png, tiff, webp, av",
        ),
        (["photos", "--model", "denoize"], "mirnet: no model 'denoize': give a file, or one of: "),
        (["photos", "--model", "photos/night.jpg"], "no runtime reads .jpg; known are .mnn"),
        (["photos", "--model", "broken.mnn"], "mirnet: broken.mnn cannot be loaded"),
        (["photos", "--runtime", "tensorrt"], "mirnet: no runtime 'tensorrt': choose auto, mnn"),
        (["photos", "--device", "tpu"], "mirnet: no device 'tpu': choose auto, cpu, cuda"),
        (["photos", "--tile", "30"], "mirnet: a tile is a multiple of "),
        (["photos", "--tile", "0"], "mirnet: a tile is a multiple of "),
        (["photos", "--tile", "64", "--overlap", "40"], "half the tile (32), got 40"),
    ],
)
def test_what_cannot_work_ends_in_one_line(mirnet, photos, tmp_path, arguments, message):
    (tmp_path / "broken.mnn").write_bytes(b"no model at all")
    before = names(tmp_path)

    done = mirnet("restore", *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert done.stderr.startswith("mirnet: ")
    assert done.stderr.count("\n") == 1
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give INPUT, or --left and --right"),
        ([""], "An argument is empty: is a variable without a value?"),
        (["photos", "-o", ""], "The value of -o is empty"),
        (["photos", "--output="], "The value of --output is empty"),
        (["photos", "--tile", "big"], "'big' is neither auto nor a number"),
        (["photos", "--strength", "nan"], "Invalid value for '--strength'"),
        (["photos", "--strength", "2"], "Invalid value for '--strength'"),
        (["photos", "--grain", "51"], "Invalid value for '--grain'"),
        (["photos", "--grain-seed", "2"], "--grain-seed chooses among grains: give --grain, too"),
        (["photos", "--quality", "0"], "Invalid value for '--quality'"),
        (["photos", "--nonsense"], "No such option"),
    ],
)
def test_options_that_do_not_parse_point_to_the_help(mirnet, photos, arguments, message):
    done = mirnet("restore", *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "restore --help" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_takes_no_file_is_reported(mirnet, photos):
    done = mirnet("restore", "photos/night.jpg", "-o", "photos/scan.tif/out")

    assert done.returncode == 1
    assert "photos/scan.tif/out" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_may_not_be_written_is_reported(mirnet, photos):
    photos.chmod(0o500)
    done = mirnet("restore", "photos/night.jpg")
    photos.chmod(0o700)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_are_no_text_are_taken(mirnet, photos, tmp_path):
    name = os.fsdecode(b"\xff[1] :x: \n.jpg")
    (photos / "night.jpg").rename(tmp_path / name)
    done = mirnet("restore", ".", "--json")
    again = mirnet("restore", ".")

    assert (done.returncode, again.returncode) == (0, 0)
    # strict readers refuse lone surrogates, so the byte is spelt out
    assert json.loads(done.stdout)["source"] == name.replace("\udcff", r"\udcff")
    assert r"\ud" not in done.stdout.replace(r"\\", "")
    assert again.stdout.count("\n") == 1


def test_a_reader_that_leaves_early_is_no_traceback(photos, tmp_path):
    running = subprocess.Popen(
        [*MIRNET, "restore", "photos", "-o", "out", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running.stdout.close()
    with running.stderr as stderr:
        assert "Traceback" not in stderr.read()
    assert running.wait() == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(photos, tmp_path, load, closed):
    command = f'exec "$0" -m mirnet restore photos -o out {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=tmp_path, capture_output=True, text=True
    )

    told = "" if "2>" in closed else "mirnet: 2 restored, 0 skipped, 0 failed\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", told)
    assert names(tmp_path / "out") == ["night.jpg", "scan.tif"]
    assert load(tmp_path / "out" / "scan.tif").shape == (30, 30, 3)


@pytest.mark.skipif(not FULL.exists(), reason="Linux")
def test_a_full_standard_output_is_one_line(photos, tmp_path):
    with FULL.open("w") as full:
        done = subprocess.run(
            [*MIRNET, "restore", "photos/night.jpg"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert done.returncode == 2
    assert done.stderr == "mirnet: standard output: No space left on device\n"


# what folders hold besides pictures that can be read


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="Linux")
def test_folders_that_cannot_be_read_and_other_files_are_told(photos, tmp_path):
    for name in ("a.psd", "b.PSD", "notes.txt"):
        (photos / name).touch()
    (photos / "trip").chmod(0)
    as_anybody = (
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    )
    done = subprocess.run(
        [*as_anybody, *MIRNET, "restore", "photos", "-r", "-o", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    (photos / "trip").chmod(0o700)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "mirnet: photos/trip cannot be read: Permission denied",
        "mirnet: left out: 2 .psd, 1 .txt",
        "mirnet: 2 restored, 0 skipped, 0 failed",
    ]


# two runs, and killed ones


def spools(folder):
    return list(folder.glob(".mirnet-*.part"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")
def test_a_killed_run_leaves_a_spool_and_the_next_run_removes_it(mirnet, save, tmp_path):
    save(tmp_path / "big.png", 1000, 1000)
    save(tmp_path / "small.png")
    with subprocess.Popen([*MIRNET, "restore", "big.png", "-o", "out"], cwd=tmp_path) as running:
        while not spools(tmp_path / "out"):
            assert running.poll() is None
            time.sleep(0.01)
        living = mirnet("restore", "small.png", "-o", "out")
        kept = spools(tmp_path / "out")
        running.kill()

    assert (living.returncode, len(kept)) == (0, 1)
    assert spools(tmp_path / "out") == kept
    assert mirnet("restore", "small.png", "-o", "out").returncode == 0
    assert names(tmp_path / "out") == ["small.png"]


def test_two_runs_into_one_folder_both_work(save, load, tmp_path):
    for i in range(4):
        save(tmp_path / "in" / f"{i}.png", 100, 100)
    runs = [
        subprocess.Popen(
            [*MIRNET, "restore", "in", "-o", "out", "--overwrite"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    told = {run.communicate(timeout=120)[1] for run in runs}
    assert told == {"mirnet: 4 restored, 0 skipped, 0 failed\n"}
    assert names(tmp_path / "out") == [f"{i}.png" for i in range(4)]
    assert all(load(path).shape == (100, 100, 3) for path in (tmp_path / "out").iterdir())


NOISY_RUNTIME = """
import os, sys
from mirnet.cli import main
import mirnet.runtimes.mnn as mnn
call = mnn.MnnRuntime.__call__
def noisy(self, batch):
    os.write(1, b"a library in C says hello\\n")
    return call(self, batch)
mnn.MnnRuntime.__call__ = noisy
sys.argv = ["mirnet", "restore", sys.argv[1], "--json", "--runtime", "mnn"]
main()
"""


def test_what_libraries_print_does_not_get_among_the_results(python, photos):
    done = python(NOISY_RUNTIME, photos / "night.jpg")

    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "restored"
    assert done.stderr == "a library in C says hello\n"


# interruption

COUNT = 6


@pytest.fixture
def interrupted(tmp_path, save):
    """Starts restoring several pictures, and sends a signal while it is at the second."""

    def run(number, delay):
        for i in range(COUNT):
            save(tmp_path / "in" / f"{i}.png", 150, 150)
        running = subprocess.Popen(
            [
                *MIRNET,
                "restore",
                "in",
                "-o",
                "out",
                "--model",
                "denoise-print",
                "--tile",
                "32",
                "--json",
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a shell that runs the tests in the background makes them ignore it
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
        )
        first = running.stdout.readline()
        time.sleep(delay)
        running.send_signal(number)
        rest, messages = running.communicate(timeout=60)
        return running.returncode, (first + rest).splitlines(), messages

    return run


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", 0)])
@pytest.mark.parametrize("delay", [0, 0.1])
def test_an_interrupted_run_leaves_whole_files_only_and_goes_on_later(
    interrupted, mirnet, load, tmp_path, number, delay
):
    code, lines, messages = interrupted(number, delay)

    assert code == 130
    assert messages == "mirnet: interrupted; run the same command again to resume\n"
    finished = [json.loads(line) for line in lines]
    assert 1 <= len(finished) < COUNT
    # a picture may have been renamed into place just before its line was written
    left = names(tmp_path / "out")
    assert left == [f"{i}.png" for i in range(len(left))]
    assert len(left) - len(finished) in (0, 1)
    for name in left:
        assert load(tmp_path / "out" / name).shape == (150, 150, 3)

    again = mirnet("restore", "in", "-o", "out")
    assert again.returncode == 0
    assert again.stderr == f"mirnet: {COUNT - len(left)} restored, {len(left)} skipped, 0 failed\n"
    assert len(names(tmp_path / "out")) == COUNT


@pytest.mark.skipif(shutil.which("nohup") is None, reason="POSIX")
def test_a_run_under_nohup_outlives_its_terminal(photos, tmp_path):
    running = subprocess.Popen(
        ["nohup", *MIRNET, "restore", "photos", "-o", "out", "-r", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    running.stdout.readline()
    running.send_signal(signal.SIGHUP)
    running.communicate(timeout=60)

    assert running.returncode == 0
    assert len(names(tmp_path / "out")) == 3


# on a terminal


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_on_a_terminal_there_is_a_bar(on_a_terminal, photos, tmp_path):
    (photos / "broken.png").write_bytes(b"nothing")
    code, shown = on_a_terminal([*MIRNET, "restore", "photos", "-r", "-o", "out"], cwd=tmp_path)

    assert code == 1
    assert "MP/s" in shown
    assert "4/4" in shown
    assert "out/trip/day.png  70x20" in shown
    assert "mirnet: photos/broken.png cannot be read: it is not a picture" in shown
    assert shown.rstrip().endswith("mirnet: 3 restored, 0 skipped, 1 failed")
    assert "Traceback" not in shown
