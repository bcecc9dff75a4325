"""The old place of `mirnet.models.mirnetv2.network`, for one release."""

import warnings
from typing import Any

from mirnet.models.mirnetv2 import network


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    value = getattr(network, name)  # raises for what is not there
    if not name.startswith("__"):
        warnings.warn(
            f"mirnet.network.{name} is now mirnet.models.mirnetv2.network.{name}",
            DeprecationWarning,
            stacklevel=2,
        )
    return value
