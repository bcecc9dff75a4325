"""The loop on real, small data: it learns, measures, keeps the best, and says what is wrong."""

import math
import re
import signal
import threading
from pathlib import Path

import pytest
import torch

from mirnet import metrics
from mirnet.errors import DataError, RecipeError, WeightsError
from mirnet.models import catalog
from mirnet.models import checkpoint as weights
from mirnet.models.mirnetv2.network import TINY, Configuration
from mirnet.pairs import sources
from mirnet.training import checkpoint, interruption, logs, loop, recipe, start, state, table
from mirnet.training.start import Options

CPU = torch.device("cpu")
VALIDATED = "validation.pairs=pairs"


def train(planned, output="run", **options):
    """The checkpoint that a run ends with, and what was observed on the way."""
    seen = []
    options = Options(accelerator="cpu", **options)
    last = start.train(planned, Path(output), options, observe=seen.append).last
    return checkpoint.load(last), seen


@pytest.mark.parametrize("loss", recipe.LOSSES)
def test_it_learns(plan, loss):
    """One real pair, again and again: from the noisy picture to a visibly better one."""
    settings = [
        "data.pairs=pairs", "data.real_share=1", 'data.photographs=""', VALIDATED,
        "validation.every=25", "optim.lr=6e-3", "optim.ema=0.9", f"optim.loss={loss}",
        "stages=[{length=150, patch=32, batch=1}]",
    ]  # fmt: skip
    noisy, clean = sources.open(Path("pairs")).whole(0)
    before = metrics.psnr(noisy, clean, data_range=255)

    state, seen = train(plan(*settings))

    first, last = seen[0].loss, seen[-1].loss
    assert last < (0.7 * first if loss == "charbonnier" else first - 3)  # dB
    assert state["best"] > before + 2


def test_the_loss_heeds_shadows_as_the_recipe_says(plan, recording):
    calls = recording(loop, "minus_psnr")

    train(plan("optim.loss=psnr", "optim.shadows=7"))

    assert {shadows for _, _, shadows in calls} == {7.0}


def test_of_a_teacher_of_the_same_weights_there_is_nothing_to_learn(plan):
    state, _ = train(plan(), "first")
    start_from = "weights=first/last.ckpt"
    settings = [start_from, "optim.charbonnier=0", "optim.ema=0", "optim.weight_decay=0"]
    _, alone = train(plan(*settings), "alone")

    losses = {}
    for share in (0, 0.25, 1):
        teacher = ["teacher.weights=first/last.ckpt", f"teacher.share={share}"]
        taught, seen = train(plan(*settings, *teacher), f"taught{share}")
        losses[share] = seen[0].loss

    assert alone[0].loss > 0
    assert losses == pytest.approx({0: alone[0].loss, 0.25: 0.75 * alone[0].loss, 1: 0}, rel=1e-6)
    for name, tensor in taught["network"].items():
        assert torch.equal(tensor, state["ema"][name])


def test_a_teacher_may_be_of_another_network(plan):
    wider = ["network={width=12, groups=[1], blocks_per_group=1}"]
    train(plan(*wider), "teacher")

    _, alone = train(plan(), "alone")
    state, taught = train(plan("teacher.weights=teacher/last.ckpt"), "taught")

    assert taught[-1].loss != alone[-1].loss
    assert state["facts"]["recipe"]["teacher"] == {"weights": "last.ckpt", "share": 0.5}


def test_every_step_is_observed_with_its_stage(plan):
    _, seen = train(plan(VALIDATED))

    assert [(s.step, s.plan.steps, s.plan.phase(s.step - 1).patch) for s in seen] == [
        (1, 6, 16), (2, 6, 16), (3, 6, 16), (4, 6, 16), (5, 6, 32), (6, 6, 32),
    ]  # fmt: skip
    assert all(s.scores for s in seen)  # what it begins with is measured, too
    assert all(math.isfinite(s.loss) and s.patches_per_second > 0 for s in seen)
    assert [s.lr for s in seen[:3]] == [5e-4, 1e-3, 1e-3]


