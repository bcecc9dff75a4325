"""A training run as data: frozen dataclasses, read strictly from TOML.

This includes everything that determines the weights, but not the number of devices used.
"""

import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mirnet.camera.description import Camera, Darkening, Shrinking
from mirnet.camera.scenes import Drawings, Scenes
from mirnet.camera.sections import expect
from mirnet.errors import RecipeError
from mirnet.training import strict
from mirnet.training.samples.tasks import TASKS

SHIPPED = Path(__file__).parent / "recipes"

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
"""Precisions in Lightning Fabric's terms."""

OPTIMIZERS = ("adam", "adamw")
"""Optimizers; weight decay is added to the gradient in one, to the step in the other."""

LOSSES = ("charbonnier", "psnr")


class Span(str):
    """A duration of training as text: `30 epochs` or `92000 steps`; a bare number counts steps.

    An epoch has as many samples as there are pairs, see `mirnet.training.schedule`.

    Raises:
        RecipeError: if it is neither.
    """

    __slots__ = ()

    def __new__(cls, value: object) -> "Span":
        text = f"{value} steps" if type(value) is int else value
        if not isinstance(text, str) or not re.fullmatch(r"\d+ steps?|\d+(\.\d+)? epochs?", text):
            raise RecipeError(f"expected steps or epochs such as '30 epochs', got {value!r}")
        return super().__new__(cls, text)

    @property
    def amount(self) -> float:
        """Number of units."""
        return float(self.split()[0])

    @property
    def is_epochs(self) -> bool:
        """Whether the unit is an epoch, not a step."""
        return "epoch" in self


@dataclass(frozen=True)
class Network:
    """Hyper-parameters of a network without a preset; see `models.mirnetv2.network`."""

    width: int
    """Channels of the full-resolution stream."""
    groups: tuple[int, ...]
    """One entry per recursive residual group: the group count of its 3x3 convolutions."""
    blocks_per_group: int = 2
    growth: float = 1.5
    """Ratio of a stream's channels to those of the next finer one."""
    in_channels: int = 3
    """Channels of an input, determined by the task."""
    out_channels: int = 3
    """Channels of a result, determined by the task."""
    unshuffle: int = 1
    """Side of the squares of pixels that are folded into channels: 2 for half resolution."""
    window: int = 0
    """Side in pixels of the windows over which contexts and fusions average; 0 for no windows."""
    scale: int = 1
    """Ratio of a result's height and width to its input's: 2, 3 or 4 for the task `enlarge`."""

    def __post_init__(self) -> None:
        expect(self, "width", self.width >= 1, "1 or more")
        expect(self, "groups", min(self.groups) >= 1, "each 1 or more")
        expect(self, "blocks_per_group", self.blocks_per_group >= 1, "1 or more")
        expect(self, "growth", 1 <= self.growth <= 8, "1 to 8")
        expect(self, "in_channels", self.in_channels >= 1, "1 or more")
        expect(self, "out_channels", self.out_channels >= 1, "1 or more")
        expect(self, "unshuffle", self.unshuffle in (1, 2), "1 or 2")
        smallest = 12 * self.unshuffle
        expect(self, "scale", self.scale in (1, 2, 3, 4), "1, 2, 3 or 4")
        fits = self.window >= 0 and self.window % smallest == 0
        expect(self, "window", fits, f"a multiple of {smallest}, or 0")

    @property
    def multiple(self) -> int:
        """Patches are multiples of this: a cell is a third of the window."""
        return self.window // 3 or 4 * self.unshuffle


@dataclass(frozen=True)
class Stage:
    """A part of training with one patch size."""

    length: Span
    patch: int
    """Side of the square patches in pixels, a multiple of 16, for JPEG's largest blocks. Targets of
    a network that enlarges are larger by its scale."""
    batch: int
    """Patches per step on each of the recipe's devices."""
    accumulate: int = 1
    """Parts into which a device splits its batch, processed one by one, to fit its memory."""

    def __post_init__(self) -> None:
        expect(self, "length", self.length.amount > 0, "more than nothing")
        expect(self, "patch", self.patch >= 16 and self.patch % 16 == 0, "a multiple of 16")
        expect(self, "batch", self.batch >= 1, "1 or more")
        is_divisor = self.accumulate >= 1 and self.batch % self.accumulate == 0
        expect(self, "accumulate", is_divisor, f"a divisor of the batch, {self.batch}")


