"""The two views of a dual-pixel sensor become one picture, by the paper's network."""

import subprocess
import sys

import numpy as np
import official
import pytest
import pyvips
import torch

from mirnet.errors import ImageError, ShapeError, WeightsError
from mirnet.models.facts import Facts
from mirnet.models.mirnetv2.network import Configuration
from mirnet.restoration import folder
from mirnet.restoration import restorer as restoring
from mirnet.restoration.restorer import Restorer
from mirnet.runtimes.pytorch import PyTorchRuntime

CONFIGURATION = Configuration(width=16, groups=(1, 2, 4, 4), in_channels=6, residual=False)


class First:
    """Gives the right view, or whichever is asked for."""

    name = "first"
    facts = Facts(in_channels=6, task="deblur")

    def __init__(self, channels=slice(3, 6)):
        self._channels = channels

    def __call__(self, batch):
        return batch[:, self._channels].copy()

    def close(self):
        pass


def views(height, width, dtype=np.uint16):
    noise = np.random.default_rng(0).random((2, height, width, 3))
    return (noise * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    return official.network(CONFIGURATION).eval()


@pytest.fixture(scope="module")
def weights(theirs, tmp_path_factory):
    path = tmp_path_factory.mktemp("official") / "dual_pixel.pth"
    torch.save({"params": theirs.state_dict()}, path)
    return path


def expected(theirs, left, right):
    six = np.concatenate([left, right], axis=2).astype(np.float32) / np.float32(65535)
    with torch.inference_mode():
        return theirs(torch.from_numpy(six.transpose(2, 0, 1)[None]))[0].numpy().transpose(1, 2, 0)


def test_official_weights_give_what_the_independent_implementation_gives(theirs, weights):
    left, right = views(48, 64)

    with Restorer(PyTorchRuntime(weights), whole=True) as restorer:
        floats = (view.astype(np.float32) / np.float32(65535) for view in (left, right))
        result = restorer(*floats)

    np.testing.assert_allclose(
        result, np.clip(expected(theirs, left, right), 0, 1), rtol=0, atol=1e-5
    )


def test_the_command_takes_both_views_and_keeps_16_bits(theirs, weights, tmp_path):
    left, right = views(40, 56)
    for name, view in (("L", left), ("R", right)):
        pyvips.Image.new_from_array(view).copy(interpretation="rgb16", xres=10).write_to_file(
            str(tmp_path / f"{name}.png")
        )
    command = [sys.executable, "-m", "mirnet", "restore", "--model", str(weights)]
    options = ["--left", "L.png", "--right", "R.png", "-o", "sharp.png", "--whole"]

    done = subprocess.run(command + options, cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sharp.png  56x40")
    written = pyvips.Image.new_from_file(str(tmp_path / "sharp.png"))
    assert (written.format, written.bands, round(written.xres)) == ("ushort", 3, 10)
    whole = np.clip(expected(theirs, left, right), 0, 1)
    np.testing.assert_allclose(written.numpy() / 65535, whole, rtol=0, atol=2e-5)


def test_tiles_carry_both_views_in_place():
    left, right = views(70, 90, np.uint8)

    for channels, view in ((slice(3), left), (slice(3, 6), right)):
        result = Restorer(First(channels), tile=32, overlap=8)(left, right)
        np.testing.assert_array_equal(result, view)


def test_at_strength_0_the_result_is_the_mean_of_the_views():
    left, right = views(70, 90)

    none = Restorer(First(), strength=0.0)(left, right)
    half = Restorer(First(), strength=0.5)(left, right)

    mean = (left.astype(float) + right) / 2
    assert np.abs(none - mean).max() <= 1
    assert 0 < np.abs(half - mean).mean() < np.abs(right - mean).mean()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda view: None, "give the left and the right view"),
        (lambda view: view[1:], "no views of one picture: 90x70, uint16, RGB and 90x69"),
        (lambda view: view.astype(np.uint8), "90x70, uint16, RGB and 90x70, uint8, RGB"),
        (lambda view: view[..., :1], "90x70, uint16, grey"),
    ],
)
def test_views_that_do_not_belong_together_are_refused(other, message):
    left, right = views(70, 90)

    with pytest.raises(ImageError, match=message):
        Restorer(First()).restore(left, other(right))


def test_one_picture_is_no_pair_of_views():
    class Plain(First):
        facts = Facts()

    left, right = views(40, 40)
    with pytest.raises(ImageError, match="it takes no right view"):
        Restorer(Plain()).restore(left, right)
    with pytest.raises(ShapeError, match="leave out the self-ensemble"):
        Restorer(First(), self_ensemble=8)
    with pytest.raises(WeightsError, match="here, one picture is restored"):
        restoring.check(First.facts, is_plain=True)


def test_folders_of_views_are_matched_by_name(tmp_path, save):
    for half in ("left", "right"):
        for name in ("a", "b"):
            save(tmp_path / half / f"{name}.png")
    jobs = folder.plan([tmp_path / "left"], tmp_path / "out")

    paired = folder.pair_views(jobs, tmp_path / "right")

    assert [job.right for job in paired] == [tmp_path / "right" / f"{n}.png" for n in "ab"]
    with pytest.raises(ImageError, match="there are 2 left views"):
        folder.pair_views(jobs, tmp_path / "right" / "a.png")
    with pytest.raises(ImageError, match="is the left view and the right one"):
        folder.pair_views(jobs, tmp_path / "left")
    (tmp_path / "right" / "b.png").unlink()
    with pytest.raises(ImageError, match="has no right view"):
        folder.pair_views(jobs, tmp_path / "right")
