"""A file's header tells what the network knows of itself, without torch."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.errors import WeightsError
from mirnet.models import catalog, header

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"unshuffle": 2, "window": 96},
        {"window": 48},
        {"unshuffle": 2},
        {"scale": 3, "blocks_per_group": 1},
    ],
    ids=str,
)
def test_facts_agree_with_the_network(tmp_path, options):
    from mirnet.models import checkpoint
    from mirnet.models.mirnetv2.network import MIRNetV2

    network = MIRNetV2(width=8, groups=(1, 2), **options)
    path = tmp_path / "x.safetensors"
    checkpoint.write(checkpoint.Weights.of(network, {"task": "enlarge"}), path)

    facts = header.read(path).facts

    assert facts.multiple == network.configuration.multiple
    assert facts.scale == network.configuration.scale
    assert facts.parameters == sum(tensor.numel() for tensor in network.parameters())
    assert facts.task == "enlarge"
    assert header.read(path).network.startswith("width 8, groups 1, 2, ")


def onnx_file(path, *metadata, weight=4):
    """A file of one weight with such metadata, as another program might write it."""
    values = onnx.numpy_helper.from_array(np.zeros(weight, np.float32), "head.weight")
    graph = onnx.helper.make_graph([], "graph", [], [], [values])
    model = onnx.helper.make_model(graph, producer_name="another")
    for key, value in metadata:
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("weight", [4, 2**19])  # 2 MB: the graph is passed over
def test_an_onnx_file_tells_the_same(tmp_path, weight):
    configuration = {"width": 48, "groups": [1, 2], "blocks_per_group": 1, "scale": 2}
    stated = {"task": "enlarge", "parameters": 7, "configuration": configuration}
    metadata = [("other", "x" * 3000), ("mirnet", json.dumps(stated))]
    path = onnx_file(tmp_path / "x.onnx", *metadata, weight=weight)

    found = header.read(path)

    assert (found.parameters, found.statement) == (7, stated)
    assert (found.facts.scale, found.facts.task, found.facts.multiple) == (2, "enlarge", 4)
    assert found.network == "width 48, groups 1, 2, 1 block each, enlarges 2 times"


@pytest.mark.parametrize("name", [model.name for model in catalog.MODELS])
def test_bundled_weights_state_their_facts(name):
    from mirnet.models import checkpoint

    weights = checkpoint.read(catalog.find(name).weights())

    facts = header.read(catalog.find(name).weights()).facts

    assert facts.parameters == sum(tensor.numel() for tensor in weights.tensors.values())
    assert facts.multiple == weights.configuration.multiple
    assert facts.task == catalog.find(name).task == weights.facts["task"]


@pytest.mark.parametrize(
    "metadata", [[], [("other", "{}")], [("mirnet", "{")], [("mirnet", "[]")], [("mirnet", "{}")]]
)
def test_onnx_files_without_a_statement_are_refused(tmp_path, metadata):
    path = onnx_file(tmp_path / "x.onnx", *metadata)

    with pytest.raises(WeightsError, match=r"x\.onnx: is no ONNX file of mirnet, or a damaged one"):
        header.read(path)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_end_in_one_line_or_a_header(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.onnx"
        path.write_bytes(content)
        with pytest.raises(WeightsError) as caught:
            header.read(path)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"no weights", b"\xff" * 20, b"[]", b'{"a": 1}', b'{"a": {"shape": [{}]}}'),
        *(b'{"__metadata__": {"mirnet": "[]"}}', b'{"__metadata__": {"mirnet": "{"}}'),
        b"[" * 100_000,
    ],
)
def test_what_is_no_header_is_refused(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(content).to_bytes(8, "little") + content)

    with pytest.raises(WeightsError, match="is no safetensors file, or a damaged one"):
        header.read(path)


@pytest.mark.parametrize(
    "stated", [{"window": "96"}, {"unshuffle": -1}, {"scale": 10**9}, {"groups": 1}]
)
def test_statements_that_no_network_has_are_not_believed(tmp_path, stated):
    text = json.dumps({"__metadata__": {"mirnet": json.dumps({"configuration": stated})}}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)

    found = header.read(path)

    assert (found.facts.multiple, found.facts.scale) == (4, 1)
    assert found.network == ""