def test_what_is_logged_advances_with_the_steps_and_the_best_is_kept(plan):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    state, _ = train(plan(VALIDATED, "validation.every=4"))

    events = accumulator.EventAccumulator("run/logs")
    events.Reload()
    for name in ("training/loss", "training/lr", "training/patches_per_second"):
        assert [event.step for event in events.Scalars(name)] == [1, 2, 3, 4, 5, 6]
    scores = {event.step: event.value for event in events.Scalars("validation/psnr")}
    assert list(scores) == [0, 4, 6]  # the first weights and the last are always measured
    assert state["best"] == pytest.approx(max(scores.values()), abs=1e-4)
    best = checkpoint.load(Path("run") / loop.BEST)
    assert best["step"] == max(scores, key=scores.get)
    assert best["best"] == state["best"]


def test_a_point_is_the_mean_of_the_steps_since_the_one_before(plan, monkeypatch):
    train(plan(), "each")
    monkeypatch.setattr(logs, "is_due", lambda step: step in (2, 5))
    train(plan(), "some")

    each, some = (table.read(Path(name) / "metrics.csv") for name in ("each", "some"))
    losses = [row.values["loss"] for row in each]
    assert len(losses) == 6
    assert {row.step: row.values["loss"] for row in some} == pytest.approx(
        {2: sum(losses[:2]) / 2, 5: sum(losses[2:5]) / 3}
    )


def test_a_line_is_logged_now_and_then(plan, monkeypatch, caplog):
    monkeypatch.setattr(loop, "LOG_EVERY", 3)

    with caplog.at_level("INFO", logger="mirnet"):
        start.train(plan("validation.every=1000"), Path("run"), Options(accelerator="cpu"))

    first, second, third = caplog.messages
    assert re.fullmatch(r"step 1/6  loss 0\.\d{5}  lr 5\.00e-04  \d+\.\d patches/s", first)
    assert second.startswith("step 3/6  ")
    assert third.startswith("step 6/6  ")


def lost(loss, restored):
    return loss * math.nan


def steep(loss, restored):
    """The same value with a gradient that is no number."""
    return loss + (restored * 0).sqrt().mean()


@pytest.mark.parametrize("clip", [0, 1])
@pytest.mark.parametrize(("harm", "what"), [(lost, "loss is nan"), (steep, "gradient's norm is")])
def test_a_run_that_diverges_ends_before_it_spoils_the_checkpoint(
    plan, monkeypatch, harm, what, clip
):
    charbonnier, calls = loop.charbonnier, []

    def poisoned(restored, clean, epsilon):
        calls.append(epsilon)
        loss = charbonnier(restored, clean, epsilon)
        return harm(loss, restored) if len(calls) > 3 else loss

    monkeypatch.setattr(loop, "charbonnier", poisoned)

    with pytest.raises(loop.DivergedError, match=rf"the {what}.* at step 3: lower"):
        train(plan(f"optim.clip={clip}", "save_every=1"))

    state = checkpoint.load(Path("run") / loop.LAST)
    assert state["step"] == 3
    for kind in ("network", "ema"):
        assert all(tensor.isfinite().all() for tensor in state[kind].values())


