"""`mirnet cluster` and `mirnet restore --shard` as a user runs them."""

import ctypes
import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from mirnet.cli.cluster.running import follow
from mirnet.cli.sharding import parse_shard
from mirnet.cluster.work import Summary
from mirnet.errors import MirnetError

pytest.importorskip("pyarrow", reason='needs pyarrow: pip install "mirnet[cluster]"')

EXAMPLES = Path(__file__).parents[2] / "examples" / "cluster"
MIRNET = [sys.executable, "-m", "mirnet"]
OPTIONS = ("--model", "denoise-print", "--runtime", "mnn", "--threads", "1")


@pytest.fixture
def photos(tmp_path, save):
    save(tmp_path / "photos" / "night.jpg", 24, 24)
    save(tmp_path / "photos" / "scan.tif", 20, 20)
    save(tmp_path / "photos" / "trip" / "day.png", 20, 24)
    return tmp_path / "photos"


def contents(top):
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file() and not any(part.startswith(".mirnet") for part in path.parts)
    }


def test_shards_give_what_restore_gives(mirnet, photos, tmp_path):
    (photos / "bad.png").write_bytes(b"nonsense")
    alone = mirnet("restore", "photos", "-o", "alone", "-r", *OPTIONS)
    shards = [
        mirnet("restore", "photos", "-o", "out", "-r", "--shard", f"{n}/2", "--json", *OPTIONS)
        for n in range(2)
    ]

    assert alone.returncode == 1
    assert sorted(done.returncode for done in shards) == [0, 1]
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")
    counts = [json.loads(done.stdout) for done in shards]
    assert sum(each["restored"] for each in counts) == 3
    assert "bad.png cannot be read" in "".join(done.stderr for done in shards)

    status = mirnet("cluster", "status", "out")
    assert "done     3 of 4" in status.stdout
    assert "failed   1  picture" in status.stdout
    record = json.loads(mirnet("cluster", "status", "out", "--json").stdout)
    assert (record["done"], record["failed"], record["left"]) == (3, {"picture": 1}, 0)

    assert mirnet("cluster", "verify", "out").stdout == "3 results checked, 0 problems\n"
    (tmp_path / "out" / "trip" / "day.png").unlink()
    (tmp_path / "out" / "night.jpg").write_bytes(b"damage")
    verified = mirnet("cluster", "verify", "out", "--mark", "--json")
    assert verified.returncode == 1
    lines = [json.loads(line) for line in verified.stdout.splitlines()]
    assert {"problem": "missing", "output": "trip/day.png"} in lines
    assert {"problem": "different", "output": "night.jpg"} in lines
    assert lines[-1] == {"checked": 3, "problems": 2}
    mirnet("restore", "photos", "-o", "out", "-r", "--shard", "0/1", *OPTIONS)
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")


@pytest.mark.parametrize("options", [("--grain", "5", "--grain-seed", "3"), ("--whole",)])
def test_a_shard_takes_the_options_of_restore(mirnet, photos, tmp_path, options):
    mirnet("restore", "photos", "-o", "plain", "-r", *OPTIONS)
    alone = mirnet("restore", "photos", "-o", "alone", "-r", *OPTIONS, *options)
    shard = mirnet("restore", "photos", "-o", "out", "-r", "--shard", "0/1", *OPTIONS, *options)

    assert (alone.returncode, shard.returncode) == (0, 0), shard.stderr
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")
    assert contents(tmp_path / "out") != contents(tmp_path / "plain")


