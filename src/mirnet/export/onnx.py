"""ONNX: one graph for any batch, height and width."""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import onnx
import torch
from torch.export import Dim

from mirnet.shapes import MULTIPLE
from mirnet.weights.checkpoint import Weights

OPSET = 18
"""The oldest that the exporter writes without conversion; ONNX Runtime reads it since 1.14."""


def write(weights: Weights, path: Path) -> None:
    """Write the network with input `noisy` and output `restored`, b 3 h w, float32.

    Height and width are any multiples of 4. The facts of the weights stand in the file's metadata.
    """
    network = weights.network()
    height, width = MULTIPLE * Dim("height", max=8192), MULTIPLE * Dim("width", max=8192)
    with _quiet_exporter():
        program = torch.onnx.export(
            network,
            (torch.rand(2, weights.configuration.in_channels, 32, 48),),
            input_names=["noisy"],
            output_names=["restored"],
            dynamic_shapes={"x": {0: Dim("batch", max=1024), 2: height, 3: width}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # it is None only with the exporter of old
    model = program.model_proto
    _strip(model.graph)
    facts = {
        **weights.facts,
        "configuration": asdict(weights.configuration),
        "multiple": MULTIPLE,
    }
    onnx.helper.set_model_props(model, {"mirnet": json.dumps(facts)})
    onnx.save(model, path)


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence deprecations inside torch's own exporter, and its regrets for torchvision."""
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
    """Drop the exporter's stack traces, which are half of a small file."""
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
