"""Dual-pixel deblurring from pairs to figures: training, validation, evaluation, restoring."""

import json
import subprocess
import sys

import numpy as np
import pytest
from dual_pixel import PUBLISHED, scene, views, write
from lightning_fabric import Fabric

from mirnet import metrics
from mirnet.errors import DataError, RecipeError
from mirnet.evaluation.evaluate import evaluate
from mirnet.models import checkpoint
from mirnet.models.mirnetv2.network import PRESETS, MIRNetV2
from mirnet.pairs import sources
from mirnet.restoration.restorer import Restorer
from mirnet.runtimes.pytorch import PyTorchRuntime
from mirnet.training import recipe, start, state, validation

LITTLE = [
    "network.width=8", "network.groups=[1]", "network.blocks_per_group=1",
    "devices=1", "stages=[{length=40, patch=32, batch=4}]", "optim.lr=2e-3", "optim.lr_min=1e-4",
    "optim.clip=1", "data.pairs=DPDD/train", "validation.pairs=DPDD/val", "validation.every=20",
]  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, with a tiny DPDD as it is published."""
    for part, names in (("train", ["1", "2", "3"]), ("val", ["4"]), ("test", ["5", "6"])):
        layout = [place.replace("test", part) for place in PUBLISHED]
        shots = [(f"P{name}0_L", f"P{name}0_R", f"P{name}1") for name in names]
        write(tmp_path / "DPDD", shots, layout=layout)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_recipe_of_the_paper_is_its():
    loaded, denoising = recipe.load("dpdd-paper"), recipe.load("sidd-paper")

    expected = PRESETS["base"]
    found = state.configuration(loaded)
    assert (found.in_channels, found.out_channels, found.residual) == (6, 3, False)
    assert (found.width, found.groups) == (expected.width, expected.groups)
    assert (found.growth, found.blocks_per_group) == (expected.growth, expected.blocks_per_group)
    assert (loaded.stages, loaded.optim) == (denoising.stages, denoising.optim)
    assert (loaded.task, loaded.data.mixup) == ("deblur", 0)


@pytest.mark.slow
def test_it_learns_to_deblur_and_the_command_measures_and_restores(here):
    """Forty steps of a small network, in 16 bits, from pairs to a picture."""
    planned = recipe.load("dpdd-paper", LITTLE)

    summary = start.train(planned, here / "run", start.Options(accelerator="cpu"))

    untrained = recipe.load("dpdd-paper", [*LITTLE, "stages=[{length=1, patch=32, batch=1}]"])
    before = start.train(untrained, here / "first", start.Options(accelerator="cpu"))
    assert summary.psnr > before.psnr + 3
    weights = checkpoint.read(here / "run" / "best.ckpt")
    assert (weights.configuration.in_channels, weights.configuration.residual) == (6, False)
    assert weights.facts["task"] == "deblur"

    def mirnet(*words):
        command = [sys.executable, "-m", "mirnet", *words, "--model", "run/best.ckpt", "--whole"]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = json.loads(mirnet("evaluate", "DPDD/val", "--json").splitlines()[-1])
    scores = told["all"]["methods"]["best"]
    assert scores["psnr"] == pytest.approx(summary.best_psnr, abs=1e-3)
    assert 0 < scores["mae"] < 1 and 0 < scores["ssim_uniform"] < 1
    views_of = ("--left", "DPDD/test_l/source/P50_L.png", "--right", "DPDD/test_r/source/P50_R.png")
    mirnet("restore", *views_of, "-o", "sharp.png")
    assert (here / "sharp.png").exists()


def test_validation_measures_two_views_and_shows_their_mean(tmp_path):
    class Right(MIRNetV2):
        """Gives the right view."""

        def forward(self, x):
            return x[:, 3:]

    network = Right(width=4, groups=(1,), blocks_per_group=1, in_channels=6, residual=False)
    pairs = sources.open(write(tmp_path, "a", size=(38, 41)), views=2)
    fabric = Fabric(accelerator="cpu", devices=1)

    scores, (sample,) = validation.measure(network, pairs, fabric, pictures=1)

    sharp = scene(38, 41)
    left, right = (view / 65535 for view in views(sharp))
    assert scores.psnr == pytest.approx(metrics.psnr(right, sharp / 65535, data_range=1), abs=1e-4)
    row = np.concatenate([(left + right) / 2, right, sharp / 65535], axis=1)
    np.testing.assert_allclose(sample.image, row * 255, rtol=0, atol=0.51)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["preset=tiny"], "takes 6 channels and gives 3; .* with preset tiny: describe one in"),
        (["network.in_channels=3"], "the task deblur takes 6 channels and gives 3; in_channels is"),
        (["data.amplify=2.0"], "it is for the noise of one picture"),
        (["data.photographs=photos"], "the task deblur learns from pairs alone"),
    ],
)
def test_recipes_of_two_views_say_so_throughout(settings, message):
    with pytest.raises(RecipeError, match=message) as caught:
        recipe.load("dpdd-paper", settings)
    assert "\n" not in str(caught.value)


def test_data_of_one_view_are_refused_before_the_first_step(here, save):
    for half in ("input", "target"):
        save(here / "plain" / half / "a.png")
    for key in ("data", "validation"):
        planned = recipe.load("dpdd-paper", [*LITTLE, f"{key}.pairs=plain"])
        with pytest.raises(DataError, match="plain holds one picture for each clean one"):
            start.open_data(planned)
    with pytest.raises(DataError, match="holds two views of each picture"):
        start.open_data(recipe.load("sidd-paper", ["data.pairs=DPDD/train"]))


def test_a_teacher_of_one_view_is_refused(here):
    planned = recipe.load("dpdd-paper", [*LITTLE, "teacher.weights=denoise"])

    with pytest.raises(
        RecipeError, match=r"teacher\.weights take 3 channels, the recipe's network 6"
    ):
        start.describe(planned, start.Options(accelerator="cpu"))


def test_an_untrained_network_of_this_kind_is_measured_in_tiles(here):
    """Evaluation opens what `torch.save` wrote, without facts of ours."""
    network = state.configuration(recipe.load("dpdd-paper", LITTLE)).network()
    checkpoint.write(checkpoint.Weights.of(network, {}), here / "six.pth")

    found = evaluate(
        [here / "DPDD" / "test"], ["six.pth"], lambda model: Restorer(PyTorchRuntime(here / model))
    )

    assert (found.overall.pairs, found.overall.failed) == (2, 0)
    assert found.overall.columns["six"].means.scores.mae is not None
