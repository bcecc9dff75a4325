"""Recipes are read strictly."""

import dataclasses
import json
from dataclasses import replace

import pytest
import torch
from dual_pixel import write as write_views

from mirnet.camera.description import Camera
from mirnet.errors import RecipeError
from mirnet.models.mirnetv2.network import PRESETS
from mirnet.training import recipe, start, state, strict
from mirnet.training.samples.tasks import TASKS

SHIPPED = sorted(recipe.SHIPPED.glob("*.toml"))
NETWORK = """
[network]
width = 8
groups = [1, 2]
[[stages]]
length = "1 step"
patch = 16
batch = 1
"""
LITTLE = 'preset = "tiny"\n[[stages]]\nlength = 3\npatch = 16\nbatch = 1\n'


@pytest.fixture
def write(tmp_path):
    def toml(text):
        path = tmp_path / "my.toml"
        path.write_text(text)
        return str(path)

    return toml


def test_there_are_shipped_recipes():
    assert "denoise" in [path.stem for path in SHIPPED]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_recipe_is_valid_and_says_how_to_run_it(path):
    loaded = recipe.load(path.stem)

    assert loaded.preset in PRESETS or loaded.network
    assert len(loaded.stages) >= 1
    assert f"mirnet train {path.stem}" in path.read_text()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_recipe_trains(path, here):
    """Its network, optimiser and data, for two steps on small patches."""
    settings = [
        "data.pairs=pairs", "data.photographs=photographs", "validation.pairs=pairs",
        "devices=1", "data.mixup_from=1 step", "precision=32-true",
        "stages=[{length=2, patch=32, batch=1}]",
    ]  # fmt: skip
    task = TASKS[recipe.load(path.stem).task]
    if recipe.load(path.stem).preset == "base" and path.stem != "sidd-paper":
        settings.append(
            "preset=micro"
        )  # the paper's network takes its time, and is the same in all
    if task.has_pairs_only:
        settings.append("data.photographs=''")
    if task.views == 2:
        settings += ["data.pairs=views", "validation.pairs=views"]
        settings += ["network.width=8", "network.groups=[1]"]
        write_views(here / "views", "a")
    if task.enlarges:  # for which the pair is too small
        settings += ["data.pairs=''", "validation.pairs=''"]
    planned = recipe.load(path.stem, settings)

    summary = start.train(planned, here / "run", start.Options(accelerator="cpu"))

    assert summary.steps == 2
    assert summary.psnr is None if task.enlarges else summary.psnr > 5


def test_what_is_not_said_has_a_default(write):
    loaded = recipe.load(write(LITTLE))

    assert loaded.stages == (recipe.Stage(recipe.Span("3 steps"), 16, 1),)
    assert loaded.optim == recipe.Optimisation()