def test_a_shard_selects_stops_and_tries_again(mirnet, photos, tmp_path, save):
    save(photos / "large.png", 600, 600)
    shard = ("restore", "photos", "-o", "out", "-r", "--shard", "0/1", "--json", *OPTIONS)
    only = ("--include", "*.png", "--include", "*.tif", "--exclude", "trip/*")

    first = mirnet(*shard, "--include", "large.*", "--max-seconds", "0.1")
    second = mirnet(*shard, *only)
    third = mirnet(*shard, *only, "--retry", "failed")

    assert (first.returncode, second.returncode, third.returncode) == (1, 1, 0)
    counts = [json.loads(done.stdout) for done in (first, second, third)]
    assert [each["pictures"] for each in counts] == [1, 2, 2]
    assert [each["restored"] for each in counts] == [0, 1, 1]
    assert counts[0]["failed"] == counts[1]["failed_before"] == {"timeout": 1}
    assert "large.png: took more than 0.1 s" in first.stderr
    assert sorted(contents(tmp_path / "out")) == ["large.png", "scan.tif"]


def without_rights():
    """Take from root what lets it read everything; for the child that is about to start."""
    if os.geteuid() == 0:
        drop, rights = 24, (1, 2)  # PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
        for right in rights:
            if ctypes.CDLL(None).prctl(drop, right, 0, 0, 0):
                raise OSError(f"the right {right} cannot be dropped")


