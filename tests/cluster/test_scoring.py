"""Evaluation in shards gives what one process gives."""

import json
from functools import partial

import pytest

pytest.importorskip("safetensors", reason='needs the extra train: pip install "mirnet[train]"')

from mirnet import api
from mirnet.cli import scores_output
from mirnet.cluster import manifest, scoring
from mirnet.cluster.buckets import BUCKETS
from mirnet.cluster.places import open_place
from mirnet.errors import DataError
from mirnet.evaluation.evaluate import evaluate

OPTIONS = {"runtime": "mnn", "strength": 0.5}
LOAD = partial(api.load, threads=1, **OPTIONS)
FIGURES = -20
"""Characters of a line of the table that hold time and parameters."""


@pytest.fixture
def data(tmp_path, save, picture):
    """Two folders of pairs, one pair of them equal, one damaged."""
    for number in range(7):
        folder = tmp_path / ("a" if number < 4 else "b")
        noisy, clean = picture(24, 32, seed=number), picture(24, 32, seed=number) // 2
        save(folder / "input" / f"{number}.png", pixels=noisy)
        save(folder / "groundtruth" / f"{number}.png", pixels=noisy if number == 3 else clean)
    (tmp_path / "b" / "input" / "6.png").write_bytes(b"nonsense")
    return [tmp_path / "a", tmp_path / "b"]


def share(data, target, shard, **options):
    place = open_place(str(target))
    options = {"options": OPTIONS, "baselines": ["input"]} | options
    return scoring.evaluate(data, ["denoise-print"], LOAD, place, shard, **options)


def table(found):
    """The printed table without times."""
    text = scores_output.text(found.methods, found.summaries, found.overall)
    return [line[:FIGURES] if line.startswith("  denoise") else line for line in text.splitlines()]


def rows(target):
    place = open_place(str(target))
    found = {}
    for bucket in range(BUCKETS):
        found |= manifest.read(place, bucket)
    return found


@pytest.mark.parametrize("order", [(0,), (2, 0, 1)])
def test_shards_in_any_order_give_the_means_of_one_process(data, tmp_path, order):
    alone = evaluate(data, ["denoise-print"], LOAD)

    found = [share(data, tmp_path / "out", (number, len(order))) for number in order]

    assert [each.missing > 0 for each in found] == [True] * (len(order) - 1) + [False]
    last = found[-1].evaluation
    assert table(last) == table(alone)
    assert len(table(last)) == 10
    assert scores_output.left_out(last.overall) == scores_output.left_out(alone.overall)
    for name, column in alone.overall.columns.items():
        assert last.overall.columns[name].means == column.means
    assert [each.name for each in last.results] == [each.name for each in alone.results]


def test_rows_tell_the_scores_and_what_failed(data, tmp_path):
    found = share(data, tmp_path / "out", (0, 1)).evaluation.results

    written = rows(tmp_path / "out")
    assert sorted(written) == sorted(f"{each.folder}/{each.name}" for each in found)
    for each in found[:6]:
        row, scores = written[f"{each.folder}/{each.name}"], each.outcomes["denoise-print"].scores
        assert (row.status, row.psnr, row.ssim) == ("done", scores.psnr, scores.ssim)
        assert row.megapixels == 24 * 32 / 1e6
        assert row.seconds > 0
    bad = written[f"{found[6].folder}/{found[6].name}"]
    assert (bad.status, bad.psnr, bad.error) == ("failed", None, found[6].error)


def test_only_what_failed_or_changed_is_measured_again(data, tmp_path, save, picture):
    share(data, tmp_path / "out", (0, 1))
    before = rows(tmp_path / "out")
    save(data[1] / "input" / "6.png", pixels=picture(24, 32, seed=9))
    save(data[0] / "input" / "0.png", pixels=picture(24, 32, seed=8))

    found = share(data, tmp_path / "out", (0, 1))

    after = rows(tmp_path / "out")
    assert {name for name in after if after[name] != before[name]} == {
        f"{data[0]}/0",
        f"{data[1]}/6",
    }
    assert found.evaluation.overall.failed == found.missing == 0
    assert table(found.evaluation) == table(evaluate(data, ["denoise-print"], LOAD))


def test_other_options_and_jobs_are_refused(data, tmp_path, work, photos):
    share(data[:1], tmp_path / "out", (0, 2))
    work(photos, tmp_path / "job")

    with pytest.raises(DataError, match="other data, models or options"):
        share(data[:1], tmp_path / "out", (0, 2), options=OPTIONS | {"strength": 1.0})
    with pytest.raises(DataError, match="holds a job"):
        share(data[:1], tmp_path / "job", (0, 2))
    with pytest.raises(DataError, match="an evaluation in shards"):
        work(photos, tmp_path / "out", overwrite=True)
    assert "evaluation" in json.loads((tmp_path / "out" / ".mirnet" / "job.json").read_text())
