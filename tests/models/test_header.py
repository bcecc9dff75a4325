"""The header of a safetensors file tells what the network knows of itself, without torch."""

import json

import pytest

from mirnet.errors import WeightsError
from mirnet.models import header

torch = pytest.importorskip("torch")


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
