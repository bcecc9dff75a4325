"""The statement in an exported file: the facts of its weights, and its origin."""

import importlib.metadata
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mirnet.models import identity
from mirnet.models.checkpoint import Weights


def origin(source: Path) -> dict[str, Any]:
    """Origin of a file: the version of mirnet, and the SHA-256 of its source.

    Raises:
        OSError: if the source cannot be read.
    """
    return {
        "mirnet": importlib.metadata.version("mirnet"),
        "source_sha256": identity.digest(source),
    }


def text(weights: Weights) -> str:
    """The facts, and what is lost in formats without our tensors, as JSON in one line."""
    facts = {
        **weights.facts,
        "configuration": asdict(weights.configuration),
        "parameters": sum(tensor.numel() for tensor in weights.tensors.values()),
        "multiple": weights.configuration.multiple,
    }
    return json.dumps(facts)