def test_values_are_overridden_in_toml_or_as_a_bare_word(write):
    settings = ["optim.lr=1e-5", "data.photographs=my photos", "seed = 7", "optim.clip=1"]

    loaded = recipe.load(write(LITTLE), settings)

    assert loaded.optim.lr == 1e-5
    assert loaded.data.photographs == "my photos"
    assert loaded.seed == 7
    assert loaded.optim.clip == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            LITTLE + "[optim]\nlearning_rate = 1\n",
            "unknown key 'learning_rate'; known are optimizer, lr",
        ),
        (LITTLE + "[optim]\nwarmupp = 1\n", "did you mean warmup?"),
        (LITTLE.replace("preset", "presett"), "did you mean preset?"),
        (LITTLE.replace("length = 3\n", ""), "length must be given"),
        (LITTLE.replace("length = 3", 'length = "3"'), "length: expected steps or epochs"),
        (LITTLE.replace("length = 3", "length = 3.5"), "such as '30 epochs', got 3.5"),
        (LITTLE.replace("batch = 1", 'batch = "1"'), "expected int, got '1'"),
        (LITTLE.replace("batch = 1", "batch = 4\naccumulate = 3"), "a divisor of the batch, 4"),
        (
            LITTLE + '[[stages]]\nlength = "1 epoch"\npatch = 16\nbatch = 1\n',
            "count all stages in epochs, or all in steps",
        ),
        (LITTLE.replace("patch = 16", "patch = 20"), "multiple of 16"),
        (LITTLE.replace("length = 3", "length = 0"), "more than nothing"),
        ("optim = 3\n" + LITTLE, "expected a section, got 3"),
        ('preset = "tiny"\nstages = 4\n', "expected a non-empty list, got 4"),
        ('preset = "tiny"\nstages = []\n', "expected a non-empty list, got []"),
        (LITTLE + "[network]\nwidth = 8\ngroups = [1]\n", "either a preset or a section [network]"),
        (LITTLE.replace('preset = "tiny"', ""), "either a preset or a section [network]"),
        (LITTLE.replace("16", "true"), "patch: expected int, got True"),
        (NETWORK.replace("width = 8\n", ""), "network: width must be given"),
        (NETWORK.replace("[1, 2]", "[]"), "groups: expected a non-empty list"),
        (NETWORK.replace("[1, 2]", '[1, "2"]'), "groups[1]: expected int, got '2'"),
        (NETWORK.replace("= 8", "= 8\nunshuffle = 3"), "unshuffle is 3: expected 1 or 2"),
        (NETWORK.replace("= 8", "= 8\nwindow = 10"), "window is 10: expected a multiple of 12"),
        (
            NETWORK.replace("= 8", "= 8\nin_channels = 6"),
            "the task denoise takes 3 channels and gives 3; in_channels is 6 and out_channels 3",
        ),
        (NETWORK.replace("= 8", "= 8\nout_channels = 0"), "out_channels is 0: expected 1 or more"),
        (
            NETWORK.replace("width = 8", "width = 8\nunshuffle = 2\nwindow = 96"),
            "expected a multiple of 32, which the network takes",
        ),
        ("preset = tiny", "not valid TOML"),
    ],
)
def test_mistakes_are_named(write, text, message):
    with pytest.raises(RecipeError) as caught:
        recipe.load(write(text))

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_parts_of_the_synthetic_patches_reach_the_data(here):
    settings = ["data.drawn_share=0.9", "data.field_share=0.1", "data.photographs=photographs"]

    settings += ["camera.dimmest=0.5", "drawings.faintest=1", "scenes.flat_share=0"]
    planned = recipe.load("denoise", settings)

    data, _ = start.open_data(planned)

    assert (data.drawn_share, data.field_share) == (0.9, 0.1)
    assert data.camera == planned.camera != Camera()
    assert data.drawings.faintest == 1
    assert data.scenes.flat_share == 0


def test_a_preset_takes_the_place_of_a_network_and_a_network_that_of_a_preset(write):
    preset = recipe.load(write(NETWORK), ["preset=micro"])
    assert (preset.preset, preset.network) == ("micro", None)

    network = recipe.load(write(LITTLE), ["network.width=8", "network.groups=[1]"])
    assert (network.preset, network.network) == ("", recipe.Network(width=8, groups=(1,)))

    wider = recipe.load(write(NETWORK), ["network.width=16"])
    assert wider.network == recipe.Network(width=16, groups=(1, 2))


def test_a_network_is_described_where_no_preset_fits(write):
    loaded = recipe.load(write(NETWORK))

    assert loaded.preset == ""
    assert loaded.network == recipe.Network(width=8, groups=(1, 2))
    assert recipe.load(write(NETWORK), ["network.in_channels=3"]) == loaded


def test_channels_reach_the_network(write):
    settings = ["task=deblur", "network.in_channels=6"]

    found = state.configuration(recipe.load(write(NETWORK), settings))

    assert (found.in_channels, found.out_channels, found.residual) == (6, 3, False)
    assert found.network()(torch.rand(1, 6, 8, 8)).shape == (1, 3, 8, 8)


SAID = (
    LITTLE
    + """
[camera]
softness = [0.5, 1]
[camera.sensor]
models = ["phone"]
[camera.white_noise.share]
drawing = 0.25
[drawings]
widths = [[1, 0.5], [2, 0.5]]
"""
)


