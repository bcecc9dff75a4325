"""The link `train`: a run that breaks off half-way, and goes on where it was."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from math import inf
from pathlib import Path

from mirnet.chain.parts import Check, Facts, Outcome, Part
from mirnet.errors import RecipeError
from mirnet.training import checkpoint, start
from mirnet.training.loop import BEST, LAST, Progress
from mirnet.training.recipe import Recipe, Span
from mirnet.training.schedule import lay_out

LINK = "train"

OPTIONS = start.Options(devices=1, viewers=())
"""Several devices would start this command once more each."""

Tell = Callable[[str], None]
"""Is told how far it is, in a few words."""


class _BrokenOff(Exception):  # noqa: N818 - it is wanted
    """Ends a run as a crash would, right after a checkpoint."""


def parts(recipe: Recipe, folder: Path, tell: Tell) -> list[Part]:
    """The two halves of a run.

    Args:
        recipe: with the data of the chain; of at least two steps.
        folder: of the run.
        tell: about every step.
    """
    return [
        Part(LINK, "first half", lambda: _first_half(recipe, folder, tell)),
        Part(LINK, "resumed", lambda: _resumed(recipe, folder, tell)),
    ]


def _first_half(recipe: Recipe, folder: Path, tell: Tell) -> Outcome:
    steps = _steps(recipe)
    half = steps // 2
    if not half:
        raise RecipeError(f"a run of {steps} steps cannot break off half-way: take 2 or more")
    losses: list[float] = []

    def observe(progress: Progress) -> None:
        _tell(progress, tell)
        losses.append(progress.loss)
        if progress.step == half:
            raise _BrokenOff

    with suppress(_BrokenOff):
        broken_off = replace(recipe, save_every=Span(f"{half} steps"))
        start.train(broken_off, folder, OPTIONS, observe=observe)
    saved = checkpoint.load(folder / LAST)["step"]
    did = f"broke off after {half} of {steps} steps"
    return Outcome(did, (_loss(losses), Check("step saved", saved, "=", half, form="d")))


def _resumed(recipe: Recipe, folder: Path, tell: Tell) -> Outcome:
    steps, losses, seen = _steps(recipe), list[float](), list[int]()

    def observe(progress: Progress) -> None:
        _tell(progress, tell)
        losses.append(progress.loss)
        seen.append(progress.step)

    summary = start.train(recipe, folder, OPTIONS, observe=observe)
    facts: Facts = {"steps": summary.steps, "samples": summary.samples, "device": summary.device}
    checks = (
        _loss(losses),
        Check("first step", seen[0] if seen else 0, "=", steps // 2 + 1, form="d"),
        Check("last step", summary.steps, "=", steps, form="d"),
    )
    return Outcome(f"went on to {trained(folder).name}", checks, facts)


def trained(folder: Path) -> Path:
    """The checkpoint of a run that is evaluated and exported: the best one, if one was measured."""
    best = folder / BEST
    return best if best.exists() else folder / LAST


def _steps(recipe: Recipe) -> int:
    data, _ = start.open_data(recipe)
    return lay_out(recipe, epoch=data.epoch, processes=1).steps


def _loss(losses: list[float]) -> Check:
    """Of the last steps."""
    return Check("loss", losses[-1] if losses else inf, "<", inf, form=".4f")


def _tell(progress: Progress, tell: Tell) -> None:
    tell(f"step {progress.step}/{progress.plan.steps}  loss {progress.loss:.4f}")
