"""One call measures what the command measures."""

import csv
import json
import subprocess
import sys

import pytest

import mirnet
from mirnet.errors import DataError


@pytest.fixture
def pairs(save, picture, tmp_path):
    """Two pairs of small pictures."""
    for number in range(2):
        for half, seed in (("noisy", 5 * number), ("clean", 5 * number + 1)):
            save(tmp_path / "pairs" / half / f"{number}.png", pixels=picture(48, 64, seed=seed))
    return tmp_path / "pairs"


def test_it_measures_what_the_command_measures(pairs, tmp_path):
    options = {"runtime": "mnn", "threads": 1}

    found = mirnet.evaluate(pairs, "denoise-print", csv=tmp_path / "scores.csv", **options)

    arguments = ["--model", "denoise-print", "--runtime", "mnn", "--threads", "1", "--json"]
    told = subprocess.run(
        [sys.executable, "-m", "mirnet", "evaluate", pairs, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    means = json.loads(told.stdout.splitlines()[-1])["all"]
    scores = found.overall.columns["denoise-print"].means.scores
    assert means["methods"]["denoise-print"]["psnr"] == scores.psnr
    assert means["input"]["ssim_y"] == found.overall.columns["input"].means.scores.ssim_y
    assert [result.name for result in found.results] == ["0", "1"]
    with (tmp_path / "scores.csv").open() as file:
        assert [row["method"] for row in csv.DictReader(file)] == 2 * ["input", "denoise-print"]


def test_what_cannot_be_measured_is_refused_before_anything_is_written(pairs, tmp_path):
    with pytest.raises(DataError, match="is given twice"):
        mirnet.evaluate([pairs, pairs], csv=tmp_path / "scores.csv")
    assert not (tmp_path / "scores.csv").exists()
