"""The link `train`: a run that breaks off half-way goes on, and one that begins anew is noticed."""

import numpy as np
import pytest
import torch

from mirnet.chain import links
from mirnet.chain.parts import Status, run
from mirnet.training import recipe, start

RECIPE = """
[network]
width = 8
groups = [1]
blocks_per_group = 1
[[stages]]
length = 3
patch = 16
batch = 2
[[stages]]
length = 4
patch = 32
batch = 1
[validation]
every = 5
"""


@pytest.fixture
def little(tmp_path, save, picture):
    """A function that makes a recipe of seven steps, with changes, on a pair."""
    clean = picture(34, 37, seed=3)
    noisy = np.clip(clean + np.random.default_rng(4).normal(0, 20, clean.shape), 0, 255)
    save(tmp_path / "pairs" / "input" / "x.png", pixels=noisy.astype(np.uint8))
    save(tmp_path / "pairs" / "groundtruth" / "x.png", pixels=clean)
    path = tmp_path / "little.toml"
    path.write_text(RECIPE)
    pairs = tmp_path / "pairs"

    def make(*settings):
        both = f"data.pairs={pairs}", f"validation.pairs={pairs}"
        return recipe.load(str(path), [*both, *settings])

    return make


def found(result):
    return {check.name: check.figure for check in result.checks if check.name != "loss"}


def test_a_run_breaks_off_and_goes_on(little, tmp_path):
    told = []

    first, second = run(links.train(little(), tmp_path / "run", told.append))

    assert (first.status, found(first)) == (Status.PASSED, {"step saved": 3})
    assert (second.status, found(second)) == (Status.PASSED, {"first step": 4, "last step": 7})
    assert second.details["steps"] == 7
    assert [words.partition("  ")[0] for words in told] == [f"step {n}/7" for n in range(1, 8)]


def test_the_weights_are_those_of_a_run_that_never_stopped(little, tmp_path):
    list(run(links.train(little(), tmp_path / "run", print)))
    start.train(little(), tmp_path / "whole", links.OPTIONS)

    one, other = (
        torch.load(tmp_path / name / "last.ckpt", weights_only=True)["ema"]
        for name in ("run", "whole")
    )
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_run_that_begins_anew_is_noticed(little, tmp_path):
    first, second = links.train(little(), tmp_path / "run", print)
    first.work()
    (tmp_path / "run" / "last.ckpt").unlink()

    (result,) = run([second])

    assert (result.status, result.reason) == (Status.FAILED, "first step 1, expected = 4")


def test_a_loss_that_diverges_breaks_the_link(little, tmp_path):
    parts = links.train(little("optim.lr=1e30"), tmp_path / "run", print)

    first, second = run(parts)

    assert (first.status, second.status) == (Status.FAILED, Status.SKIPPED)
    assert "lower optim.lr" in first.reason


def test_a_single_step_cannot_be_halved(little, tmp_path):
    parts = links.train(little("stages=[{length=1, patch=16, batch=1}]"), tmp_path / "run", print)

    first, _ = run(parts)

    assert first.reason == "a run of 1 steps cannot be interrupted half-way: use 2 or more"


def test_lengths_may_be_epochs(little, tmp_path):
    stages = "stages=[{length='6 epochs', patch=16, batch=1}]"

    results = list(run(links.train(little(stages), tmp_path / "run", print)))

    assert [found(result) for result in results] == [
        {"step saved": 3},
        {"first step": 4, "last step": 6},
    ]


def test_what_is_evaluated_is_the_best_checkpoint_or_the_last(little, tmp_path):
    list(run(links.train(little(), tmp_path / "run", print)))

    assert links.trained(tmp_path / "run").name == "best.ckpt"
    (tmp_path / "run" / "best.ckpt").unlink()
    assert links.trained(tmp_path / "run").name == "last.ckpt"
