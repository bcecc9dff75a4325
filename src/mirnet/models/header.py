"""What a safetensors or ONNX file says of its network, read without torch or a runtime."""

import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirnet.errors import WeightsError
from mirnet.models.facts import KEY, Facts

LARGEST = 100_000_000
"""Bytes of the longest header that the format permits."""
LONGEST, UNHEARD_OF = 1 << 20, 1 << 40
"""Bytes of the longest statement that is read, and of more than any file has."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself, not compared with its tensors."""

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
    """Read the header of a safetensors file, or of an ONNX file that mirnet wrote.

    Raises:
        WeightsError: if it has none.
        OSError: if it cannot be read.
    """
    is_onnx = path.suffix.lower() == ".onnx"
    try:
        with path.open("rb") as file:
            return _of_onnx(file) if is_onnx else _of_safetensors(file)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        kind = "ONNX file of mirnet" if is_onnx else "safetensors file"
        raise WeightsError(f"{path}: is no {kind}, or a damaged one ({error})") from error


def _of_safetensors(file: io.BufferedIOBase) -> Header:
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
    return Header(parameters, statement)


METADATA, ENTRY_KEY, ENTRY_VALUE = 14, 1, 2
"""Numbers of ONNX's `ModelProto.metadata_props`, and of the fields of its entries (onnx.proto)."""


def _of_onnx(file: io.BufferedIOBase) -> Header:
    for number, content in _fields(file):
        if number != METADATA:
            continue
        entry = dict(_fields(io.BytesIO(content)))
        if entry.get(ENTRY_KEY) == KEY.encode():
            statement = json.loads(entry[ENTRY_VALUE])
            return Header(int(statement["parameters"]), statement)
    raise ValueError("it states nothing")


def _fields(file: io.BufferedIOBase) -> Iterator[tuple[int, bytes]]:
    """The fields of a protobuf message that have a length; long ones are passed over, and empty.

    The wire format is that of protobuf.dev/programming-guides/encoding.
    """
    while (tag := _varint(file)) is not None:
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            _varint(file)
        elif kind in (1, 5):
            file.seek(8 if kind == 1 else 4, io.SEEK_CUR)
        elif kind == 2 and (size := _varint(file)) is not None:
            is_short = size <= LONGEST
            content = file.read(size) if is_short else b""
            if is_short and len(content) < size:
                raise ValueError("it ends early")
            if size > UNHEARD_OF:
                raise ValueError("it has a field that is longer than any file")
            if not is_short:
                file.seek(size, io.SEEK_CUR)
            yield number, content
        else:
            raise ValueError(f"it has a field of kind {kind}")


def _varint(file: io.BufferedIOBase) -> int | None:
    """The next number; None at the end."""
    value = 0
    for place in range(10):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << 7 * place
        if byte[0] < 0x80:
            return value
    raise ValueError("it has a number of more than 64 bits")
