"""What the server offers: models with their cards in short, formats, limits."""

import importlib.util
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mirnet.models import catalog, header
from mirnet.pictures import codec, heic, jxl, raw
from mirnet.serve.settings import Settings

EXTRAS = (
    (raw.SUFFIXES, "raw", "rawpy"),
    (heic.SUFFIXES, "heif", "pillow_heif"),
    (jxl.SUFFIXES, "jxl", "pylibjxl"),
)
"""Suffixes that need an extra, its name, and the module it brings."""


def shown_name(model: str) -> str:
    """Name under which a model is offered: of a file, the name without its folder.

    >>> shown_name("denoise"), shown_name("/home/me/mine.onnx")
    ('denoise', 'mine.onnx')
    """
    return model if catalog.find(model) else Path(model).name


def names(settings: Settings) -> list[str]:
    """Names of all models offered, the default first."""
    given = map(shown_name, settings.engine.models)
    return list(dict.fromkeys([*given, *(model.name for model in catalog.MODELS)]))


def find(settings: Settings, name: str) -> str | None:
    """The model offered under this name, as `mirnet.load` takes it; None if there is none."""
    for model in settings.engine.models:
        if shown_name(model) == name:
            return model
    return name if catalog.find(name) else None


def describe(settings: Settings, facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What /v1/models answers.

    Args:
        settings: of the server.
        facts: of models that are files, as far as they are known; see `Studio.facts`.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        installed = version("mirnet")
    except PackageNotFoundError:  # run from its sources
        installed = "0"
    missing = [one for one in EXTRAS if importlib.util.find_spec(one[2]) is None]
    lacking = frozenset().union(*(suffixes for suffixes, _, _ in missing))
    limits = settings.limits
    return {
        "default": shown_name(settings.engine.model),
        "models": [
            _bundled(name)
            if catalog.find(name)
            else _file(name, facts.get(find(settings, name) or "", {}))
            for name in names(settings)
        ],
        "formats_in": sorted(codec.SUFFIXES - lacking),
        "formats_out": list(codec.FORMATS),
        "missing_extras": [
            {
                "suffixes": sorted(suffixes),
                "extra": extra,
                "install": f'pip install "mirnet[{extra}]"',
            }
            for suffixes, extra, _ in missing
        ],
        "limits": {
            "bytes": limits.bytes,
            "megapixels": limits.megapixels,
            "jobs_per_client": limits.jobs_per_client,
            "region_megapixels": limits.region_megapixels,
            "results_hours": limits.keep_hours,
            "results_gigabytes": limits.keep_gigabytes,
        },
        "version": installed,
    }


def _file(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "task": facts.get("task", ""),
        "scale": facts.get("scale", 1),
        "parameters": facts.get("parameters"),
        "summary": "",
        "card": "",
    }


@lru_cache(maxsize=16)
def _bundled(name: str) -> dict[str, Any]:
    found = catalog.find(name)
    assert found
    facts = header.read(found.weights()).facts
    return {
        "name": found.name,
        "task": found.task,
        "scale": facts.scale,
        "parameters": facts.parameters,
        "summary": found.summary,
        "licence": found.licence,
        "card": found.card().read_text(encoding="utf-8"),
    }