@pytest.mark.skipif(sys.platform != "linux", reason="rights are dropped as Linux does")
def test_a_folder_that_cannot_be_read_is_told_and_the_others_done(mirnet, photos, tmp_path, save):
    for name in ("locked/1.png", "drafts/2.png"):
        save(photos / name, 8, 8)
        (photos / name).parent.chmod(0)
    options = ("--strength", "0", "--runtime", "mnn", "--exclude", "drafts/*")
    shard = ("restore", "photos", "-o", "out", "-r", "--shard", "0/1", *options)
    try:
        done = mirnet(*shard, preexec_fn=without_rights)
        status = mirnet("cluster", "status", "out")
    except subprocess.SubprocessError:
        pytest.skip("root cannot drop its rights here")
    finally:
        for name in ("locked", "drafts"):
            (photos / name).chmod(0o700)

    assert done.stdout == "3 pictures: 3 restored, 0 done before, 1 folder could not be read\n"
    assert done.stderr == f"mirnet: {photos}/locked cannot be read: Permission denied\n"
    assert done.returncode == 1
    assert "folders  1 could not be read" in status.stdout
    again = mirnet(*shard, "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["restored"] == 1
    assert len(contents(tmp_path / "out")) == 4


def test_a_cluster_of_its_own_restores_and_other_options_are_refused(mirnet, photos, tmp_path):
    pytest.importorskip("ray", reason='needs Ray: pip install "mirnet[cluster]"')
    echo = ("--strength", "0", "--runtime", "mnn")
    done = mirnet("cluster", "restore", "photos", "out", "--workers", "1", *echo)
    other = mirnet("cluster", "restore", "photos", "out", "--strength", "0.5", "--runtime", "mnn")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 pictures: 3 restored, 0 done before\n"
    assert sorted(contents(tmp_path / "out")) == ["night.jpg", "scan.tif", "trip/day.png"]
    assert other.returncode == 2
    assert "holds another job (strength 0.0, not 0.5)" in other.stderr
    assert other.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("restore", "nothing", "-o", "out", "--shard", "0/2"), "nothing: No such file"),
        (("restore", "photos", "--shard", "0/2"), "--shard takes one input"),
        (("restore", "photos", "-o", "out", "--shard", "2/2"), "counted from 0 to 1"),
        (("restore", "photos", "-o", "out", "--shard", "x"), "neither I/N"),
        (("restore", "photos", "-o", "out", "--include", "*.jpg"), "--include is for --shard"),
        (("restore", "photos", "-o", "out", "--max-seconds", "9"), "--max-seconds is for --shard"),
        (("restore", "photos", "-o", "out", "--shard", "auto"), "auto needs SLURM_ARRAY"),
        (("restore", "photos", "-o", "out", "--shard", "0/1", "--format", "gif"), "no format"),
        (("restore", "photos", "-o", "out", "--shard", "0/1", "--model", "x"), "no model 'x'"),
        (("restore", "photos", "-o", "photos", "--shard", "0/1"), "holds"),
        (("cluster", "restore", "photos", "out", "--address", "127.0.0.1:9"), "no Ray cluster"),
        (("cluster", "status", "photos"), "holds no job"),
        (("cluster", "verify", "ftp://x"), "give a folder"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(mirnet, photos, words, message):
    done = mirnet(*words)

    assert done.returncode == 2
    assert message in re.sub(r"[\s│]+", " ", done.stderr)
    assert "Traceback" not in done.stderr
    assert not (photos.parent / "out").exists() or not contents(photos.parent / "out")


@pytest.mark.parametrize(
    ("words", "package"),
    [
        (("cluster", "restore", "photos", "out"), "ray"),
        (("restore", "photos", "-o", "out", "--shard", "0/2"), "pyarrow"),
        (("restore", "s3://in/x", "-o", "out", "--shard", "0/2"), "obstore"),
    ],
)
def test_a_missing_package_is_named_with_the_extra(mirnet_without, words, package):
    done = mirnet_without(*words, without=[package])

    assert done.returncode == 2
    assert f'needs {package}: pip install "mirnet[cluster]"' in done.stderr
    assert done.stderr.count("\n") == 1


def test_too_many_failures_stop_a_job():
    ended = []

    def failing():
        try:
            for _ in range(5):
                yield Summary(failed=Counter(picture=1), messages=["x cannot be read"])
        finally:
            ended.append(True)

    started = SimpleNamespace(listed=5, done=0, failed=Counter(), unreadable=["x"])
    with pytest.raises(MirnetError, match="more than 2 pictures failed"):
        follow(started, failing(), max_failures=2, as_json=False)
    assert ended == [True]


def test_the_last_shard_of_an_evaluation_prints_the_means(mirnet, tmp_path, save):
    for name in ("1.png", "2.png", "3.png", "4.png"):
        for half in ("input", "groundtruth"):
            save(tmp_path / "val" / half / name, 24, 24)
    command = ("evaluate", "val", *OPTIONS, "--json")
    alone = mirnet(*command)
    shards = [mirnet(*command, "--shard", f"{number}/2", "-o", "scores") for number in range(2)]
    wrong = mirnet(*command, "--shard", "0/2")

    assert [done.returncode for done in (alone, *shards)] == [0, 0, 0]
    assert "pairs are left to other shards" in shards[0].stderr
    one, last = (json.loads(done.stdout.splitlines()[-1]) for done in (alone, shards[1]))
    for means in (one["all"], last["all"]):
        means["methods"]["denoise-print"].pop("seconds_per_megapixel")
    assert last["all"] == one["all"]
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "--shard needs -o" in wrong.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_shard_keeps_what_it_did(photos, tmp_path, save, how):
    for number in range(40):
        save(photos / f"{number}.png", 64, 64)
    command = [*MIRNET, "restore", "photos", "-r", "--strength", "0", "--runtime", "mnn", "-o"]
    shard = [*command, "out", "--shard", "0/1"]
    process = subprocess.Popen(shard, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not contents(tmp_path / "out") and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)

    assert process.returncode in (0, -signal.SIGKILL, 130)
    if process.returncode == 130:
        assert errors == "mirnet: interrupted; run the same command again to resume\n"
    time.sleep(1.5)  # in which an orphan ends
    done = subprocess.run(shard, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    subprocess.run([*command, "alone"], cwd=tmp_path, capture_output=True, check=True)
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")
    assert len(contents(tmp_path / "out")) == 43
    assert list((tmp_path / "out" / ".mirnet" / "tmp").iterdir()) == []
    verified = [*MIRNET, "cluster", "verify", "out"]
    assert subprocess.run(verified, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_cost_is_computed_from_a_benchmark(mirnet, tmp_path):
    record = {
        "model": "denoise",
        "machine": {"processor": "P"},
        "runtimes": [
            {"runtime": "mnn", "status": "measured", "megapixels_per_second": 0.5},
            {"runtime": "onnx", "status": "failed"},
        ],
    }
    (tmp_path / "speed.json").write_text(json.dumps(record))
    options = ("--megapixels", "3.6e6", "--pictures", "1000000", "--overhead-ms", "72")

    text = mirnet("cluster", "cost", "speed.json", *options, "--machines", "10", "--price", "0.5")
    asked = mirnet("cluster", "cost", "speed.json", *options, "--hours", "10", "--json")
    wrong = mirnet("cluster", "cost", "speed.json", *options, "--hours", "1", "--machines", "1")

    # 3.6e6 MP at 0.5 MP/s are 2000 hours, and a million times 72 ms are 20
    assert text.stdout.splitlines()[-1].split() == [
        "mnn",
        "0.50",
        "10",
        "202.0",
        "2,020.0",
        "1,010.00",
    ]
    assert json.loads(asked.stdout)["machines"] == 202
    assert wrong.returncode == 2
    (tmp_path / "speed.json").write_text("{}")
    assert "mirnet benchmark --json" in mirnet("cluster", "cost", "speed.json", *options).stderr


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        ({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8"}, (3, 8)),
        (
            {
                "SLURM_ARRAY_TASK_ID": "8",
                "SLURM_ARRAY_TASK_COUNT": "8",
                "SLURM_ARRAY_TASK_MIN": "1",
            },
            (7, 8),
        ),
        ({"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "2"}, (0, 2)),
    ],
)
def test_the_scheduler_says_which_shard(environment, shard):
    assert parse_shard("auto", environment) == shard


@pytest.mark.parametrize("name", ["slurm.sh", "ssh.sh"])
def test_example_scripts_are_valid_and_tell_their_usage(name):
    assert subprocess.run(["bash", "-n", EXAMPLES / name], check=False).returncode == 0
    done = subprocess.run([EXAMPLES / name], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"usage: {name} SOURCE TARGET" in done.stderr


@pytest.fixture
def commands(tmp_path):
    """An environment in which `mirnet` is a command, and `nowhere HOST COMMAND` runs it here."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in {
        "mirnet": f'exec {shlex.join(MIRNET)} "$@"',
        "nowhere": 'shift; exec bash -c "$*"',
    }.items():
        (programs / name).write_text(f"#!/bin/bash\n{line}\n")
        (programs / name).chmod(0o755)
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "REMOTE": "nowhere"}


def test_the_loop_over_ssh_restores_all(mirnet, photos, tmp_path, commands):
    environment = {**commands, "MIRNET_OPTIONS": "--strength 0 --runtime mnn"}
    done = subprocess.run(
        [EXAMPLES / "ssh.sh", photos, tmp_path / "my results", "host1", "host2"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(contents(tmp_path / "my results")) == 3
    assert mirnet("cluster", "verify", "my results").returncode == 0


def test_the_slurm_script_restores_its_part(photos, tmp_path, commands):
    for task in ("1", "2"):
        array = {"SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "1"}
        done = subprocess.run(
            [EXAMPLES / "slurm.sh", photos, tmp_path / "out"],
            env={**commands, **array, "SLURM_ARRAY_TASK_ID": task},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    assert len(contents(tmp_path / "out")) == 3


@pytest.mark.skipif(not importlib.util.find_spec("yaml"), reason="PyYAML is not installed")
def test_the_kubernetes_job_is_valid_and_its_command_known(mirnet, monkeypatch):
    import yaml

    found = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_text())

    spec = found["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert (found["kind"], spec["completionMode"]) == ("Job", "Indexed")
    assert int(variables["JOB_COMPLETIONS"]) == spec["completions"] == spec["parallelism"]
    known = mirnet("restore", "--help").stdout
    for word in container["command"][3:]:
        assert word.partition("=")[0] in known
