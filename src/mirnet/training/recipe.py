"""A training run as data: TOML, read strictly into frozen dataclasses.

A key that is not known is an error that names the nearest one that is. Values can be overridden as
`section.key=value`, the value written as in TOML.
"""

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from mirnet.errors import RecipeError

SHIPPED = Path(__file__).parent / "recipes"

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
"""As Lightning Fabric names them."""


@dataclass(frozen=True)
class Network:
    """The numbers of a network that is no preset; see `mirnet.network.Configuration`."""

    width: int
    """Channels of the full-resolution stream."""
    groups: tuple[int, ...]
    """One entry a recursive residual group: the group count of its 3x3 convolutions."""
    blocks_per_group: int = 2
    growth: float = 1.5
    """Channels of a stream over those of the next finer one."""

    def __post_init__(self) -> None:
        _expect(self, "width", self.width >= 1, "1 or more")
        _expect(self, "groups", min(self.groups) >= 1, "each 1 or more")
        _expect(self, "blocks_per_group", self.blocks_per_group >= 1, "1 or more")
        _expect(self, "growth", 1 <= self.growth <= 8, "1 to 8")


@dataclass(frozen=True)
class Stage:
    """A stretch of training at one patch size."""

    steps: int
    patch: int
    """Side of the square patches in pixels, a multiple of 16: JPEG's largest blocks."""
    batch: int
    """Patches a step."""

    def __post_init__(self) -> None:
        if min(self.steps, self.patch, self.batch) < 1 or self.patch % 16:
            raise RecipeError(
                f"a stage wants positive steps and batch and a patch that is a multiple of 16, "
                f"got steps={self.steps}, patch={self.patch}, batch={self.batch}"
            )


@dataclass(frozen=True)
class Data:
    """What is learnt from."""

    photographs: str = ""
    """Folder of clean photographs, 8-bit RGB; empty for none, if every patch is real."""
    pairs: str = ""
    """Folder of real pairs (`input/`, `groundtruth/`); empty for none."""
    real_share: float = 0.0
    """Part of the patches that is taken from the real pairs, on average; without pairs, none."""

    def __post_init__(self) -> None:
        _expect(self, "real_share", 0 <= self.real_share <= 1, "0 to 1")


@dataclass(frozen=True)
class Optimisation:
    """AdamW and its learning rate: warm up, hold, then a cosine down to the last step."""

    lr: float = 2e-4
    lr_min: float = 1e-6
    warmup: int = 0
    """Steps in which the rate rises linearly from zero."""
    hold: float = 0.0
    """Part of all steps after which the cosine begins."""
    weight_decay: float = 1e-8
    clip: float = 0.0
    """Largest gradient norm; 0 for no limit."""
    charbonnier: float = 1e-3
    """Epsilon of the Charbonnier loss, sqrt(difference² + epsilon²)."""
    ema: float = 0.999
    """Decay of the averaged weights, which are the ones that are kept."""

    def __post_init__(self) -> None:
        _expect(self, "lr", 0 < self.lr < math.inf, "more than 0")
        _expect(self, "lr_min", 0 <= self.lr_min < math.inf, "0 or more")
        _expect(self, "warmup", self.warmup >= 0, "0 or more")
        _expect(self, "hold", 0 <= self.hold <= 1, "0 to 1")
        _expect(self, "weight_decay", 0 <= self.weight_decay < math.inf, "0 or more")
        _expect(self, "clip", 0 <= self.clip < math.inf, "0 or more")
        _expect(self, "charbonnier", 0 < self.charbonnier < math.inf, "more than 0")
        _expect(self, "ema", 0 <= self.ema < 1, "0 or more, and less than 1")


@dataclass(frozen=True)
class Validation:
    """How progress is measured while training."""

    pairs: str = ""
    """Folder of pairs; empty for no validation."""
    every: int = 1000
    """Steps between two measurements, and between two checkpoints."""

    def __post_init__(self) -> None:
        _expect(self, "every", self.every >= 1, "1 or more")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a training run but the machine."""

    preset: str = ""
    """The network by name: base, small or tiny; empty where `network` describes it."""
    network: Network | None = None
    weights: str = ""
    """What to start from: a known model's name or a file of weights; empty for a random start."""
    stages: tuple[Stage, ...]
    task: str = "denoise"
    seed: int = 0
    precision: str = "32-true"
    """One of `PRECISIONS`."""
    data: Data = field(default_factory=Data)
    optim: Optimisation = field(default_factory=Optimisation)
    validation: Validation = field(default_factory=Validation)

    def __post_init__(self) -> None:
        if (self.preset == "") == (self.network is None):
            raise RecipeError("a recipe has either a preset or a section [network]")
        _expect(self, "seed", 0 <= self.seed < 2**32, "0 to 4294967295")
        _expect(self, "precision", self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}")

    @property
    def steps(self) -> int:
        """Of all stages together."""
        return sum(stage.steps for stage in self.stages)


def _expect(section: object, key: str, is_met: bool, what: str) -> None:
    if not is_met:
        raise RecipeError(f"{key} is {getattr(section, key)!r}: expected {what}")


def load(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A shipped recipe by its name, or one from a `.toml` file.

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
    for override in overrides:
        _override(table, override)
    recipe: Recipe = _build(Recipe, table, str(path))
    return recipe


def _override(table: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals:
        raise RecipeError(f"{text!r} is not KEY=VALUE, such as optim.lr=1e-4")
    *sections, last = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise RecipeError(f"{key}: {section} is not a section")
    table[last] = _toml_value(value.strip())


def _toml_value(text: str) -> Any:  # noqa: ANN401 - a TOML value of any type
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # a word without quotes, as one types it in a shell


def _build(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - follows the annotations
    """`value`, read from TOML, as an instance of the annotation `kind`."""
    if isinstance(kind, UnionType):  # something or None, which TOML cannot say
        kind = get_args(kind)[0]
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, where)
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or not value:
            raise RecipeError(f"{where}: expected a list with something in it, got {value!r}")
        return tuple(_build(get_args(kind)[0], x, f"{where}[{k}]") for k, x in enumerate(value))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise RecipeError(f"{where}: expected {kind.__name__}, got {value!r}")
    return value


def _build_dataclass(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        raise RecipeError(f"{where}: expected a section, got {value!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in [key for key in value if key not in fields]:
        near = difflib.get_close_matches(key, fields, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
        raise RecipeError(f"{where}: unknown key {key!r}; {hint}")
    missing = [
        name
        for name, known in fields.items()
        if name not in value
        and known.default is dataclasses.MISSING
        and known.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise RecipeError(f"{where}: {', '.join(missing)} must be given")
    parts = {key: _build(fields[key].type, x, f"{where}: {key}") for key, x in value.items()}
    try:
        return kind(**parts)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None