def test_a_recipe_survives_the_facts_of_a_checkpoint(write):
    """What a checkpoint states can be read as a recipe again."""
    for text in (LITTLE, NETWORK, SAID):
        planned = recipe.load(write(text))
        stated = state._plain(dataclasses.asdict(planned))

        assert json.loads(json.dumps(stated)) == stated
        assert strict.build(recipe.Recipe, stated, "facts") == planned


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("optim.lr=0", "optim: lr is 0.0: expected more than 0"),
        ("optim.lr=nan", "lr is nan"),
        ("optim.lr_min=-1", "lr_min is -1.0"),
        ("optim.warmup=-1", "warmup: expected steps or epochs such as '30 epochs', got -1"),
        ("optim.optimizer=sgd", "optimizer is 'sgd': expected one of adam, adamw"),
        ("optim.hold=1.5", "hold is 1.5: expected 0 to 1"),
        ("optim.weight_decay=-1", "weight_decay is -1.0"),
        ("optim.clip=-1", "clip is -1.0"),
        ("optim.charbonnier=-1", "charbonnier is -1.0"),
        ("optim.loss=ssim", "loss is 'ssim': expected one of charbonnier, psnr"),
        ("optim.ema=1", "ema is 1.0"),
        ("data.real_share=2", "data: real_share is 2.0: expected 0 to 1"),
        ("data.amplify=0.5", "data: amplify is 0.5: expected 1 or more"),
        ("data.drawn_share=-0.1", "data: drawn_share is -0.1: expected 0 to 1"),
        ("data.field_share=0.8", "field_share is 0.8: expected 0 to 1, with drawn_share 0.3 at m"),
        ("optim.shadows=-1", "shadows is -1.0: expected 0 or more"),
        ("optim.shadows=1", "shadows is for the loss 'psnr', and the loss is 'charbonnier'"),
        ("validation.every=0", "validation: every is '0 steps': expected more than nothing"),
        ("teacher.share=1.5", "teacher: share is 1.5: expected 0 to 1"),
        ("devices=0", "devices is 0: expected 1 or more"),
        ("seed=-1", "seed is -1"),
        ("precision=half", "precision is 'half': expected one of 32-true, bf16-mixed, 16-mixed"),
        ("stages=[{length=1,patch=16,batch=0}]", r"stages\[0\]: batch is 0: expected 1"),
        ("lr", "is not KEY=VALUE"),
        ("preset.lr=1", "preset is not a section"),
        ("task=sr", "task is 'sr': expected one of denoise"),
        ("camera.softness=[1.8, 0.3]", r"camera: softness is \[1.8, 0.3\]: expected \[lowest, hi"),
        ("camera.softness=[1]", r"camera: softness: expected a list of 2, got \[1\]"),
        ("camera.softness=1", "softness: expected a non-empty list, got 1"),
        ("camera.softnes=[0, 1]", "camera: unknown key 'softnes'; did you mean softness"),
        ("camera.sensor.models=[3]", r"camera: sensor: models\[0\]: expected str, got 3"),
        ("camera.jpeg.worst_quality=0", "camera: jpeg: worst_quality is 0.0: expected 1 to 100"),
        ("camera.white_noise.share.field=2", "share: field is 2.0: expected 0 to 1"),
        ("camera.white_noise.share=0.5", "share: expected a section, got 0.5"),
        ("drawings.kinds.text=0.5", "drawings: kinds: gradient, .* sum to 1.31: expected 1"),
        ("drawings.widths=[[1]]", r"widths\[0\]: expected a list of 2, got \[1\]"),
        ("scenes.identity_share.drawing=-1", "identity_share: drawing is -1.0"),
        ("data.amplify_apart=0.5", "data: amplify_apart is 0.5: expected 1 or more"),
        ("optim.lr=fast", "expected float, got 'fast'"),
    ],
)
def test_mistaken_settings_are_named(write, setting, message):
    with pytest.raises(RecipeError, match=message):
        recipe.load(write(LITTLE), [setting])


@pytest.mark.parametrize("text", ["30 epochs", "0.5 epochs", "1 epoch", "92000 steps", "1 step"])
def test_spans_are_steps_or_epochs(text):
    span = recipe.Span(text)

    assert span.amount == float(text.split()[0])
    assert span.is_epochs == ("epoch" in text)


@pytest.mark.parametrize("value", ["30", "30epochs", "-1 steps", "1.5 steps", "", 2.0, True, None])
def test_what_is_no_span_is_refused(value):
    with pytest.raises(RecipeError, match="expected steps or epochs"):
        recipe.Span(value)


def test_what_synthetic_patches_show_can_be_said(write):
    loaded = recipe.load(write(SAID), ["camera.finishing.share=0", "scenes.dark=[0, 1]"])

    camera = loaded.camera
    assert camera.softness == (0.5, 1.0)
    assert camera.sensor.models == ("phone",)
    assert camera.finishing.share == 0.0
    assert loaded.drawings.widths == ((1, 0.5), (2, 0.5))
    assert loaded.scenes.dark == (0.0, 1.0)
    default = recipe.load(write(LITTLE))
    assert default.camera == Camera()
    assert default.drawings.kinds == loaded.drawings.kinds


