"""The campaign of hostile input: a part of it, and that it sees what it looks for."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")
pytest.importorskip("cv2")
pytest.importorskip("tifffile")

import trouble

from hostile import commands, damage, materials, pictures, strict, tally, weights, workers
from hostile.verdict import Verdict

ROOT = Path(__file__).parents[2]
SEED = 1

OPEN = {
    ("silent damage", "pictures"): "decoders skip some damage to headers, and LZW without an end",
}
"""Findings by kind, and kind of case, that are known and not cured yet."""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Where the campaign keeps its files."""
    return tmp_path_factory.mktemp("abuse")


@pytest.fixture(scope="module")
def folder(work):
    """The tiny network in all formats, made once for all tests."""
    materials.make(work / "materials")
    return work / "materials"


def abuse(work, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, ROOT / "experiments" / "abuse.py", "--work", work, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
def test_a_part_of_the_campaign_finds_nothing_new(work, folder):
    counts = {"pictures": 60, "weights": 4, "kills": 1, "options": 3, "surroundings": 1}
    words = [word for kind, count in counts.items() for word in (f"--{kind}", str(count))]
    process = abuse(work, *words, "--seed", str(SEED), "--jobs", "2")
    out, err = process.communicate(timeout=1200)

    lines = (work / f"seed-{SEED}" / "results.jsonl").read_text().splitlines()
    verdicts = [Verdict(**json.loads(line)) for line in lines]
    tried = {kind: sum(each.kind == kind for each in verdicts) for kind in counts}
    assert tried == counts, err
    new = [
        (finding, verdict.kind, verdict.number, seen)
        for verdict in verdicts
        for finding, seen in verdict.findings.items()
        if (finding, verdict.kind) not in OPEN
    ]
    assert not new, tally.findings(verdicts, SEED)
    assert process.returncode == any(verdict.findings for verdict in verdicts)
    assert f"| pictures | **all** | {counts['pictures']} |" in out
    outcomes = {verdict.outcome for verdict in verdicts if verdict.kind == "pictures"}
    assert outcomes == {"restored", "refused"}


def test_the_next_run_goes_on_where_one_was_interrupted(work, folder):
    process = abuse(work, "--pictures", "3000", "--seed", "7", "--jobs", "1")
    results = work / "seed-7" / "results.jsonl"
    while not (results.exists() and results.read_text().count("\n") > 5):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    before = results.read_text()

    assert "| pictures | **all** |" in out
    assert "Traceback" not in err
    count = before.count("\n")
    assert count < 3000
    _, err = abuse(work, "--pictures", str(count + 5), "--seed", "7").communicate(timeout=120)
    assert results.read_text().startswith(before), err
    numbers = [json.loads(line)["number"] for line in results.read_text().splitlines()]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) >= set(range(count + 5))


@pytest.mark.parametrize("name", pictures.bases())
def test_undamaged_pictures_are_whole_to_the_strict_decoders(name):
    assert strict.damage(pictures.bases()[name][1]) is None


KNOWING = [
    *("JPEG baseline", "PNG 8 bit, RGB", "PNG 16 bit, grey", "WebP lossless"),
    *("TIFF strips deflate", "TIFF tiles deflate", "TIFF tiles lzw", "TIFF strips packbits"),
]


@pytest.mark.parametrize("name", KNOWING)
def test_strict_decoders_see_a_piece_that_is_missing(name):
    content = pictures.bases()[name][1]
    middle = len(content) // 2

    assert strict.damage(content[:middle] + content[middle + 40 :])


@pytest.mark.parametrize("layout", ["strips", "tiles"])
def test_strict_decoders_see_every_flipped_byte_of_deflated_tiffs(layout):
    content = pictures.bases()[f"TIFF {layout} deflate"][1]
    first = content.index(b"\x78")  # of a stream of zlib
    stream = zlib.decompressobj()
    stream.decompress(content[first:])
    for place in range(first + 2, len(content) - len(stream.unused_data), 97):
        flipped = content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]
        assert strict.damage(flipped), place


def test_cases_are_functions_of_seed_and_number(folder):
    for number in range(12):
        assert pictures.mutated(3, number) == pictures.mutated(3, number)
        assert weights.mutated(folder, 3, number) == weights.mutated(folder, 3, number)
    assert pictures.mutated(3, 1) != pictures.mutated(4, 1)


@pytest.mark.parametrize("damaging", dict.fromkeys(damage.ALL))
def test_damage_changes_a_file(damaging):
    content = bytes(range(1, 256)) * 4
    changed = [damaging(content, random.Random(seed)) != content for seed in range(20)]
    assert sum(changed) >= 18  # a byte may be set to what it was


def test_a_worker_that_is_lost_is_a_finding_and_is_replaced(tmp_path):
    worker = workers.Worker("trouble", trouble.Troubled, tmp_path, tmp_path / "place")
    found = []
    for number in (0, 1, 2, 3, 0):
        seconds = 2 if number == 2 else 60  # of which 2 alone, the one that hangs, takes all
        verdict = worker.attempt(SEED, number, "all", seconds=seconds, most=200_000_000)
        found.append((verdict.outcome, list(verdict.findings)))
    worker.close()

    assert found == [
        ("restored", []),
        ("lost", ["crash"]),
        ("lost", ["hang"]),
        ("lost", ["memory"]),
        ("restored", []),
    ]


@pytest.mark.parametrize(
    ("code", "err", "finding"),
    [
        (1, "", "no reason"),
        (2, "mirnet: no such file", None),
        (-11, "", "crash"),
        (120, "mirnet: lost", "crash"),
        (
            1,
            'Traceback (most recent call last):\n File "/mirnet/a.py"\nmirnet: ValueError',
            "traceback",
        ),
    ],
)
def test_ends_of_commands_are_judged(code, err, finding):
    verdict = Verdict("options", 0, "restore")
    commands.judge(verdict, commands.Done(code, b"", err, 1.0))

    assert list(verdict.findings) == ([finding] if finding else [])


def test_files_that_are_cut_off_are_half_written(tmp_path):
    materials.save(tmp_path / "whole.png", 40, 40)
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-500])
    (tmp_path / "cut.csv").write_text("a,b\n1")

    assert commands.broken(tmp_path / "whole.png") is None
    assert commands.broken(tmp_path / "cut.png")
    assert commands.broken(tmp_path / "cut.csv")


def test_the_table_counts_and_findings_name_their_command():
    verdicts = [
        Verdict("pictures", 4, "PNG 8 bit", "restored", {"silent damage": "checksum of b'IDAT'"}),
        Verdict("pictures", 5, "PNG 8 bit", "refused"),
    ]
    header, _, whole, _ = tally.table(verdicts).splitlines()
    row = dict(zip(header.split(" | "), whole.split(" | "), strict=True))

    assert (row["tried"], row["restored"], row["refused"]) == ("2", "1", "1")
    assert row["findings |"] == "silent damage 1 |"
    assert "--case pictures:4 --seed 9" in tally.findings(verdicts, 9)
