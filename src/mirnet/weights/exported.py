"""The facts that `mirnet export` writes into models for other runtimes, read without any package.

Each format is read in its outermost layer only; the network itself is skipped.
"""

import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

KEY = "mirnet"
"""What the facts are called, where a format has names for texts."""

LONGEST = 1_000_000
"""Of the facts, in bytes: what claims to be longer is none of ours."""


LENGTHS = {0: 0, 1: 8, 5: 4}
"""Of protobuf's numbers, by kind; those of kind 0 have been read to find their end."""


def facts(path: Path) -> dict[str, Any]:
    """The facts of a file of one of `READERS`; none where it has not any, or is damaged.

    Raises:
        OSError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = json.loads(READERS[path.suffix.lower()](file))
    except (ValueError, KeyError, struct.error, ElementTree.ParseError):
        return {}
    return found if isinstance(found, dict) else {}


def _in_onnx(file: BinaryIO) -> bytes:
    """Among the metadata, field 14: pairs of a name, 1, and a text, 2."""
    for field, length in _fields(file, 0, file.seek(0, os.SEEK_END)):
        if field == 14 and length <= LONGEST:
            start = file.tell()
            pair = {part: file.read(size) for part, size in _fields(file, start, start + length)}
            if pair.get(1) == KEY.encode():
                return pair.get(2, b"")
    return b""


def _fields(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Number and length of each text or message in one of protobuf; the file stands before it."""
    while start < end:
        file.seek(start)
        field, kind = divmod(_varint(file), 8)
        if kind == 0:
            _varint(file)
        length = _varint(file) if kind == 2 else LENGTHS[kind]
        start = file.tell() + length
        if start > end:
            raise ValueError("a field reaches beyond its message")
        if kind == 2:
            yield field, length


def _varint(file: BinaryIO) -> int:
    """A number in pieces of 7 bits, the lowest first; the last one has no bit in front."""
    value = 0
    for shift in range(0, 64, 7):
        piece: int = struct.unpack("B", file.read(1))[0]
        value |= (piece & 0x7F) << shift
        if piece < 0x80:
            return value
    raise ValueError("no number of protobuf is as long")


def _in_openvino(file: BinaryIO) -> str:
    """Under `rt_info`, at the end of the file; layers have such elements too."""
    for _, element in ElementTree.iterparse(file):
        entry = element.find(KEY) if element.tag == "rt_info" else None
        if entry is not None:
            return entry.get("value", "")
    return ""


def _in_mnn(file: BinaryIO) -> bytes:
    """The `bizCode`, the first field of the outermost table of flatbuffers."""

    def number(place: int, kind: str) -> int:
        file.seek(place)
        value: int = struct.unpack(kind, file.read(struct.calcsize(kind)))[0]
        return value

    table = number(0, "<I")
    offsets = table - number(table, "<i")
    text = table + number(offsets + 4, "<H")
    text += number(text, "<I")
    length = number(text, "<I")
    return file.read(min(length, LONGEST))


def _in_paddle(file: BinaryIO) -> str:
    """In the program beside the parameters, which is JSON, under a name that Paddle overlooks."""
    program = Path(file.name).with_suffix(".json")
    content = json.loads(program.read_bytes()) if program.is_file() else None
    return json.dumps(content[KEY]) if isinstance(content, dict) and KEY in content else ""


READERS: dict[str, Callable[[BinaryIO], str | bytes]] = {
    ".onnx": _in_onnx,
    ".xml": _in_openvino,
    ".mnn": _in_mnn,
    ".pdiparams": _in_paddle,
}