@dataclass(frozen=True)
class Data:
    """Training data."""

    photographs: str = ""
    """Folder of clean photographs, 8-bit RGB, to which noise is added; empty for none."""
    pairs: str = ""
    """Folder of real pairs, or of their packed shards; empty for none."""
    real_share: float = 0.0
    """Fraction of the patches that are real pairs: all without photographs, none without pairs."""
    amplify: float = 1.0
    """Maximum factor by which the noise of real pairs is amplified; 1 leaves it unchanged."""
    amplify_apart: float = 1.1
    """Maximum factor by which the noise of one channel is amplified or reduced relative to all: the
    light and the colour matrix vary."""
    drawn_share: float = 0.3
    """Fraction of the synthetic patches that are drawn: gradients, patterns, text, pages and
    drawings are harmed most easily."""
    field_share: float = 0.15
    """Fraction that are fields of one colour, on which residual noise and colour casts are most
    visible; the others are cut from the photographs."""
    mixup: float = 0.0
    """Real pairs are blended with others, the weight drawn from Beta(mixup, mixup); 0 for never
    (Zhang et al., ICLR 2018)."""
    mixup_from: Span = Span("0 steps")  # noqa: RUF009 - immutable text
    """When mixup begins."""
    mixup_share: float = 1.0
    """Fraction of the steps from then on in which pairs are blended, spread evenly."""

    def __post_init__(self) -> None:
        expect(self, "real_share", 0 <= self.real_share <= 1, "0 to 1")
        expect(self, "amplify", 1 <= self.amplify < math.inf, "1 or more")
        expect(self, "amplify_apart", 1 <= self.amplify_apart < math.inf, "1 or more")
        expect(self, "drawn_share", 0 <= self.drawn_share <= 1, "0 to 1")
        fits = self.field_share >= 0 and self.drawn_share + self.field_share <= 1
        expect(self, "field_share", fits, f"0 to 1, with drawn_share {self.drawn_share} at most 1")
        expect(self, "mixup", 0 <= self.mixup < math.inf, "0 or more")
        expect(self, "mixup_share", 0 <= self.mixup_share <= 1, "0 to 1")


@dataclass(frozen=True)
class Optimisation:
    """Adam and its learning rate: warm-up, hold, then a cosine down to the last step."""

    optimizer: str = "adamw"
    """One of `OPTIMIZERS`."""
    lr: float = 2e-4
    """The learning rate between warm-up and cosine."""
    lr_min: float = 1e-6
    """The learning rate at the end."""
    warmup: Span = Span("0 steps")  # noqa: RUF009 - immutable text
    """Duration of the linear rise of `lr` from zero."""
    hold: float = 0.0
    """Fraction of the whole run after which the cosine begins."""
    weight_decay: float = 1e-8
    clip: float = 0.0
    """Largest gradient norm; 0 for no limit."""
    loss: str = "charbonnier"
    """One of `LOSSES`: Charbonnier's, or the negative PSNR of each patch in dB, whose gradients are
    about a thousand times as large, which `clip` must take into account."""
    charbonnier: float = 1e-3
    """Epsilon of the Charbonnier loss, sqrt(difference² + epsilon²); with 0 it is L1."""
    shadows: float = 0.0
    """With the loss `psnr`: extra weight of the squared mean by which dark fields of one colour are
    too dark; 0 for none."""
    ema: float = 0.999
    """Decay of the averaged weights, which are the ones saved; 0 for those of the last step. It
    rises to this value in the first steps, see `mirnet.training.averaging`."""

    def __post_init__(self) -> None:
        known = self.optimizer in OPTIMIZERS
        expect(self, "optimizer", known, f"one of {', '.join(OPTIMIZERS)}")
        expect(self, "lr", 0 < self.lr < math.inf, "more than 0")
        expect(self, "lr_min", 0 <= self.lr_min < math.inf, "0 or more")
        expect(self, "hold", 0 <= self.hold <= 1, "0 to 1")
        expect(self, "weight_decay", 0 <= self.weight_decay < math.inf, "0 or more")
        expect(self, "clip", 0 <= self.clip < math.inf, "0 or more")
        expect(self, "loss", self.loss in LOSSES, f"one of {', '.join(LOSSES)}")
        expect(self, "charbonnier", 0 <= self.charbonnier < math.inf, "0 or more")
        expect(self, "shadows", 0 <= self.shadows < math.inf, "0 or more")
        if self.shadows and self.loss != "psnr":
            raise RecipeError(f"shadows is for the loss 'psnr', and the loss is {self.loss!r}")
        expect(self, "ema", 0 <= self.ema < 1, "0 or more, and less than 1")


@dataclass(frozen=True)
class Teacher:
    """A trained network whose results are targets in addition to the truth.

    Distillation (Hinton, Vinyals and Dean: Distilling the knowledge in a neural network, 2015).
    """

    weights: str = ""
    """Name of a known model or a weights file, of any network; empty for no teacher."""
    share: float = 0.5
    """Fraction of the loss that is the distance to the teacher's result, not to the truth."""

    def __post_init__(self) -> None:
        expect(self, "share", 0 <= self.share <= 1, "0 to 1")


