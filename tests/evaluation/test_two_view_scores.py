"""Models of two views are measured as papers on dual-pixel deblurring do, in 16 bits."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from dual_pixel import scene, views, write
from scipy.io import savemat
from skimage.metrics import structural_similarity

from mirnet.cli import scores_output
from mirnet.cluster import scoring
from mirnet.cluster.places import open_place
from mirnet.errors import DataError
from mirnet.evaluation.evaluate import evaluate
from mirnet.evaluation.method import INPUT
from mirnet.evaluation.scores import PROTOCOLS
from mirnet.models.facts import Facts
from mirnet.pictures import pixels
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Right:
    """Gives the right view."""

    name = "right"
    facts = Facts(in_channels=6, task="deblur")

    def __call__(self, batch):
        return batch[:, 3:].copy()

    def close(self):
        pass


def open_right(model):
    """The first of the bundled models takes two views here, the other one picture."""
    return Restorer(Right() if model == "denoise" else EchoRuntime())


@pytest.fixture
def folders(tmp_path):
    write(tmp_path / "indoor", "ab")
    write(tmp_path / "outdoor", "c", size=(40, 52))
    return [tmp_path / "indoor", tmp_path / "outdoor"]


def test_scores_are_those_of_the_field_in_16_bits(folders):
    """As the official script for this task computes them, with scikit-image."""
    found = evaluate(folders, ["denoise"], open_right)

    sharp = scene(48, 64)
    left, right = (pixels.to_float(view) for view in views(sharp))
    truth = pixels.to_float(sharp)
    first = found.results[0]
    for scores, picture in (
        (first.outcomes["denoise"].scores, right),
        (first.input, (left + right) / 2),
    ):
        mse = np.mean((picture.astype(float) - truth) ** 2)
        assert scores.psnr == pytest.approx(-10 * np.log10(mse), abs=1e-4)
        expected = structural_similarity(picture, truth, data_range=1, channel_axis=-1)
        assert scores.ssim_uniform == pytest.approx(expected, abs=1e-5)
        assert scores.mae == pytest.approx(abs(picture - truth).mean(), abs=1e-6)


def test_the_parts_of_a_test_set_and_all_of_it_have_means(folders, tmp_path):
    found = evaluate(
        folders, ["denoise"], open_right,
        csv=tmp_path / "s.csv", report=tmp_path / "s.html", save_images=tmp_path / "out",
    )  # fmt: skip

    figures = [result.outcomes["denoise"].scores.mae for result in found.results]
    parts = [found.summaries[folder] for folder in folders]
    means = [each.columns["denoise"].means.scores.mae for each in (*parts, found.overall)]
    assert means == pytest.approx([np.mean(figures[:2]), figures[2], np.mean(figures)])
    text = scores_output.text(found.methods, found.summaries, found.overall)
    assert text.splitlines()[0].split()[-4:] == ["SSIM-uni", "MAE", "s/MP", "params"]
    assert "all: 3 pairs" in text
    told = json.loads(scores_output.json_means(found.methods, found.summaries, found.overall))
    assert told["all"]["methods"]["denoise"]["mae"] == means[2]
    with (tmp_path / "s.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == "denoise"]
    assert [float(row["mae"]) for row in rows] == figures
    assert "SSIM-uni" in (tmp_path / "s.html").read_text()
    assert (tmp_path / "out" / "outdoor" / "c.png").exists()


def test_pairs_of_one_picture_have_no_such_columns(tmp_path, save, picture):
    for half in ("input", "target"):
        save(tmp_path / half / "a.png", pixels=picture(40, 40, seed=len(half)))

    found = evaluate([tmp_path], ["denoise-tiny"], open_right, report=tmp_path / "s.html")

    scores = found.overall.columns[INPUT].means.scores
    assert (scores.lpips, scores.ssim_uniform, scores.mae) == (None, None, None)
    heading = scores_output.text(found.methods, found.summaries, found.overall).splitlines()[0]
    assert not {"SSIM-uni", "MAE", "LPIPS"} & set(heading.split())
    assert PROTOCOLS["mae"] not in (tmp_path / "s.html").read_text()


def test_parts_that_several_processes_measure_have_the_same_scores(folders, tmp_path):
    pytest.importorskip("pyarrow")
    alone = evaluate(folders, ["denoise"], open_right)

    for shard in range(2):
        share = scoring.evaluate(
            folders, ["denoise"], open_right, open_place(str(tmp_path / "rows")), (shard, 2),
            options={},
        )  # fmt: skip

    assert share.missing == 0
    for ours, theirs in zip(share.evaluation.results, alone.results, strict=True):
        outcome = replace(theirs.outcomes["denoise"], seconds=0.0)
        assert replace(ours.outcomes["denoise"], seconds=0.0) == outcome


def test_models_and_pairs_of_other_views_are_refused(folders, tmp_path, save):
    with pytest.raises(DataError, match="indoor holds two views of each picture"):
        evaluate(folders, ["denoise-tiny"], open_right)
    for half in ("input", "target"):
        save(tmp_path / "one" / half / "a.png")
    with pytest.raises(DataError, match="one holds one picture for each clean one"):
        evaluate([tmp_path / "one"], ["denoise"], open_right)
    with pytest.raises(DataError, match=r"denoise takes two views .*, and denoise-tiny one"):
        evaluate(folders, ["denoise", "denoise-tiny"], open_right)
    with pytest.raises(DataError, match="denoise takes two views of a picture, and nlm one"):
        evaluate(folders, ["denoise"], open_right, baselines=["nlm"])
    blocks = np.zeros((1, 1, 16, 16, 3), np.uint8)
    (tmp_path / "SIDD").mkdir()
    for name in ("ValidationNoisyBlocksSrgb", "ValidationGtBlocksSrgb"):
        savemat(tmp_path / "SIDD" / f"{name}.mat", {name: blocks})
    with pytest.raises(DataError, match="no pairs of two views"):
        evaluate([tmp_path / "SIDD"], ["denoise"], open_right)


def test_a_pair_that_does_not_belong_together_is_reported_and_the_others_go_on(folders, save):
    save(folders[0] / "inputR" / "b.png", 48, 60)

    found = evaluate(folders[:1], ["denoise"], open_right)

    assert (found.overall.pairs, found.overall.failed) == (1, 1)
    assert "inputR/b.png" in found.results[1].error
