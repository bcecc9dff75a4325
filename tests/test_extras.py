"""A package that is missing is named, with what to install; other errors are let through."""

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
