"""`mirnet data pack` as a user runs it: a process of its own, real files, killed, begun again."""

import json
import resource
import shutil
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from mirnet.pairs.packed import Packed
from mirnet.pairs.pair_folder import PairFolder

COMMAND = [sys.executable, "-m", "mirnet", "data", "pack"]
COUNT = 30
"""Enough that a run that is stopped after its first shard has not done them all."""


@pytest.fixture
def pairs(tmp_path, save, picture):
    """Pairs of which one fits into a shard of 1 MB; a few pictures under many names."""
    for half in ("noisy", "clean"):
        made = [
            save(tmp_path / "pairs" / half / f"{k:02d}.png", pixels=picture(400, 350, seed=k))
            for k in range(3)
        ]
        for k in range(3, COUNT):
            shutil.copy(made[k % 3], made[0].with_name(f"{k:02d}.png"))
    return tmp_path / "pairs"


@pytest.fixture
def pack(pairs, mirnet):
    """Runs the command beside the pairs."""
    return partial(mirnet, "data", "pack")


def contents(folder):
    """All files below, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pairs_become_shards(pack, pairs, tmp_path):
    done = pack("pairs", "packed", "--shard-mb", "1")

    assert done.returncode == 0
    assert done.stderr == f"mirnet: {COUNT} pairs, {COUNT} shards written, 0 kept\n"
    assert len(done.stdout.splitlines()) == COUNT
    assert done.stdout.startswith("packed/shard-00000.safetensors  1 pairs  0.8 MB  written\n")
    files, shards = PairFolder(pairs), Packed(tmp_path / "packed")
    assert [shards.name(k) for k in range(COUNT)] == [files.name(k) for k in range(COUNT)]
    np.testing.assert_array_equal(shards.whole(3), files.whole(3))


def test_a_small_set_is_one_shard_and_a_second_run_keeps_it(pack, tmp_path):
    runs = [pack("pairs", "packed", "--json") for _ in range(2)]

    records = [json.loads(run.stdout) for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert [record.pop("status") for record in records] == ["written", "kept"]
    path = tmp_path / "packed" / "shard-00000.safetensors"
    length = path.stat().st_size
    expected = {"shard": "packed/shard-00000.safetensors", "pairs": COUNT, "bytes": length}
    assert records == [expected, expected]
    assert runs[1].stderr == f"mirnet: {COUNT} pairs, 0 shards written, 1 kept\n"


def test_a_run_that_was_killed_is_continued_to_the_same_bytes(pack, tmp_path):
    pack("pairs", "whole", "--shard-mb", "1")
    running = subprocess.Popen(
        [*COMMAND, "pairs", "packed", "--shard-mb", "1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    running.stdout.readline()
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    shards = sorted((tmp_path / "packed").glob("shard-*"))
    assert 1 <= len(shards) < COUNT

    again = pack("pairs", "packed", "--shard-mb", "1")

    assert again.returncode == 0
    assert again.stderr.endswith(f" {COUNT - len(shards)} shards written, {len(shards)} kept\n")
    assert contents(tmp_path / "packed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on(pack, tmp_path, number):
    running = subprocess.Popen(
        [*COMMAND, "pairs", "packed", "--shard-mb", "1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    running.stdout.readline()
    running.send_signal(number)
    _, messages = running.communicate(timeout=60)

    assert running.returncode == 130
    assert messages == "mirnet: interrupted; run the same command again to resume\n"
    left = sorted(contents(tmp_path / "packed"))
    assert left == [f"shard-{k:05d}.safetensors" for k in range(len(left))]
    assert 1 <= len(left) < COUNT
    assert pack("pairs", "packed", "--shard-mb", "1").returncode == 0
    assert len(Packed(tmp_path / "packed")) == COUNT


def test_a_disk_that_takes_no_more_leaves_nothing_half_written(pack, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))

    done = pack("pairs", "packed", "--shard-mb", "3", preexec_fn=limit)

    assert done.returncode == 2
    assert done.stderr.startswith("mirnet: packed/shard-00000.safetensors cannot be written (")
    assert done.stderr.count("\n") == 1
    assert contents(tmp_path / "packed") == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["gone", "packed"],
            "mirnet: gone is not a folder: pairs lie in a folder that contains input/",
        ),
        (["pairs/noisy", "packed"], "mirnet: pairs/noisy holds no pairs: expected the folders"),
        (["pairs", "pairs"], "mirnet: pairs holds clean: give a new or an empty folder"),
        (["pairs", "pairs/noisy/00.png"], "mirnet: pairs/noisy/00.png is a file: give a folder"),
    ],
)
def test_what_cannot_work_ends_in_one_line(pack, pairs, arguments, message):
    before = sorted(pairs.rglob("*"))
    done = pack(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert sorted(pairs.rglob("*")) == before


def test_a_damaged_picture_is_named_and_finished_shards_stay(pack, pairs, tmp_path):
    path = pairs / "clean" / "02.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20000])
    done = pack("pairs", "packed", "--shard-mb", "1")

    assert done.returncode == 2
    assert done.stderr.startswith("mirnet: pairs/clean/02.png cannot be read")
    assert done.stderr.count("\n") == 1
    assert len(contents(tmp_path / "packed")) == 2

    path.write_bytes(whole)
    again = pack("pairs", "packed", "--shard-mb", "1")
    assert again.returncode == 0
    assert again.stderr.endswith(f"{COUNT - 2} shards written, 2 kept\n")


def test_on_a_terminal_there_is_a_bar(on_a_terminal, pairs, tmp_path):
    code, shown = on_a_terminal([*COMMAND, "pairs", "packed"], cwd=tmp_path)

    assert code == 0
    assert "sizes" in shown
    assert "pairs/s" in shown
    assert f"{COUNT}/{COUNT}" in shown
    assert f"packed/shard-00000.safetensors  {COUNT} pairs  24.0 MB  written" in shown
    assert "Traceback" not in shown


def test_without_the_training_packages_it_says_what_to_install(python, pairs, tmp_path):
    script = "import sys; sys.argv[0] = 'mirnet'; from mirnet.cli import main; main()"
    done = python(script, "data", "pack", pairs, tmp_path / "new", without=["safetensors"])

    assert done.returncode == 2
    assert done.stderr == 'mirnet: packing needs safetensors: pip install "mirnet[train]"\n'
