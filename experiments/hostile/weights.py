"""Damaged and hostile weights in every format that is opened."""

import io
import json
import pickle
import random
import struct
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from hostile import damage, materials
from hostile.pictures import LARGE
from hostile.verdict import randomness

RUNTIMES = {
    "safetensors": "pytorch",
    "pth": "pytorch",
    "ckpt": "pytorch",
    "pdparams": "pytorch",
    "onnx": "onnx",
    "mnn": "mnn",
    "openvino": "openvino",
    "paddle": "paddle",
}

CANARY = "code-was-executed"
"""Name of the file that hostile pickles make in the current folder."""

BOMB = 300_000_000
"""Bytes that a few bytes in a file ask for."""


@dataclass(frozen=True)
class Mutation:
    """Files of one model, the one that is opened first."""

    files: tuple[tuple[str, bytes], ...]
    """Names and contents."""
    format: str
    how: str
    """Name of the damage."""


@cache
def bases(folder: Path) -> dict[str, tuple[tuple[str, bytes], ...]]:
    """The tiny network in all formats."""
    return {
        format: tuple((path.name, path.read_bytes()) for path in files)
        for format, files in materials.weights(folder).items()
    }


def mutated(folder: Path, seed: int, number: int) -> Mutation:
    """The mutation of this number; every format gets its turn."""
    rng = randomness(seed, "weights", number)
    formats = list(bases(folder))
    format = formats[number % len(formats)]
    files = list(bases(folder)[format])
    place = rng.randrange(len(files))
    name, content = files[place]
    choice = rng.random()
    if choice < 0.6:
        damaging = rng.choice(damage.ALL)
        changed, how = damaging(content, rng), damaging.__name__
    elif choice < 0.7:
        other = bases(folder)[rng.choice(formats)][0][1]
        changed, how = damage.splice(content, other, rng), "splice"
    elif choice < 0.75:
        changed, how = bases(folder)[rng.choice(formats)][0][1], "other format"
    else:
        place = 0
        name = files[0][0]
        changed, how = _hostile(files[0][1], format, rng)
    files[place] = (name, changed)
    return Mutation(tuple(files), format, how)


