"""A `.mnn` file in which equal weights stand once, however many convolutions use them.

MNN's converter gives each convolution weights of its own. Here it writes the graph with a stand-in
of one number for each; the weights then follow behind the graph, and what pointed to a stand-in
points to them. In flatbuffers several places may point to one vector, so MNN reads such a file as
it reads any other.
"""

import json
import struct
from dataclasses import dataclass

OPERATIONS, MAIN, WEIGHT, BIAS, QUANTIZED, BUFFER = 3, 2, 1, 2, 3, 0
"""Numbers of fields in MNN's schema: `Net.oplists`, `Op.main`, `Convolution2D.weight`, `.bias`,
`.quanParameter` and its `.buffer`."""


@dataclass(frozen=True)
class Vector:
    """Numbers of one convolution."""

    operation: int
    """Its place among the operations of the graph."""
    fields: tuple[int, ...]
    """The way to them from there."""
    width: int
    """Bytes of each number."""
    content: bytes


def take_out(graph: str, weights: bytes) -> tuple[str, list[Vector]]:
    """Put stand-ins in the place of weights that the converter wrote beside the graph.

    Args:
        graph: the graph in MNN's JSON, converted with `--saveExternalData`.
        weights: what stands in the file beside it.

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
        if "quanParameter" in main:  # half precision; besides weights and biases it has no scales
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
    """The parts of a whole model: the graph, its pointers changed, and each different vector once.

    Args:
        graph: with stand-ins, in MNN's own format.
        vectors: what belongs in their place.
    """
    changed = bytearray(graph)
    changed += bytes(-len(changed) % 4)
    parts: list[bytes | bytearray] = [changed]
    end = len(changed)
    known: dict[tuple[int, bytes], int] = {}
    operations = _target(changed, _field(changed, _target(changed, 0), OPERATIONS))
    for vector in vectors:
        pointer = operations + 4 * (1 + vector.operation)  # after their number
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
    """What a pointer points to: it holds the distance."""
    distance: int = struct.unpack_from("<I", graph, pointer)[0]
    return pointer + distance


def _field(graph: bytearray, table: int, number: int) -> int:
    """Where a field of a table stands: the table knows where a list of the distances is."""
    distances = table - struct.unpack_from("<i", graph, table)[0]
    distance: int = struct.unpack_from("<H", graph, distances + 4 + 2 * number)[0]
    return table + distance
