"""ONNX: one graph for any batch, height and width, or for one size."""

import contextlib
import logging
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.export import Dim

from mirnet.export.facts import text
from mirnet.models.checkpoint import Weights
from mirnet.models.content import HALF
from mirnet.models.facts import KEY

OPSET = 18
"""The oldest opset the exporter writes without conversion; ONNX Runtime reads it since 1.14."""


def write(
    weights: Weights, path: Path, *, size: tuple[int, int] | None = None, half: bool = False
) -> None:
    """Write the network with input `noisy` and output `restored`, b 3 h w, float32.

    Height and width are any multiples of the configuration's. The facts of the weights are stored
    in the file's metadata.

    Args:
        weights: of the network.
        path: the file.
        size: fixed height and width of the input; None for any batch, height and width.
        half: store the weights in half precision; the network computes in float32.
    """
    multiple = weights.configuration.multiple
    height, width = size or (8 * multiple, 12 * multiple)
    dynamic = {
        0: Dim("batch", max=1024),
        2: multiple * Dim("height", max=8192),
        3: multiple * Dim("width", max=8192),
    }
    shapes: dict[str, Any] = {} if size else {"dynamic_shapes": {"x": dynamic}}
    example = torch.rand(1 if size else 2, weights.configuration.in_channels, height, width)
    with _quiet_exporter():
        program = torch.onnx.export(
            weights.network(),
            (example,),
            input_names=["noisy"],
            output_names=["restored"],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
            **shapes,
        )
    assert program is not None  # only the old exporter returns None
    model = program.model_proto
    _strip(model.graph)
    if half:
        _halve(model.graph, weights.tensors.keys())
    onnx.helper.set_model_props(model, {KEY: text(weights)})
    onnx.save(model, path)


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence deprecations inside torch's own exporter, and its warning about torchvision."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _strip(graph: onnx.GraphProto) -> None:
    """Drop the exporter's stack traces, which take half of a small file."""
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


def _halve(graph: onnx.GraphProto, names: Collection[str]) -> None:
    """Store these tensors in float16, each with a node that casts it back to float32.

    Runtimes do the cast once, when they load the file.
    """
    nodes = list(graph.node)
    del graph.node[:]
    for tensor in graph.initializer:
        if tensor.name in names:
            name, values = tensor.name, numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}{HALF}"))
            graph.node.append(
                onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT)
            )
    graph.node.extend(nodes)