def checksum_error(content: bytes) -> str | None:
    """What the checksums of a zip file say, as .pth and .ckpt are; None for others."""
    if not content.startswith(b"PK"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            wrong = file.testzip()
    except Exception as error:  # of many types
        return f"{type(error).__name__}: {error}"
    return f"checksum of {wrong}" if wrong else None


def _hostile(content: bytes, format: str, rng: random.Random) -> tuple[bytes, str]:
    if format == "safetensors":
        return _lie_safetensors(content, rng)
    if format in ("pth", "ckpt"):
        return rng.choice((_pickled_zip, _bomb_zip, _plain_pickle, _lie_zip))(content, rng)
    if format == "pdparams":
        return _plain_pickle(content, rng)
    if format == "onnx":
        return rng.choice((_lie_onnx, _lie_onnx, _foreign_onnx))(content, rng)
    if format == "openvino":
        return _lie_xml(content, rng)
    return damage.flip_head(content, rng), "flip_head"


class _Call:
    """Pickled as a call of a function with arguments."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


def _payload(rng: random.Random) -> tuple[bytes, str]:
    """A pickle that does harm where it is trusted."""
    import os

    kinds: dict[str, object] = {
        "calls os.mkdir": {"state_dict": {"a": _Call(os.mkdir, CANARY)}},
        "calls eval": {"params": {"a": _Call(eval, f"open({CANARY!r}, 'w')")}},
        "calls open": _Call(open, CANARY, "w"),
        "asks for bytes": {"a": _Call(list, _Call(bytes, BOMB))},
        "asks for a bytearray": {"a": _Call(bytearray, BOMB)},
        "deep": None,
        "an integer": 7,
        "no tensors": {"params": {"a": "text", "b": None}},
        "keys that are numbers": {1: 2},
        "wrong shapes": {"params": {f"a{each}": np.ones((3, 3)) for each in range(9)}},
        "objects": {"params": np.array([_Call(os.mkdir, CANARY)], object)},
    }
    how = rng.choice(list(kinds))
    if how == "deep":  # a list in a list in a list, deeper than pickle itself writes
        return b"\x80\x02" + 5000 * b"]" + 4999 * b"a" + b".", how
    return pickle.dumps(kinds[how], rng.choice((2, 4))), how


def _plain_pickle(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    if rng.random() < 0.2:  # a length that lies, in front of nothing
        claimed = rng.choice((b"\x8e", b"\x8d", b"\x96")) + struct.pack("<Q", 1 << 31)
        return b"\x80\x05" + claimed + b"abc.", "a length that lies"
    return _payload(rng)


def _pickled_zip(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """The pickle inside is another one."""
    pickled, how = _payload(rng)
    return _rezip(content, "data.pkl", lambda _: pickled), how


def _bomb_zip(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A record decompresses to a size far beyond its own."""
    name = rng.choice(("data.pkl", "data/0", "version"))
    return _rezip(content, name, lambda _: bytes(BOMB), deflate=True), f"bomb in {name}"


def _lie_zip(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A size, an offset or a checksum in the zip's directory."""
    at = content.rindex(b"PK\1\2") + rng.choice((16, 20, 24, 28, 42))
    field = struct.pack("<I", rng.choice(LARGE))
    return content[:at] + field + content[at + 4 :], "lie in the directory"


def _rezip(content: bytes, wanted: str, change: object, *, deflate: bool = False) -> bytes:
    assert callable(change)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            body = old.read(name)
            is_it = name.endswith(f"/{wanted}")
            kind = zipfile.ZIP_DEFLATED if deflate and is_it else zipfile.ZIP_STORED
            entry = zipfile.ZipInfo(name)  # without the time of day, which no seed knows
            entry.compress_type = kind
            new.writestr(entry, change(body) if is_it else body)
    return made.getvalue()


def _lie_safetensors(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    body = content[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    name = rng.choice(names)
    how = rng.choice(
        ("length", "shape", "dtype", "offsets", "deep", "metadata", "missing", "name", "values")
    )
    if how == "length":
        return struct.pack("<Q", rng.choice((0, 1, 1 << 30, 1 << 62, 2**64 - 1))) + body, how
    if how == "deep":
        text = b"[" * 100_000
        return struct.pack("<Q", len(text)) + text, how
    if how == "shape":
        header[name]["shape"] = rng.choice(([], [0], [-1], [1 << 40, 1 << 40], [3, 3], "x"))
    elif how == "dtype":
        header[name]["dtype"] = rng.choice(("F64", "I64", "BOOL", "F8_E4M3", "BF16", "X", 7))
    elif how == "offsets":
        header[name]["data_offsets"] = rng.choice(([0, 4], [4, 0], [0, 1 << 50], [-4, 0], []))
    elif how == "metadata":
        described = rng.choice(
            ("{", "[]", "7", '{"version": 99}', '{"version": 1}', "[" * 50_000, "")
        )
        header["__metadata__"] = {"mirnet": described}
    elif how == "missing":
        del header[name]
    elif how == "name":
        header["x" * 100_000] = header.pop(name)
    else:
        value = rng.choice((float("nan"), float("inf"), 1e38))
        body = np.full(len(body) // 4, value, "<f4").tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body, how


def _lie_onnx(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Facts, shapes or attributes of our own model that are not true."""
    model = onnx.load_from_string(content)
    how = rng.choice(("facts", "input", "tensor", "attribute", "operator", "edge"))
    if how == "facts":
        for entry in model.metadata_props:
            entry.value = rng.choice(("", "7", "{}", "-1", '{"scale": 1000000}', "[" * 20_000))
    elif how == "input":
        dimensions = model.graph.input[0].type.tensor_type.shape.dim
        dimensions[rng.randrange(len(dimensions))].dim_value = rng.choice((0, 1, 2, 7, 1 << 40))
    elif how == "tensor":
        tensor = rng.choice(model.graph.initializer)
        if tensor.dims:
            tensor.dims[0] = rng.choice((0, 1, 1 << 20, 1 << 40))
    elif how == "attribute":
        nodes = [node for node in model.graph.node if any(each.ints for each in node.attribute)]
        attribute = rng.choice([each for each in rng.choice(nodes).attribute if each.ints])
        attribute.ints[0] = rng.choice((-1, 0, 7, 1 << 20, 1 << 40))
    elif how == "operator":
        rng.choice(model.graph.node).op_type = rng.choice(("Neg", "NonZero", "Loop", "Nothing"))
    else:
        node = rng.choice([node for node in model.graph.node if node.input])
        node.input[0] = rng.choice(("missing", model.graph.output[0].name))
    return model.SerializeToString(), how


def _foreign_onnx(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Small models of other kinds, some of which ask for much more memory than there is."""
    how = rng.choice(("expand", "constant", "uint8", "one channel", "outside", "nan"))
    kind = TensorProto.UINT8 if how == "uint8" else TensorProto.FLOAT
    channels = 1 if how == "one channel" else 3
    shape: list[str | int | None] = [1, channels, "h", "w"]
    constants = []
    if how == "expand":
        side = 10**6
        constants = [helper.make_tensor("shape", TensorProto.INT64, [4], [1, 3, side, side])]
        nodes = [helper.make_node("Expand", ["x", "shape"], ["y"])]
    elif how in ("constant", "nan"):
        factor = 0.0 if how == "constant" else float("nan")
        constants = [helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor])]
        nodes = [helper.make_node("Mul", ["x", "factor"], ["y"])]
    elif how == "outside":  # weights in another file
        tensor = helper.make_tensor("factor", TensorProto.FLOAT, [1], [1.0])
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "../../../../etc/passwd"
        constants = [tensor]
        nodes = [helper.make_node("Mul", ["x", "factor"], ["y"])]
    else:
        nodes = [helper.make_node("Identity", ["x"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, shape)],
        constants,
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString(), how


def _lie_xml(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A number in the description of the network, or entities."""
    if rng.random() < 0.2:
        entities = b"".join(
            f'<!ENTITY e{each + 1} "{f"&e{each};" * 10}">'.encode() for each in range(9)
        )
        head = b'<?xml version="1.0"?><!DOCTYPE n [<!ENTITY e0 "aaaaaaaaaa">' + entities + b"]>"
        return head + b'<net name="&e9;" version="11"></net>', "entities"
    digits = [place for place in range(len(content)) if content[place : place + 1].isdigit()]
    at = rng.choice(digits)
    number = rng.choice((b"0", b"-1", b"7", b"99999", b"9999999999999", b"x"))
    return content[:at] + number + content[at + 1 :], "lie"
