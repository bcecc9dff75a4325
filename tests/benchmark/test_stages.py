"""What is measured is what restoring does."""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mirnet import runtimes
from mirnet.benchmark.clock import STAGES
from mirnet.benchmark.job import Trial
from mirnet.benchmark.stages import Bench
from mirnet.pictures import pixels
from mirnet.restoration.restorer import Restorer


@pytest.fixture
def job(tmp_path, save):
    source = save(tmp_path / "noisy.png", 50, 90)
    return Trial(
        model="denoise-print",
        runtime="mnn",
        device="cpu",
        threads=1,
        tile=64,
        overlap=8,
        batch=None,
        source=str(source),
        target=str(tmp_path / "restored.png"),
    )


def test_a_job_survives_being_sent(job):
    line = replace(job, model='a "model"\nü').line()

    assert "\n" not in line
    assert Trial.of(line) == replace(job, model='a "model"\nü')


def test_the_file_is_the_one_that_restoring_writes(job, load, tmp_path):
    bench = Bench(job)
    times = bench.run()

    with Restorer(
        runtimes.open("denoise-print", threads=1, runtime="mnn"), tile=64, overlap=8
    ) as restorer:
        _, tally, _ = restorer.file(job.source, tmp_path / "expected.png")
    np.testing.assert_array_equal(load(job.target), load(tmp_path / "expected.png"))
    assert (times.tiles, times.tiles_kept) == (tally.tiles, 0)
    assert times.tiles > 1
    assert set(times.seconds) == set(STAGES)
    assert min(times.seconds.values()) > 0
    assert sum(times.seconds.values()) == pytest.approx(times.whole, rel=0.1, abs=0.02)
    assert sum(times.seconds.values()) <= times.whole


def test_a_batch_is_what_the_network_makes_of_the_whole_pictures(job, save, load):
    job = replace(job, batch=3)
    save(Path(job.source), 32, 48)
    bench = Bench(job)
    times = bench.run()

    noisy = pixels.to_float(load(Path(job.source))).transpose(2, 0, 1)[None]
    with closing(runtimes.open("denoise-print", threads=1, runtime="mnn")) as runtime:
        restored = runtime(np.repeat(noisy, 3, axis=0))
    expected = np.rint(np.clip(restored[2].transpose(1, 2, 0), 0, 1) * 255)
    np.testing.assert_array_equal(load(Path(job.target)), expected)
    assert set(times.seconds) == {*STAGES} - {"tiling"}
    assert min(times.seconds.values()) > 0
    assert sum(times.seconds.values()) == pytest.approx(times.whole, rel=0.1, abs=0.02)
    assert times.tiles == 0


def test_the_times_of_a_batch_are_those_of_one_of_its_pictures(job, save):
    save(Path(job.source), 32, 32)
    started = time.perf_counter()
    times = Bench(replace(job, batch=8)).run()
    took = time.perf_counter() - started

    assert 8 * times.whole <= took
