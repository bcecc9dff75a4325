import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.errors import WeightsError
from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import BASE, PRESETS, Configuration

COUNTS = {"groups": st.integers(1, 4), "blocks": st.integers(1, 3)}


def our_names(configuration: Configuration) -> list[str]:
    with torch.device("meta"):
        return list(configuration.network().state_dict())


@settings(max_examples=12, deadline=None)  # there are twelve
@given(**COUNTS)
def test_the_table_is_one_to_one_and_complete(groups, blocks):
    table = upstream.names(groups=groups, blocks=blocks)

    assert len(set(table.values())) == len(table)
    assert set(table.values()) == set(our_names(Configuration(8, (1,) * groups, blocks)))


@settings(max_examples=12, deadline=None)  # there are twelve
@given(**COUNTS)
def test_renaming_there_and_back_changes_nothing(groups, blocks):
    ours = {name: name for name in our_names(Configuration(8, (1,) * groups, blocks))}

    official = upstream.to_official(ours)

    assert list(official.values()) == list(ours), "the order stays"
    assert not official.keys() & ours.keys()
    assert list(upstream.to_ours(official).items()) == list(ours.items())


def test_the_network_of_the_paper_has_238_tensors():
    assert len(upstream.names(groups=len(BASE.groups), blocks=BASE.blocks_per_group)) == 238


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "module." * 2]
)
@pytest.mark.parametrize("kind", ["ours", "official"])
def test_wrapped_names_are_recognised(prefix, kind):
    table = upstream.names(groups=3, blocks=2)
    names = table if kind == "official" else table.values()
    tensors = {prefix + name: index for index, name in enumerate(names)}

    found = upstream.recognised({"n_averaged": -1, "StructuredToParameterName@@": {}, **tensors})

    assert found == {name: index for index, name in enumerate(table.values())}


@pytest.mark.parametrize(
    ("convert", "names"), [(upstream.to_ours, list), (upstream.to_official, dict.values)]
)
def test_unknown_names_are_listed(convert, names):
    tensors = dict.fromkeys(names(upstream.names(groups=1, blocks=1)), 0)

    with pytest.raises(WeightsError, match=r"1 tensors have no place in the network: `bn\.weight`"):
        convert({**tensors, "bn.weight": 0})


def test_last_convolution_at_the_wrong_place_is_not_taken():
    official = dict.fromkeys(upstream.names(groups=1, blocks=2), 0)
    official["body.0.body.3.weight"] = official.pop("body.0.body.2.weight")

    with pytest.raises(WeightsError, match=re.escape("`body.0.body.3.weight`")):
        upstream.to_ours(official)


@pytest.mark.parametrize("names", [[], ["conv1.weight", "bn1.bias", "layer1.0.weight", "fc.bias"]])
def test_other_networks_are_not_recognised(names):
    with pytest.raises(WeightsError, match=r"not MIRNetV2 weights: no tensor `head\.weight`"):
        upstream.recognised(dict.fromkeys(names, 0))


def test_a_wrapper_with_nothing_inside_is_not_recognised():
    with pytest.raises(WeightsError, match="not MIRNetV2 weights"):
        upstream.recognised({"module.": 0})


def test_presets_are_covered():
    assert all(
        upstream.to_official(dict.fromkeys(our_names(preset))) for preset in PRESETS.values()
    )
