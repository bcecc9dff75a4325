"""Optional packages: if one is missing, one line says what to install."""

from collections.abc import Iterator
from contextlib import contextmanager

from mirnet.errors import RuntimeMissingError


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Guard imports that need an extra of this package.

    Args:
        extra: name of the extra, as used with pip.
        what: the feature that needs it; the message begins with it.

    Raises:
        RuntimeMissingError: if a package is missing.

    >>> with needs("train", "training"):
    ...     import a_package_that_nobody_has
    Traceback (most recent call last):
        ...
    mirnet.errors.RuntimeMissingError: training needs a_package_that_nobody_has: pip install "mirnet[train]"
    """  # noqa: E501 - the message is one line
    try:
        yield
    except ModuleNotFoundError as error:
        raise RuntimeMissingError(
            f'{what} needs {error.name}: pip install "mirnet[{extra}]"'
        ) from None