def test_the_gradient_is_clipped_to_its_greatest_norm(plan, monkeypatch):
    norms = []
    step = torch.optim.AdamW.step

    def measured(self, *args, **options):
        grads = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(torch.cat([g.flatten() for g in grads]).norm().item())
        return step(self, *args, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", measured)
    train(plan("optim.clip=1e-3"), "clipped")
    train(plan("optim.clip=0"), "free")

    clipped, free = norms[:6], norms[6:]
    assert clipped == pytest.approx([1e-3] * 6, rel=1e-2)
    assert min(free) > 2e-3


def test_the_first_weights_are_measured_as_they_are(plan):
    """They are the best ones where training makes them worse."""
    train(plan(VALIDATED), "first")
    first = weights.read("first/last.ckpt")

    settings = [
        VALIDATED,
        "weights=first/last.ckpt",
        "optim.lr=0.05",
        "optim.clip=0",
        "optim.ema=0",
    ]
    state, seen = train(plan(*settings), "second")

    best = weights.read("second/best.ckpt")
    assert all(torch.equal(best.tensors[name], first.tensors[name]) for name in first.tensors)
    assert (state["best_step"], state["best"]) == (
        0,
        checkpoint.load(Path("first/last.ckpt"))["scores"][0],
    )
    assert seen[-1].scores.psnr < state["best"]


def test_without_validation_there_is_no_best_and_the_summary_says_so(plan):
    done = start.train(plan(), Path("run"), Options(accelerator="cpu"))

    assert done.best is None
    assert str(done).splitlines()[-1].strip() == "no best.ckpt: it needs validation.pairs"
    assert not Path("run/best.ckpt").exists()
    with pytest.raises(
        WeightsError, match=r"no run/best\.ckpt, only run/last\.ckpt: the run had no"
    ):
        catalog.file("run/best.ckpt")


def test_a_run_that_goes_on_elsewhere_has_a_best_there(plan):
    train(plan(VALIDATED), "first")

    train(plan(VALIDATED), "second", resume=Path("first/last.ckpt"))

    assert checkpoint.load(Path("second/best.ckpt"))["best_step"] == 6


def test_validation_that_is_asked_for_later_begins_with_what_is_there(plan):
    train(plan("stages=[{length=4, patch=16, batch=2}]"))

    train(plan(VALIDATED, "stages=[{length=4, patch=16, batch=2}]"))

    assert checkpoint.load(Path("run/best.ckpt"))["best_step"] == 4


def test_a_checkpoint_is_read_as_weights_with_the_averages(plan):
    state, _ = train(plan())

    read = weights.read("run/last.ckpt")

    assert read.configuration == Configuration(width=8, groups=(1,), blocks_per_group=1)
    assert read.facts["task"] == "denoise"
    assert read.facts["recipe"]["stages"][1] == {
        "length": "2 steps",
        "patch": 32,
        "batch": 1,
        "accumulate": 1,
    }
    assert read.facts["recipe"]["data"]["photographs"] == "photographs"  # no path of a machine
    assert all(torch.equal(read.tensors[name], state["ema"][name]) for name in state["ema"])
    assert not torch.equal(state["ema"]["head.weight"], state["network"]["head.weight"])


def test_a_preset_names_its_network(plan):
    planned = plan("stages=[{length=1,patch=16,batch=1}]")
    by_name = recipe.Recipe(preset="tiny", stages=planned.stages)

    assert state.configuration(by_name) == TINY
    assert state.configuration(planned) == Configuration(width=8, groups=(1,), blocks_per_group=1)


def test_a_run_starts_from_the_weights_that_the_recipe_names(plan):
    train(plan("network.width=8"), "first")
    first = weights.read("first/last.ckpt")

    planned = plan("weights=first/last.ckpt", "optim.lr=1e-12", "optim.lr_min=0")
    state, _ = train(planned, "second")

    for kind in ("network", "ema"):
        for name, tensor in first.tensors.items():
            torch.testing.assert_close(state[kind][name], tensor, atol=1e-9, rtol=0)
    assert weights.read("second/last.ckpt").facts["recipe"]["weights"] == "last.ckpt"


def test_a_run_starts_from_a_known_model(plan):
    stages = "stages=[{length=1, patch=16, batch=1}]"
    shape = "network={width=32, groups=[1, 2], blocks_per_group=1}"

    state, _ = train(
        plan("weights=denoise-print", shape, stages, "optim.lr=1e-12", "optim.lr_min=0")
    )

    bundled = weights.read(catalog.find("denoise-print").weights()).tensors
    torch.testing.assert_close(state["ema"]["head.weight"], bundled["head.weight"])


def test_weights_of_another_network_are_refused(plan):
    with pytest.raises(RecipeError, match=r"denoise is of .*width=48.*recipe wants .*width=8"):
        train(plan("weights=denoise"))


@pytest.mark.parametrize(
    ("setting", "kind", "message"),
    [
        ("data.photographs=nowhere", DataError, "nowhere is not a folder of photographs"),
        ("validation.pairs=photographs", DataError, "photographs"),
        ("weights=denoize", WeightsError, r"^no model 'denoize': give a file, or one of: denoise"),
        ("teacher.weights=gone.ckpt", WeightsError, r"^no model 'gone\.ckpt'"),
        ("network.groups=[3]", RecipeError, "must be divisible by groups"),
        ("stages=[{length=1,patch=48,batch=1}]", DataError, r"48.*34"),
    ],
)
def test_what_cannot_be_carried_out_is_said_before_the_first_step(plan, setting, kind, message):
    planned = plan("data.pairs=pairs", setting)

    with pytest.raises(kind, match=message):
        train(planned)
    with pytest.raises(kind, match=message):
        start.describe(planned, Options(accelerator="cpu"))
    assert not any(Path("run").glob("*"))


def test_an_unknown_preset_is_answered_with_those_there_are(here):
    text = (here / "little.toml").read_text().split("[[stages]]", 1)[1]
    (here / "huge.toml").write_text('preset = "huge"\n[[stages]]' + text)

    with pytest.raises(RecipeError, match="preset 'huge' is not one of base, small, tiny"):
        train(recipe.load("huge.toml"))


@pytest.mark.parametrize("name", ["toaster", "tpu"])
def test_an_accelerator_that_is_not_there_is_named(plan, name):
    with pytest.raises(RecipeError, match=f"cannot train on '{name}'") as caught:
        start.train(plan(), Path("run"), Options(accelerator=name))
    assert "\n" not in str(caught.value)


def test_an_output_folder_that_takes_no_files_is_refused_at_once(plan, here):
    (here / "file").write_text("")

    with pytest.raises(WeightsError, match=r"file/run cannot be written to \(Not a directory\)"):
        train(plan(), "file/run")


def test_a_network_other_than_the_checkpoints_is_refused(plan):
    train(plan())
    before = checkpoint.load(Path("run") / loop.LAST)

    with pytest.raises(
        RecipeError, match=r"last.ckpt belongs to another network than the recipe's"
    ):
        train(plan("network.width=16"))
    assert checkpoint.load(Path("run") / loop.LAST)["step"] == before["step"]


def test_training_works_in_a_thread_which_knows_no_signals(plan):
    thread = threading.Thread(target=train, args=[plan()])

    thread.start()
    thread.join()

    assert checkpoint.load(Path("run") / loop.LAST)["step"] == 6


def test_a_second_signal_does_not_wait(here):
    before = signal.getsignal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), interruption.postponed() as is_interrupted:
        assert not is_interrupted()
        signal.raise_signal(signal.SIGTERM)
        assert is_interrupted()
        signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is before


SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
import psutil
from mirnet.errors import RecipeError
from mirnet.training import recipe, start

def limit(progress):
    now = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (now + 200 * 2**20,) * 2)

stages = "stages=[{length=1,patch=16,batch=1},{length=1,patch=2048,batch=2}]"
planned = recipe.load("little.toml", [stages, "save_every=1"])
try:
    start.train(planned, Path("run"), start.Options(accelerator="cpu"), observe=limit)
except RecipeError as error:
    print("refused:", error)
"""


@pytest.mark.skipif("sys.platform != 'linux'", reason="only Linux limits memory so")
def test_a_batch_that_does_not_fit_into_memory_is_named(here, python):
    done = python(SHORT_OF_MEMORY)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "refused: 2 patches of 2048x2048 pixels do not fit into the memory at step 1: lower batch"
    )
    assert checkpoint.load(here / "run" / loop.LAST)["step"] == 1
