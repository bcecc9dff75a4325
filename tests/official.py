"""The independent implementation of MIRNetV2 that ours is compared with.

It comes from the distribution `spandrel-extra-arches` (non-commercial licence, for tests only).
Its package would import torchvision, so the one file is loaded by itself.
"""

import functools
import importlib.util
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest
from torch import nn

from mirnet.models.mirnetv2.network import Configuration

DISTRIBUTION = "spandrel-extra-arches"
FILE = "spandrel_extra_arches/architectures/MIRNet2/__arch/mirnet_v2_arch.py"


def network(configuration: Configuration) -> nn.Module:
    """A fresh official network; its groups are always 1, 2, 4, 4 or the first of them."""
    count = len(configuration.groups)
    assert configuration.groups == (1, 2, 4, 4)[:count]
    built = module().MIRNet_v2(
        inp_channels=configuration.in_channels,
        out_channels=configuration.out_channels,
        n_feat=configuration.width,
        chan_factor=configuration.growth,
        n_MRB=configuration.blocks_per_group,
        task=None if configuration.residual else "defocus_deblurring",
    )
    built.body = built.body[:count]
    return built


@functools.cache
def module() -> ModuleType:
    """The official file as a module; skips the test if it is not installed."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        pytest.skip(f"needs the official network: pip install --no-deps {DISTRIBUTION}")
    path = str(distribution.locate_file(FILE))
    spec = importlib.util.spec_from_file_location("official_mirnet_v2", path)
    loaded = importlib.util.module_from_spec(spec)
    with mock.patch.dict(
        sys.modules, {"spandrel": ModuleType("spandrel"), "spandrel.util": util()}
    ):
        spec.loader.exec_module(loaded)
    return loaded


class Detector(ModuleType):
    """Stand-in for `spandrel`, with what the recognition of a network asks of it."""

    class Architecture:
        """Base class of the descriptions of networks."""

        def __class_getitem__(cls, _):
            return cls

        def __init__(self, *, id, detect):
            self.detect = detect

    class KeyCondition:
        """A condition on the names of a state dict."""

        @staticmethod
        def has_all(*names):
            return lambda tensors: set(names) <= set(tensors)

    def __getattr__(self, name):
        return {}  # whatever else is imported, a dict serves in annotations


def recognises(tensors: Mapping[str, object]) -> bool:
    """Whether spandrel takes these tensors, by official names, for a MIRNetV2."""
    network = module()
    name = "official_mirnet2"
    spec = importlib.util.spec_from_file_location(
        name, Path(network.__file__).parent.parent / "__init__.py", submodule_search_locations=[]
    )
    description = importlib.util.module_from_spec(spec)
    stand_in = Detector("spandrel")
    modules = {
        name: description,
        f"{name}.__arch": ModuleType(f"{name}.__arch"),
        f"{name}.__arch.mirnet_v2_arch": network,
        "spandrel": stand_in,
        "spandrel.util": stand_in,
    }
    with mock.patch.dict(sys.modules, modules):
        spec.loader.exec_module(description)
        return description.MIRNet2Arch().detect(tensors)


def util() -> ModuleType:
    """A stand-in for `spandrel.util`, whose only use there is a decorator without consequence."""
    stand_in = ModuleType("spandrel.util")
    stand_in.store_hyperparameters = lambda **_: lambda cls: cls
    return stand_in
