"""Run a chain: all its parts in order, in its folder, with the record updated after each."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, runtime_checkable

from mirnet import export, runtimes
from mirnet.chain import links, outputs, preparing
from mirnet.chain.config import ChainConfig
from mirnet.chain.parts import Findings, LinkPart, PartResult, Status, run


@runtime_checkable
class ChainObserver(Protocol):
    """Receives progress events."""

    def begin(self, part: LinkPart) -> None:
        """A part is about to start."""

    def tell(self, message: str) -> None:
        """Progress of the part, in a few words."""

    def end(self, result: PartResult) -> None:
        """A part was run or skipped."""


def chain(
    config: ChainConfig, observer: ChainObserver, *, keep: bool = False
) -> Sequence[PartResult]:
    """Run all parts; the record in the folder is rewritten after each.

    Args:
        config: the chain to run.
        observer: receives progress events.
        keep: whether the files of a lite chain are kept although it passed.

    Returns:
        Results of the parts, including one that failed.

    Raises:
        DataError: as `outputs.claim` does.
        OSError: if folder or disk do not take record or log.
        KeyboardInterrupt: after an interruption, which is recorded.
    """
    outputs.claim(config.folder)
    results: list[PartResult] = []
    status = Status.INTERRUPTED
    try:
        with outputs.logging_into(config.folder):
            _write(config, results, Status.RUNNING)
            for result in run(parts(config, observer.tell), observer.begin):
                results.append(result)
                _write(config, results, Status.RUNNING)
                observer.end(result)
        status = outputs.status(results)
    finally:
        _write(config, results, status)
    if status == Status.PASSED and config.mode == "lite" and not keep:
        outputs.tidy(config.folder)
    return results


def parts(config: ChainConfig, tell: links.Tell) -> list[LinkPart]:
    """All parts of all links in order; nothing is started.

    Args:
        config: the chain to run.
        tell: called with the training's progress.
    """
    real = _real(config.real, tell) if config.real else []
    return [
        *_prepare(config),
        *links.train(config.recipe, config.run, tell),
        LinkPart("evaluate", "pytorch cpu", partial(_evaluate, config)),
        *_export(config),
        *_infer(config),
        *(replace(part, link=f"real {part.link}") for part in real),
    ]


def _real(config: ChainConfig, tell: links.Tell) -> list[LinkPart]:
    """The real network: too few steps for a gain, but all that a long run would do."""
    assert config.source is not None
    return [
        *preparing.split(config.source, config.data),
        *links.train(config.recipe, config.run, tell),
        LinkPart("evaluate", "pytorch cpu", partial(_validate, config)),
        *_export(config),
        *_infer(config, whole=True),
    ]


def _prepare(config: ChainConfig) -> list[LinkPart]:
    if not config.source:
        return preparing.drawn(config.data)
    if config.is_sidd:
        return preparing.from_sidd(config.source, config.data)
    return preparing.given(config.source)


def _evaluate(config: ChainConfig) -> Findings:
    return links.evaluate(links.trained(config.run), config.held_out, config.restored)


def _validate(config: ChainConfig) -> Findings:
    return links.validate(config.run, config.held_out, config.restored)


def _export(config: ChainConfig) -> list[LinkPart]:
    def write(format: str) -> Findings:
        return links.write(links.trained(config.run), format, config.models)

    return [
        LinkPart("export", format, partial(write, format), optional=True, independent=True)
        for format in export.FORMATS
    ]


def _infer(config: ChainConfig, *, whole: bool = False) -> list[LinkPart]:
    """A runtime that was requested must run on the CPU; all others may be missing."""
    folders = config.models, config.held_out, config.restored
    return [
        LinkPart(
            "infer",
            f"{name} {device}",
            partial(links.infer, name, device, *folders, whole=whole),
            optional=name not in config.runtimes or device != "cpu",
            independent=True,
        )
        for name in config.runtimes or runtimes.KINDS
        for device in runtimes.KINDS[name].devices
    ]


def _write(config: ChainConfig, results: Sequence[PartResult], status: Status) -> None:
    outputs.write(outputs.record(config, results, status), config.folder)
