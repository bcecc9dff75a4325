"""Image restoration with MIRNetV2.

>>> import mirnet
>>> with mirnet.load("denoise") as restorer:  # doctest: +SKIP
...     restorer.file("night.jpg", "night_restored.jpg")

Names are loaded when they are used: `import mirnet` pulls in neither PyTorch nor a runtime.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mirnet.api import evaluate, load, restore
    from mirnet.errors import MirnetError
    from mirnet.metrics import psnr, ssim
    from mirnet.models.mirnetv2.network import MIRNetV2
    from mirnet.restoration.restorer import Restorer

__all__ = ["MIRNetV2", "MirnetError", "Restorer", "evaluate", "load", "psnr", "restore", "ssim"]

_HOMES = {
    "MIRNetV2": "mirnet.models.mirnetv2.network",
    "MirnetError": "mirnet.errors",
    "Restorer": "mirnet.restoration.restorer",
    "evaluate": "mirnet.api",
    "load": "mirnet.api",
    "psnr": "mirnet.metrics",
    "restore": "mirnet.api",
    "ssim": "mirnet.metrics",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name == "__version__":
        from importlib.metadata import version

        return version("mirnet")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
