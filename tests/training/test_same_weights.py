"""What the machine decides does not change the weights: workers, parts, recomputing, compiling."""

import shutil
from pathlib import Path

import pytest
import torch

from mirnet.errors import ImageError, RecipeError
from mirnet.training import checkpoint, loader, start
from mirnet.training.samples.request import Request
from mirnet.training.start import Options

STAGES = "stages=[{length=3, patch=32, batch=4}]"
PAIRS = ['data.photographs=""', "data.pairs=pairs"]


def train(planned, output="run", **options):
    last = start.train(planned, Path(output), Options(accelerator="cpu", **options)).last
    return checkpoint.load(last)


def assert_close(one, other, tolerance):
    for name, tensor in one["network"].items():
        torch.testing.assert_close(other["network"][name], tensor, atol=tolerance, rtol=0)


def test_workers_bring_the_same_batches_in_the_same_order(plan):
    data, _ = start.open_data(plan("data.pairs=pairs", "data.real_share=0.5"))
    requests = [Request(first, 3, 16, mixes=False) for first in (0, 3, 6, 9, 12)]

    alone = list(loader.load(data, requests, workers=0, pin=False))
    helped = list(loader.load(data, requests, workers=2, pin=False))

    assert len(alone) == len(helped) == 5
    for one, other in zip(alone, helped, strict=True):
        assert type(one) is type(other)
        assert (one.patch, one.seed) == (other.patch, other.seed)
        for name in ("noisy", "clean", "scenes", "resized_scenes", "is_clean", "kinds"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_an_error_in_a_worker_is_the_one_that_is_told(plan, here):
    data, _ = start.open_data(plan(*PAIRS))
    (here / "pairs" / "input" / "x.png").write_bytes(b"no picture any more")

    with pytest.raises(ImageError, match=r"x\.png cannot be read"):
        next(iter(loader.load(data, [Request(0, 1, 16)], workers=1, pin=False)))


def test_a_batch_in_parts_gives_the_weights_of_a_whole_one(plan):
    whole = train(plan(STAGES, *PAIRS), "whole")

    parts = train(plan(STAGES.replace("batch=4", "batch=4, accumulate=2"), *PAIRS), "parts")

    assert_close(whole, parts, 1e-6)


def test_recomputing_gives_the_same_weights(plan):
    assert_close(
        train(plan(STAGES, *PAIRS), "kept"),
        train(plan(STAGES, *PAIRS, "recompute=true"), "re"),
        1e-7,
    )


COMPILED = """
import sys
from pathlib import Path
from mirnet.training import recipe, start

planned = recipe.load("little.toml", sys.argv[1:])
start.train(planned, Path("compiled"), start.Options(accelerator="cpu"))
"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="compiling for the CPU needs g++")
def test_compiling_gives_the_same_weights(plan, python):
    """In a process of its own, where no types are checked: the compiler cannot follow that."""
    stages = "stages=[{length=2, patch=16, batch=1}]"
    eager = train(plan(stages, *PAIRS), "eager")

    done = python(COMPILED, stages, *PAIRS, "compile=true")

    assert done.returncode == 0, done.stderr
    compiled = checkpoint.load(Path("compiled/last.ckpt"))
    assert compiled["network"].keys() == eager["network"].keys()
    assert_close(eager, compiled, 1e-5)


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_lower_precision_trains_and_keeps_its_state(plan, precision):
    if precision == "16-mixed" and not torch.cuda.is_available():
        pytest.skip("float16 with its scaler is for GPUs")
    whole = train(plan(STAGES, *PAIRS, f"precision={precision}"))

    assert whole["step"] == 3
    assert all(tensor.dtype == torch.float32 for tensor in whole["network"].values())


def test_a_run_goes_on_from_a_checkpoint_elsewhere(plan):
    planned = plan(*PAIRS)
    first = train(planned, "first")
    Path("kept").mkdir()
    shutil.copy("first/last.ckpt", "kept/best.ckpt")

    gone_on = train(planned, "second", resume=Path("kept/best.ckpt"))

    assert gone_on["step"] == first["step"]
    assert_close(first, gone_on, 0)


def test_other_stages_than_the_run_began_with_are_refused(plan):
    train(plan(*PAIRS))

    with pytest.raises(
        RecipeError, match=r"10 samples in 6 steps, where this plan would have seen"
    ):
        train(plan(*PAIRS, "stages=[{length=9, patch=16, batch=4}]"))


def test_a_run_is_made_longer_by_a_longer_last_stage(plan):
    train(plan(*PAIRS, "stages=[{length=3, patch=16, batch=2}]"))

    longer = train(plan(*PAIRS, "stages=[{length=5, patch=16, batch=2}]"))

    assert longer["step"] == 5
