"""A package that is missing is named, with what to install; other errors are let through."""

import re
import tomllib
from pathlib import Path

import pytest

from mirnet.errors import RuntimeMissingError
from mirnet.extras import needs


def test_a_missing_package_is_named_with_its_extra():
    with (
        pytest.raises(RuntimeMissingError) as caught,
        needs("evaluate", "reading stars"),
    ):
        import no_package_of_this_name  # noqa: F401

    assert str(caught.value) == (
        'reading stars needs no_package_of_this_name: pip install "mirnet[evaluate]"'
    )


def test_other_errors_are_let_through():
    with pytest.raises(ZeroDivisionError), needs("train", "training"):
        1 / 0  # noqa: B018


def test_all_names_every_extra_but_lpips():
    """LPIPS needs torchvision, which does not import beside a torch of another build."""
    project = Path(__file__).parent.parent / "pyproject.toml"
    extras = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (everything,) = extras.pop("all")

    named = re.fullmatch(r"mirnet\[(.*)\]", everything)[1].split(",")

    assert sorted(named) == sorted(extras.keys() - {"lpips"})
    others = [each for extra in named for each in extras[extra]]
    assert not any(each.startswith(("torchvision", "torchmetrics")) for each in others)