def test_what_a_section_does_not_say_stays_as_it_was(write):
    """Also of shares by kind, whose defaults differ from place to place."""
    camera = recipe.load(write(SAID)).camera

    share, before = camera.white_noise.share, Camera().white_noise.share
    assert share == replace(before, drawing=0.25)
    assert camera.soft_share == Camera().soft_share


def published(name):
    loaded = recipe.load(name)
    stages = [(stage.length, stage.patch, stage.batch) for stage in loaded.stages]
    return loaded, [[str(part) for part in column] for column in zip(*stages, strict=True)]


@pytest.mark.parametrize(
    ("name", "devices", "epochs", "batches"),
    [("sidd-1gpu", 1, (30, 15, 10, 5), "8 6 4 2"), ("sidd-4gpu", 4, (45, 30, 15, 10), "8 5 4 2")],
)
def test_the_recipes_of_the_reproduction_are_its(name, devices, epochs, batches):
    loaded, (lengths, patches, sizes) = published(name)

    assert (loaded.preset, loaded.devices) == ("small", devices)
    assert lengths == [f"{count} epochs" for count in epochs]
    assert patches == ["128", "160", "192", "256"]
    assert sizes == batches.split()
    optim = loaded.optim
    assert (optim.optimizer, optim.lr, optim.weight_decay) == ("adam", 2e-4, 1e-8)
    assert (optim.warmup, optim.lr_min, optim.charbonnier) == ("3 epochs", 1e-6, 1e-3)
    assert (loaded.data.mixup, loaded.data.mixup_from) == (1.2, "5 epochs")


def test_the_recipe_of_the_paper_is_its():
    loaded, (lengths, patches, sizes) = published("sidd-paper")

    assert (loaded.preset, loaded.devices) == ("base", 8)
    assert lengths == [f"{thousands}000 steps" for thousands in (92, 64, 48, 36, 36, 24)]
    assert sum(int(stage.length.amount) for stage in loaded.stages) == 300_000
    assert patches == ["128", "160", "192", "256", "320", "384"]
    assert sizes == ["8", "5", "4", "2", "1", "1"]
    assert (loaded.optim.charbonnier, loaded.optim.clip) == (0, 0.01)
    assert (loaded.data.mixup, loaded.data.mixup_from) == (1.2, "0 steps")
    assert loaded.data.mixup_share == 0.5


def test_an_unknown_recipe_is_answered_with_those_there_are():
    with pytest.raises(RecipeError, match=r"no recipe 'sharpen'.*denoise"):
        recipe.load("sharpen")


def test_a_mistaken_setting_blames_the_recipe_by_its_name_and_no_file():
    with pytest.raises(RecipeError, match=r"^recipe denoise: optim: lr is -1\.0"):
        recipe.load("denoise", ["optim.lr=-1"])


def test_lists_in_lists_without_end_are_refused(tmp_path):
    deep = "[" * 5000 + "]" * 5000
    (tmp_path / "deep.toml").write_text(f"stages = {deep}")

    for arguments in ((str(tmp_path / "deep.toml"), []), ("lite", [f"stages={deep}"])):
        with pytest.raises(RecipeError, match="nested too deeply"):
            recipe.load(*arguments)


ENLARGING = NETWORK.replace("width = 8", "width = 8\nscale = 2")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["task='denoise'"], "task denoise has a scale of 1, not 2"),
        (["network.scale=1"], "task enlarge has a scale of 2, 3 or 4, not 1"),
        (["network.scale=5"], "scale is 5: expected 1, 2, 3 or 4"),
        (["data.amplify=2.0"], "halves of pairs differ in size"),
        (["shrinking.kernels=['nearest']"], "kernels is .'nearest'.: expected some of area"),
        (
            ["task='enlarge-aligned'", "network.scale=1", "data.photographs='x'"],
            "learns from pairs alone",
        ),
    ],
)
def test_recipes_that_enlarge_say_so_throughout(write, settings, message):
    path = write(ENLARGING)
    fitting = ["task='enlarge'", "data.photographs=''"]

    assert recipe.load(path, fitting).scale == 2
    with pytest.raises(RecipeError, match=message):
        recipe.load(path, fitting + settings)
