"""The links after the data: `train`, `evaluate`, `export` and `infer`."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from math import inf
from pathlib import Path

import numpy as np
import torch

from mirnet import export, metrics, runtimes
from mirnet.chain.parts import Details, FigureCheck, Findings, LinkPart
from mirnet.errors import DataError, InferenceError, RecipeError, RuntimeMissingError
from mirnet.evaluation import sets
from mirnet.evaluation.method import INPUT, ModelMethod
from mirnet.evaluation.restored_images import RestoredImages
from mirnet.evaluation.run import Failed, run
from mirnet.evaluation.scores import Scores
from mirnet.evaluation.summary import Summary
from mirnet.pairs import sources
from mirnet.pictures import codec, pixels
from mirnet.restoration.restorer import Restorer
from mirnet.shapes import Pixels
from mirnet.training import checkpoint, start
from mirnet.training.loop import BEST, LAST, StepProgress
from mirnet.training.recipe import Recipe, Span
from mirnet.training.schedule import lay_out
from mirnet.training.summary import SUMMARY

OPTIONS = start.Options(devices=1, viewers=())
"""A single device: with several, Fabric would start this command once more for each."""

REFERENCE = "reference"
"""Subfolder of the restored pictures for the results of PyTorch on the CPU."""

GAIN = 1.0
"""Minimum gain of the mean PSNR by restoration, in dB."""

EXPORTED = "chain"
"""Name of the exported files, without suffix."""

LEVELS = 1.0
"""Largest difference of a value in the saved pictures, in levels of 255."""
DECIBELS = 0.05
"""Largest difference of the mean PSNR, in dB."""

Tell = Callable[[str], None]
"""Called with progress, in a few words."""


class _BrokenOff(Exception):  # noqa: N818 - it is wanted
    """Ends a run as a crash would, right after a checkpoint."""


def train(recipe: Recipe, folder: Path, tell: Tell) -> list[LinkPart]:
    """The two halves of a run that is interrupted half-way, and then resumed.

    Args:
        recipe: recipe with the data of the chain and at least two steps.
        folder: folder of the run.
        tell: called after every step.
    """
    return [
        LinkPart("train", "first half", lambda: _first_half(recipe, folder, tell)),
        LinkPart("train", "resumed", lambda: _resumed(recipe, folder, tell)),
    ]


def trained(folder: Path) -> Path:
    """The checkpoint of a run to evaluate and export: the best one, if any, else the last."""
    best = folder / BEST
    return best if best.exists() else folder / LAST


def evaluate(model: Path, pairs: Path, restored: Path) -> Findings:
    """Restore all noisy pictures with PyTorch on the CPU, measure them, and save them.

    Args:
        model: a checkpoint.
        pairs: folder of pairs or shards that the model was not trained on.
        restored: parent folder of `REFERENCE`.

    Raises:
        MirnetError: if a pair fails, or the network's output is not a valid picture.
    """
    before, after, details = _evaluated(model, pairs, restored)
    did = f"restored {details['pictures']} pictures, {before.psnr:.2f} -> {after.psnr:.2f} dB"
    gain = FigureCheck("gain", after.psnr - before.psnr, ">=", GAIN, "dB")
    return Findings(did, (gain,), details)


def validate(run: Path, pairs: Path, restored: Path) -> Findings:
    """Like `evaluate`, but whole pictures, whose PSNR training must have found in the same weights.

    Args:
        run: folder of the run, which has ended.
        pairs: the pairs that it was validated on.
        restored: parent folder of `REFERENCE`.

    Raises:
        MirnetError: as `evaluate` does.
    """
    before, after, details = _evaluated(trained(run), pairs, restored, whole=True)
    trains = json.loads((run / SUMMARY).read_text(encoding="utf-8"))["best_psnr"]
    did = f"restored {details['pictures']} whole pictures, {before.psnr:.2f} -> {after.psnr:.2f} dB"
    apart = abs(after.psnr - trains)
    check = FigureCheck("differs from training's by", apart, "<=", DECIBELS, "dB", ".4f")
    return Findings(did, (check,), details)


def _evaluated(
    model: Path, pairs: Path, restored: Path, *, whole: bool = False
) -> tuple[Scores, Scores, dict[str, float | int | str]]:
    """Mean scores of the noisy and of the restored pictures, and these as details."""
    images = RestoredImages(restored / REFERENCE, [pairs], [REFERENCE])
    runtime = runtimes.open(model, runtime="pytorch", device="cpu")
    with Restorer(runtime, whole=whole) as restorer:
        method = ModelMethod(REFERENCE, str(model), restorer)
        summary = Summary([method])
        for result in run(sets.open_all([pairs]), [method], images=images):
            if isinstance(result, Failed):
                raise DataError(f"{result.name}: {result.error}")
            if result.outcomes[REFERENCE].tiles_kept:
                raise InferenceError(f"{result.name}: the network's output was not a valid picture")
            summary.add(result)
    before, after = (summary.columns[name].means.scores for name in (INPUT, REFERENCE))
    assert before and after  # a folder without pairs cannot be opened
    details: dict[str, float | int | str] = {
        "pictures": summary.pairs,
        **_details("input", before),
        **_details("restored", after),
    }
    return before, after, details


def write(model: Path, format: str, folder: Path) -> Findings:
    """Export to one format, into a separate folder, so that all files in it belong together.

    Args:
        model: a checkpoint.
        format: one of `export.FORMATS`.
        folder: parent folder of a folder named after the format.

    Raises:
        RuntimeMissingError, ModuleNotFoundError: if a package for the format is not installed.
        WeightsError: as `export.export` does.
    """
    path, difference = export.export(model, format, folder / format, name=EXPORTED)
    size = sum(file.stat().st_size for file in export.files(path))
    check = FigureCheck("largest difference", difference, "<=", export.TOLERANCE, form=".1e")
    did = f"wrote {path.name}, {size / 1e6:.2f} MB"
    return Findings(did, (check,), {"file": f"{path.parent.name}/{path.name}", "bytes": size})


def infer(
    name: str, device: str, models: Path, pairs: Path, restored: Path, *, whole: bool = False
) -> Findings:
    """Restore all noisy pictures with a runtime, save them, and compare them with the reference.

    Args:
        name: name of the runtime.
        device: a device of the runtime.
        models: parent folder of the exported files.
        pairs: folder of pairs or shards.
        restored: parent folder of `REFERENCE`, and of a folder named after runtime and device.
        whole: whether the reference was made of whole pictures.

    Raises:
        RuntimeMissingError: if runtime, device, or a file for them is missing.
        MirnetError: if the runtime fails, or its output is not a valid picture.
    """
    model = model_file(models, runtimes.KINDS[name].suffixes)
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeMissingError("PyTorch sees no CUDA device")
    place = f"{name}-{device}"
    images = RestoredImages(restored / place, [pairs], [place])
    opened = sources.open(pairs)
    levels, psnr, reference_psnr = 0.0, 0.0, 0.0
    with Restorer(runtimes.open(model, runtime=name, device=device), whole=whole) as restorer:
        for index in range(len(opened)):
            noisy, clean = opened.whole(index)
            restoring = restorer.restore(pixels.to_float(noisy))
            image = restoring.image()
            if restoring.tally.kept:
                raise InferenceError(f"{opened.name(index)}: {place} gave no valid picture")
            path = images.save(pairs, place, opened.name(index), image, noisy.dtype)
            result, reference = codec.read(path), codec.read(restored / REFERENCE / path.name)
            levels = max(levels, difference(result, reference))
            psnr += _psnr(result, clean) / len(opened)
            reference_psnr += _psnr(reference, clean) / len(opened)
    checks = (
        FigureCheck("largest difference", levels, "<=", LEVELS, "levels"),
        FigureCheck("PSNR differs by", abs(psnr - reference_psnr), "<=", DECIBELS, "dB", ".4f"),
    )
    details: Details = {"file": f"{model.parent.name}/{model.name}", "psnr": psnr}
    return Findings(f"restored {len(opened)} pictures with {model.name}", checks, details)


def model_file(models: Path, suffixes: Sequence[str]) -> Path:
    """The exported file with the first of these suffixes that exists.

    Raises:
        RuntimeMissingError: if there is none.
    """
    for suffix in suffixes:
        for path in sorted(models.glob(f"*/*{suffix}")):
            return path
    raise RuntimeMissingError(f"no file was exported that it reads: {' '.join(suffixes)}")


def difference(a: Pixels, b: Pixels) -> float:
    """The largest difference, in levels of 255; both have the same integer dtype and shape.

    >>> difference(np.array([[[3, 4, 255]]], np.uint8), np.array([[[4, 4, 253]]], np.uint8))
    2.0
    """
    apart = np.abs(a.astype(int) - b.astype(int)).max()
    return float(apart * 255 / pixels.peak(a.dtype))


def _first_half(recipe: Recipe, folder: Path, tell: Tell) -> Findings:
    steps = _steps(recipe)
    half = steps // 2
    if not half:
        raise RecipeError(f"a run of {steps} steps cannot be interrupted half-way: use 2 or more")
    losses: list[float] = []

    def observe(progress: StepProgress) -> None:
        _tell(progress, tell)
        losses.append(progress.loss)
        if progress.step == half:
            raise _BrokenOff

    with suppress(_BrokenOff):
        broken_off = replace(recipe, save_every=Span(f"{half} steps"))
        start.train(broken_off, folder, OPTIONS, observe=observe)
    saved = checkpoint.load(folder / LAST)["step"]
    did = f"interrupted after {half} of {steps} steps"
    return Findings(did, (_loss(losses), FigureCheck("step saved", saved, "=", half, form="d")))


def _resumed(recipe: Recipe, folder: Path, tell: Tell) -> Findings:
    steps, losses, seen = _steps(recipe), list[float](), list[int]()

    def observe(progress: StepProgress) -> None:
        _tell(progress, tell)
        losses.append(progress.loss)
        seen.append(progress.step)

    summary = start.train(recipe, folder, OPTIONS, observe=observe)
    details: Details = {
        "steps": summary.steps,
        "samples": summary.samples,
        "device": summary.device,
    }
    checks = (
        _loss(losses),
        FigureCheck("first step", seen[0] if seen else 0, "=", steps // 2 + 1, form="d"),
        FigureCheck("last step", summary.steps, "=", steps, form="d"),
    )
    return Findings(f"continued to {trained(folder).name}", checks, details)


def _steps(recipe: Recipe) -> int:
    data, _ = start.open_data(recipe)
    return lay_out(recipe, epoch=data.epoch, processes=1).steps


def _loss(losses: list[float]) -> FigureCheck:
    """Mean loss of the last steps."""
    return FigureCheck("loss", losses[-1] if losses else inf, "<", inf, form=".4f")


def _tell(progress: StepProgress, tell: Tell) -> None:
    tell(f"step {progress.step}/{progress.plan.steps}  loss {progress.loss:.4f}")


def _details(what: str, scores: Scores) -> dict[str, float]:
    named = asdict(scores).items()
    return {f"{what}_{name}": figure for name, figure in named if figure is not None}


def _psnr(picture: Pixels, truth: Pixels) -> float:
    """PSNR of pictures from files, in dB."""
    return metrics.psnr(pixels.to_float(picture), pixels.to_float(truth), data_range=1.0)