@dataclass(frozen=True)
class Validation:
    """How progress is measured during training."""

    pairs: str = ""
    """Pairs as in `Data`; empty for no validation."""
    every: Span = Span("1000 steps")  # noqa: RUF009 - immutable text
    """Interval between validations; the last step is always validated."""
    pictures: int = 4
    """Number of restored pictures logged at each validation."""

    def __post_init__(self) -> None:
        expect(self, "every", self.every.amount > 0, "more than nothing")
        expect(self, "pictures", self.pictures >= 0, "0 or more")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines a training run except the machine."""

    preset: str = ""
    """Name of the network: base, small, tiny or micro; empty if `network` describes it."""
    network: Network | None = None
    weights: str = ""
    """Initial weights: a known model's name or a weights file; empty for a random start."""
    stages: tuple[Stage, ...]
    devices: int = 1
    """Devices that the stages' batches are meant for; with another number the plan is scaled."""
    task: str = "denoise"
    """One of `mirnet.training.samples.tasks.TASKS`: what inputs and targets are."""
    seed: int = 0
    precision: str = "32-true"
    """One of `PRECISIONS`."""
    compile: bool = False
    """Compile the network with `torch.compile`, again for each stage."""
    recompute: bool = False
    """Recompute features of the blocks in the backward pass: far less memory, a third slower."""
    save_every: Span = Span("1000 steps")  # noqa: RUF009 - immutable text
    """Interval between checkpoints; every validation also saves one."""
    data: Data = field(default_factory=Data)
    scenes: Scenes = field(default_factory=Scenes)
    drawings: Drawings = field(default_factory=Drawings)
    camera: Camera = field(default_factory=Camera)
    shrinking: Shrinking = field(default_factory=Shrinking)
    """For the task `enlarge`, in the place of `camera`."""
    darkening: Darkening = field(default_factory=Darkening)
    """For the task `brighten`, beside `camera`."""
    optim: Optimisation = field(default_factory=Optimisation)
    teacher: Teacher = field(default_factory=Teacher)
    validation: Validation = field(default_factory=Validation)

    def __post_init__(self) -> None:
        if (self.preset == "") == (self.network is None):
            raise RecipeError("a recipe has either a preset or a section [network]")
        self._check_task()
        if len({stage.length.is_epochs for stage in self.stages}) > 1:
            raise RecipeError("count all stages in epochs, or all in steps")
        multiple = self.network.multiple if self.network else 1
        for stage in self.stages:
            fits = stage.patch % multiple == 0
            expect(stage, "patch", fits, f"a multiple of {multiple}, which the network takes")
        expect(self, "devices", self.devices >= 1, "1 or more")
        expect(self, "seed", 0 <= self.seed < 2**32, "0 to 4294967295")
        expect(self, "precision", self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}")
        expect(self, "save_every", self.save_every.amount > 0, "more than nothing")

    @property
    def scale(self) -> int:
        """Ratio of a target's height and width to its input's; no preset enlarges."""
        return self.network.scale if self.network else 1

    def _check_task(self) -> None:
        expect(self, "task", self.task in TASKS, f"one of {', '.join(TASKS)}")
        task, network = TASKS[self.task], self.network
        if task.enlarges != (self.scale > 1):
            wanted = "2, 3 or 4" if task.enlarges else "1"
            raise RecipeError(
                f"network: the task {self.task} has a scale of {wanted}, not {self.scale}: set "
                "network.scale or task"
            )
        if task.has_pairs_only and self.data.photographs:
            raise RecipeError(
                f"data.photographs: the task {self.task} learns from pairs alone, data.pairs"
            )
        if task.enlarges and self.data.amplify > 1:
            raise RecipeError(
                f"data.amplify is {self.data.amplify}: halves of pairs differ in size when "
                "enlarging, and no noise can be told from them; leave it at 1"
            )
        if task.views > 1 and self.data.amplify > 1:
            raise RecipeError(
                f"data.amplify is {self.data.amplify}: it is for the noise of one picture, and the "
                f"task {self.task} takes two views; leave it at 1"
            )
        # all presets take RGB and give RGB
        channels = (network.in_channels, network.out_channels) if network else (3, 3)
        if channels != (task.in_channels, task.out_channels):
            raise RecipeError(
                f"network: the task {self.task} takes {task.in_channels} channels and gives "
                f"{task.out_channels}; in_channels is {channels[0]} and out_channels {channels[1]}"
                + ("" if network else f" with preset {self.preset}: describe one in [network]")
            )


def load(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Load a shipped recipe by name, or one from a `.toml` file.

    Args:
        name: name or path.
        overrides: `section.key=value` each, with the value in TOML syntax. A preset replaces the
            recipe's network, and a network its preset.

    Raises:
        RecipeError: if there is none, or it holds an unknown key or a value of the wrong type.
    """
    path = Path(name) if name.endswith(".toml") else SHIPPED / f"{name}.toml"
    if not path.is_file():
        shipped = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml")))
        raise RecipeError(f"no recipe {name!r}: give a .toml file or one of: {shipped}")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}") from None
    except RecursionError:
        raise RecipeError(f"{path} is not a recipe: its lists are nested too deeply") from None
    changed = {setting.partition("=")[0].partition(".")[0].strip() for setting in overrides}
    for given, other in (("preset", "network"), ("network", "preset")):
        if given in changed and other not in changed and given not in table:
            table.pop(other, None)
    for setting in overrides:
        strict.override(table, setting)
    recipe: Recipe = strict.build(Recipe, table, f"recipe {name}")
    return recipe
