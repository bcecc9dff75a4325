"""Old names of what was renamed, for one release."""

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` that gives what was renamed under its old names, with a warning.

    Args:
        module: the module's `__name__`.
        names: new names by old ones, all of this module.
    """

    def find(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(
            f"{module}.{name} is now {module}.{names[name]}", DeprecationWarning, stacklevel=2
        )
        return getattr(sys.modules[module], names[name])

    return find
