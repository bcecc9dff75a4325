"""Paddle's `.pdparams`, read and written without Paddle.

Such a file is a pickle, and unpickling may call whatever the file names. Here it can name plain
containers and numpy's arrays only, and even for these it gets stand-ins that merely keep what they
are given: numpy's own would follow a crafted array type into foreign memory.
"""

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from mirnet.errors import WeightsError

TYPES = frozenset({"f2", "f4", "f8", "u2"})
"""Array types that can hold weights; Paddle keeps bfloat16 as the bits in uint16."""


class StoredType:
    """Stands for `numpy.dtype`: the code of a type and its byte order."""

    code: object = None
    order: object = "<"

    def __init__(self, code: object = None, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.order = state[1]


class StoredArray:
    """Stands for `numpy.ndarray`: the fields of a pickled array, not yet believed."""

    shape: Any = ()
    type: object = None
    is_fortran: object = False
    data: object = b""

    def __init__(self, *_: object) -> None:
        """Take the arguments of numpy's `_reconstruct`, which say nothing."""

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, self.shape, self.type, self.is_fortran, self.data = state

    def array(self) -> npt.NDArray[np.float32]:
        """The numbers as a fresh float32 array; those beyond its range become infinite.

        Raises:
            WeightsError: if the type cannot hold weights.
            ValueError: if the fields contradict each other.
        """
        kind = self.type
        if not isinstance(kind, StoredType) or kind.code not in TYPES:
            code = kind.code if isinstance(kind, StoredType) else kind
            raise WeightsError(f"has type {code}, where float32, float16 or bfloat16 is expected")
        if not isinstance(self.data, bytes):
            raise ValueError("an array without its bytes")
        flat = np.frombuffer(self.data, np.dtype(f"{'>' if kind.order == '>' else '<'}{kind.code}"))
        if kind.code == "u2":
            flat = (flat.astype(np.uint32) << np.uint32(16)).view(np.float32)
        with np.errstate(over="ignore"):
            numbers = flat.astype(np.float32)
        return numbers.reshape(self.shape, order="F" if self.is_fortran else "C")


class StoredScalar:
    """Stands for a numpy number beside the weights, such as an epoch; its value is not kept."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


_ARRAY_PARTS = {"_reconstruct": StoredArray, "scalar": StoredScalar}
ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): StoredArray,
    ("numpy", "dtype"): StoredType,
    # numpy 2 has renamed the module; files hold either name
    **{
        (f"numpy.{core}.multiarray", name): stand_in
        for core in ("core", "_core")
        for name, stand_in in _ARRAY_PARTS.items()
    },
    ("_codecs", "encode"): str.encode,  # bytes in protocol 2; unlike the original, text codecs only
    ("collections", "OrderedDict"): OrderedDict,
    # the old name of the module in protocol 2
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (bytes, tuple, list, dict, set, frozenset)
    },
}
"""Whatever a file may name, and what it gets for it."""


class RestrictedUnpickler(pickle._Unpickler):
    """An unpickler that knows the names of `ALLOWED` and no others.

    Built on the one in Python: five altered bytes make the one in C fill gigabytes (LONG_BINPUT).
    """

    def find_class(self, module: str, name: str) -> object:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise WeightsError(refusal(f"{module}.{name}")) from None


def load(file: BinaryIO) -> object:
    """What the pickle holds: containers, numbers, text, and a `StoredArray` for each array.

    Raises:
        WeightsError: if the pickle names anything outside `ALLOWED`; nothing of it has run then.
        Exception: of many kinds, if the pickle is damaged.
    """
    return RestrictedUnpickler(file).load()


def dump(content: Mapping[str, object], file: BinaryIO) -> None:
    """Write containers and arrays so that `paddle.load` takes them, with any numpy.

    Protocol 2, the oldest that Paddle writes.
    """
    data = pickle.dumps(content, protocol=2)
    # numpy 2 still knows the old name of the module, numpy 1 does not know the new one; the first
    # place where the name stands is where the pickle asks for it
    file.write(data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1))


def refusal(name: str) -> str:
    """The message for a file that asks for a function or class that weights do not need."""
    return (
        f"refused, nothing was run: the file asks for `{name}`, which weights do not need; "
        "take them from a source that you trust"
    )
