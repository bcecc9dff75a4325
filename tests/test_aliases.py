"""Renamed classes are found by their old names, with a warning."""

import importlib

import pytest


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("mirnet.models.catalog", "Model", "BundledModel"),
        ("mirnet.training.loop", "TrainingProgress", "StepProgress"),
    ],
)
def test_an_old_name_gives_the_renamed_class_and_warns(module: str, old: str, new: str):
    there = importlib.import_module(module)
    with pytest.warns(DeprecationWarning, match=rf"{module}\.{old} is now {module}\.{new}"):
        assert getattr(there, old) is getattr(there, new)


def test_a_name_that_never_was_is_an_attribute_error():
    catalog = importlib.import_module("mirnet.models.catalog")
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchClass'"):
        catalog.NoSuchClass  # noqa: B018 - the look-up is the test
