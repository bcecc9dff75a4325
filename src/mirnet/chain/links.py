"""The links of the chain in their order, with all their parts."""

from functools import partial
from pathlib import Path

from mirnet import export, runtimes
from mirnet.chain import evaluating, exporting, inferring, preparing, training
from mirnet.chain.parts import Outcome, Part
from mirnet.chain.setting import Setting

DATA, RUN, MODELS, RESTORED = "data", "run", "models", "restored"
"""The folders that a chain makes in its own."""


def parts(setting: Setting, tell: training.Tell) -> list[Part]:
    """All that is done with this setting; nothing of it begins here.

    Args:
        setting: what the user wants.
        tell: is told how far the training is.
    """
    return [
        *_prepare(setting),
        *training.parts(setting.recipe, setting.folder / RUN, tell),
        Part(evaluating.LINK, "pytorch cpu", partial(_evaluate, setting)),
        *_export(setting),
        *_infer(setting),
    ]


def _prepare(setting: Setting) -> list[Part]:
    folder = setting.folder / DATA
    if not setting.source:
        return preparing.drawn(folder)
    if setting.is_sidd:
        return preparing.from_sidd(setting.source, folder)
    return preparing.given(setting.source)


def _evaluate(setting: Setting) -> Outcome:
    model = training.trained(setting.folder / RUN)
    return evaluating.evaluate(model, _held_out(setting), setting.folder / RESTORED)


def _export(setting: Setting) -> list[Part]:
    run, models = setting.folder / RUN, setting.folder / MODELS

    def write(format: str) -> Outcome:
        return exporting.write(training.trained(run), format, models)

    return [
        Part(exporting.LINK, format, partial(write, format), optional=True, independent=True)
        for format in export.FORMATS
    ]


def _infer(setting: Setting) -> list[Part]:
    """A runtime that was asked for has to run on the CPU; all others may be missing."""
    folders = setting.folder / MODELS, _held_out(setting), setting.folder / RESTORED
    return [
        Part(
            inferring.LINK,
            f"{name} {device}",
            partial(inferring.infer, name, device, *folders),
            optional=name not in setting.runtimes or device != "cpu",
            independent=True,
        )
        for name in setting.runtimes or runtimes.KINDS
        for device in runtimes.KINDS[name].devices
    ]


def _held_out(setting: Setting) -> Path:
    return Path(setting.recipe.validation.pairs)
