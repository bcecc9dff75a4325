"""A `.mnn` file in which equal weights are stored once, however many convolutions use them.

MNN's converter gives each convolution its own weights. Here it writes the graph with a one-number
placeholder for each; the weights are then appended to the graph, and pointers to placeholders are
redirected to them. Flatbuffers allow several pointers to one vector, so MNN reads such a file like
any other.
"""

import json
import struct
from dataclasses import dataclass

OPERATIONS, MAIN, WEIGHT, BIAS, QUANTIZED, BUFFER = 3, 2, 1, 2, 3, 0
"""Field numbers in MNN's schema: `Net.oplists`, `Op.main`, `Convolution2D.weight`, `.bias`,
`.quanParameter` and its `.buffer`."""


@dataclass(frozen=True)
class Vector:
    """Numbers of one convolution."""

    operation: int
    """Index among the operations of the graph."""
    fields: tuple[int, ...]
    """Path of field numbers from the operation to the vector."""
    width: int
    """Bytes per number."""
    content: bytes


def take_out(graph: str, weights: bytes) -> tuple[str, list[Vector]]:
    """Replace weights that the converter wrote next to the graph by placeholders.

    Args:
        graph: the graph in MNN's JSON, converted with `--saveExternalData`.
        weights: contents of the file next to it.

    Returns:
        The graph with stand-ins, in the same JSON, and what belongs in their place.
    """
    net = json.loads(graph)
    vectors = []
    for place, operation in enumerate(net["oplists"]):
        main = operation.get("main", {})
        if "external" not in main:
            continue
        start, *sizes = main.pop("external")
        main["bias"] = [0.0]
        if "quanParameter" in main:  # half precision; it has no scales besides weights and biases
            main["quanParameter"]["buffer"] = [0]
            size, _, bias_size, *_ = sizes
            weight = Vector(place, (MAIN, QUANTIZED, BUFFER), 1, weights[start:][:size])
        else:
            main["weight"] = [0.0]
            size, bias_size = sizes
            weight = Vector(place, (MAIN, WEIGHT), 4, weights[start:][:size])
        bias = Vector(place, (MAIN, BIAS), 4, weights[start + size :][:bias_size])
        vectors += [weight, bias]
    return json.dumps(net), vectors


def put_back(graph: bytes, vectors: list[Vector]) -> list[bytes | bytearray]:
    """The parts of a complete model: the graph with changed pointers, and each unique vector once.

    Args:
        graph: with placeholders, in MNN's own format.
        vectors: the vectors that they stand for.
    """
    changed = bytearray(graph)
    changed += bytes(-len(changed) % 4)
    parts: list[bytes | bytearray] = [changed]
    end = len(changed)
    known: dict[tuple[int, bytes], int] = {}
    operations = _target(changed, _field(changed, _target(changed, 0), OPERATIONS))
    for vector in vectors:
        pointer = operations + 4 * (1 + vector.operation)  # after the vector's length
        for field in vector.fields:
            pointer = _field(changed, _target(changed, pointer), field)
        key = vector.width, vector.content
        if key not in known:
            known[key] = end
            count = struct.pack("<I", len(vector.content) // vector.width)
            parts += [count, vector.content, bytes(-len(vector.content) % 4)]
            end += sum(map(len, parts[-3:]))
        struct.pack_into("<I", changed, pointer, known[key] - pointer)
    return parts


def _target(graph: bytearray, pointer: int) -> int:
    """The target of a pointer, which stores the relative offset."""
    distance: int = struct.unpack_from("<I", graph, pointer)[0]
    return pointer + distance


def _field(graph: bytearray, table: int, number: int) -> int:
    """Position of a field of a table, from the table's list of offsets."""
    distances = table - struct.unpack_from("<i", graph, table)[0]
    distance: int = struct.unpack_from("<H", graph, distances + 4 + 2 * number)[0]
    return table + distance
