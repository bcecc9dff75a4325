"""Configuration of a chain, validated before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mirnet.errors import DataError, RecipeError, RuntimeMissingError
from mirnet.pairs import sources
from mirnet.patches import sidd
from mirnet.runtimes import KINDS
from mirnet.training import recipe as recipes
from mirnet.training.recipe import Recipe

SHORT = (
    "stages=[{length='160 steps', patch=48, batch=4}, {length='40 steps', patch=64, batch=2}]",
    "validation.every='50 steps'",
)
"""How the mode `lite` shortens the recipe of that name: half a minute on two cores."""

REAL_RECIPE = "sidd-1gpu"
"""Recipe of the real network: the Paddle reproduction's."""
REAL_SHORT = (
    "stages=[{length='4 steps', patch=64, batch=1}]",
    "data.mixup_from='2 steps'",
    "optim.warmup='2 steps'",
    "validation.every='1000 steps'",
)
"""How the mode `lite` shortens it."""

DATA, RUN, MODELS, RESTORED, REAL = FOLDERS = ("data", "run", "models", "restored", "real")
"""Subfolders that a chain creates in its folder; the last has those of the real network."""


@dataclass(frozen=True)
class ChainConfig:
    """A validated chain, ready to start."""

    mode: str
    """`lite` or `full`."""
    folder: Path
    """Folder of everything that the chain makes."""
    recipe: Recipe
    """Recipe with the folders of its training and validation data."""
    source: Path | None
    """The pairs given; None if pictures are drawn."""
    is_sidd: bool
    """Whether the source is SIDD as distributed, which has to be cut."""
    runtimes: tuple[str, ...]
    """The runtimes requested; empty for all that are installed."""
    real: "ChainConfig | None" = None
    """A few steps of the real network on real pairs, after the chain itself."""

    @property
    def data(self) -> Path:
        """Folder of pictures, patches and shards."""
        return self.folder / DATA

    @property
    def run(self) -> Path:
        """Folder of the training run."""
        return self.folder / RUN

    @property
    def models(self) -> Path:
        """Parent folder of the exported files."""
        return self.folder / MODELS

    @property
    def restored(self) -> Path:
        """Parent folder of the restored pictures."""
        return self.folder / RESTORED

    @property
    def held_out(self) -> Path:
        """Folder of the pairs on which the model is evaluated."""
        return Path(self.recipe.validation.pairs)


def lite(
    folder: Path,
    source: Path | None = None,
    *,
    recipe: str = "",
    settings: Sequence[str] = (),
    runtimes: Sequence[str] = (),
) -> ChainConfig:
    """Configure a chain on pictures that it draws itself.

    Args:
        folder: folder for everything that it makes.
        source: real pairs or shards, two or more pairs, on which the network `small` is run for a
            few steps; None for none.
        recipe: see `recipe.load`; empty for `lite`, shortened.
        settings: overrides of the recipe.
        runtimes: runtimes for inference; empty for all that are installed.

    Raises:
        RecipeError: as `recipe.load` does, and if the recipe names data of its own.
        DataError: if the recipe, its weights or the source lie in the folder, or the source has
            fewer than two pairs.
        RuntimeMissingError: if there is no such runtime.
    """
    loaded = recipes.load(recipe or "lite", [*(() if recipe else SHORT), *settings])
    data, held_out = loaded.data, loaded.validation
    if data.pairs or data.photographs or held_out.pairs:
        raise RecipeError(
            "the mode lite draws its own data, and the recipe names others: leave "
            "out data.pairs, data.photographs and validation.pairs, or take full"
        )
    _keep_clear(folder, recipe, loaded.weights, *([source] if source else []))
    made = folder / DATA
    loaded = _on(loaded, made / "packed", made / "held_out")
    wanted = _runtimes(runtimes)
    real = _real(folder / REAL, source, wanted) if source else None
    return ChainConfig("lite", folder, loaded, None, False, wanted, real)


def _real(folder: Path, source: Path, runtimes: tuple[str, ...]) -> ChainConfig:
    """A few steps of the network `small` on these pairs.

    Raises:
        DataError: if there are fewer than two.
    """
    count = len(sources.open(source))
    if count < 2:
        raise DataError(
            f"{source} holds {count} pair: give two or more, to train on some and measure on others"
        )
    made = folder / DATA
    recipe = _on(recipes.load(REAL_RECIPE, REAL_SHORT), made / "learnt", made / "held_out")
    return ChainConfig("lite", folder, recipe, source, False, runtimes)


def full(
    folder: Path,
    source: Path,
    *,
    recipe: str = "",
    settings: Sequence[str] = (),
    runtimes: Sequence[str] = (),
) -> ChainConfig:
    """Configure a chain on real pairs, which takes as long as its recipe does.

    Args:
        folder: folder for everything that it makes.
        source: pairs, shards, or SIDD-Medium as distributed.
        recipe: see `recipe.load`; empty for `sidd-1gpu`.
        settings: overrides of the recipe, including validation.pairs unless the recipe names it.
        runtimes: runtimes for inference; empty for all that are installed.

    Raises:
        RecipeError: as `recipe.load` does, and if the recipe names other pairs to learn from, or
            none to be measured on.
        DataError: if there are no such pairs, or they or the recipe lie in the folder.
        RuntimeMissingError: if there is no such runtime.
    """
    loaded = recipes.load(recipe or "sidd-1gpu", settings)
    if loaded.data.pairs:
        raise RecipeError(f"data.pairs is {loaded.data.pairs}: the pairs are those of --data")
    if not loaded.validation.pairs:
        raise RecipeError("no pairs to measure on: give them by --set validation.pairs=DIR")
    held_out = Path(loaded.validation.pairs)
    sources.open(held_out)
    is_sidd = _is_sidd(source)
    learnt = folder / DATA / "packed" if is_sidd else source
    _keep_clear(folder, recipe, loaded.weights, source, held_out, loaded.data.photographs)
    loaded = _on(loaded, learnt, held_out)
    return ChainConfig("full", folder, loaded, source, is_sidd, _runtimes(runtimes))


def _on(recipe: Recipe, pairs: Path, held_out: Path) -> Recipe:
    """The recipe with these folders."""
    return replace(
        recipe,
        data=replace(recipe.data, pairs=str(pairs)),
        validation=replace(recipe.validation, pairs=str(held_out)),
    )


def _is_sidd(source: Path) -> bool:
    """Whether the folder is SIDD as distributed, not a folder of pairs.

    Raises:
        DataError: if it is neither.
    """
    try:
        sources.open(source)
    except DataError as error:
        if not source.is_dir():
            raise
        try:
            sidd.find(source)
        except DataError as other:
            raise DataError(f"{error}; and as SIDD-Medium: {other}") from error
        return True
    return False


def _keep_clear(folder: Path, *needed: str | Path) -> None:
    """Check that nothing a chain needs lies where it may be removed.

    Raises:
        DataError: if it does.
    """
    for path in [Path(each) for each in needed if each]:
        if path.exists() and path.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"{path} lies in {folder}, where the chain writes: choose another -o")


def _runtimes(names: Sequence[str]) -> tuple[str, ...]:
    """The names without duplicates, after a check."""
    for name in names:
        if name not in KINDS:
            raise RuntimeMissingError(f"no runtime {name!r}: choose among {', '.join(KINDS)}")
    return tuple(dict.fromkeys(names))
