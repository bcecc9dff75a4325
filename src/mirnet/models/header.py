"""The header of a safetensors file: its statement and shapes, read without torch."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirnet.errors import WeightsError
from mirnet.models.facts import KEY, Facts

LARGEST = 100_000_000
"""Bytes of the longest header that the format permits."""


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself, not compared with its tensors."""

    parameters: int
    """Number of learned parameters."""
    statement: dict[str, Any]
    """What mirnet wrote with the tensors: configuration, task and the like; empty if nothing."""

    @property
    def network(self) -> str:
        """The stated architecture in words; empty if none is stated.

        >>> stated = {"width": 48, "groups": [1, 2, 4], "blocks_per_group": 2, "unshuffle": 2}
        >>> Header(0, {"configuration": stated}).network
        'width 48, groups 1, 2, 4, 2 blocks each, half resolution'
        """
        network = self._configuration
        groups = network.get("groups")
        if not isinstance(groups, list) or "width" not in network:
            return ""
        words = [f"width {network['width']}", f"groups {', '.join(map(str, groups))}"]
        blocks = network.get("blocks_per_group")
        words.append("1 block each" if blocks == 1 else f"{blocks} blocks each")
        if network.get("unshuffle") == 2:
            words.append("half resolution")
        if window := network.get("window"):
            words.append(f"windows of {window} pixels")
        if (scale := network.get("scale", 1)) != 1:
            words.append(f"enlarges {scale} times")
        return ", ".join(words)

    @property
    def _configuration(self) -> dict[str, Any]:
        configuration = self.statement.get("configuration")
        return configuration if isinstance(configuration, dict) else {}

    @property
    def facts(self) -> Facts:
        """The facts as far as they are stated."""
        network = self._configuration
        stated = {"parameters": self.parameters, **self.statement}
        if type(unshuffle := network.get("unshuffle", 1)) is int:
            window = network.get("window", 0)
            # as the network's own `multiple`, which needs torch
            multiple = window // 3 if type(window) is int and window else 4 * unshuffle
            stated = {"multiple": multiple, **stated}
        return Facts.of(stated)


def read(path: Path) -> Header:
    """Read the header of a file.

    Raises:
        WeightsError: if it has none.
        OSError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > LARGEST:
                raise ValueError("longer than the format permits")
            header = json.loads(file.read(size))
        statement = json.loads(header.get("__metadata__", {}).get(KEY, "{}"))
        parameters = sum(
            math.prod(one["shape"]) for name, one in header.items() if name != "__metadata__"
        )
        if not isinstance(statement, dict):
            raise TypeError("its statement is no dict")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{path}: is no safetensors file, or a damaged one ({error})") from error
    return Header(parameters, statement)
