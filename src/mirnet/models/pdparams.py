"""Paddle's `.pdparams`, read and written without Paddle.

Such a file is a pickle, and unpickling may call anything that the file names. Here it can only name
plain containers and numpy's arrays, and even the arrays are replaced by stand-ins that merely store
their arguments: with numpy's own classes, a crafted array type could access foreign memory.
"""

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from mirnet.errors import WeightsError

TYPES = frozenset({"f2", "f4", "f8", "u2"})
"""Array types that can hold weights; Paddle stores the bits of bfloat16 as uint16."""


class StoredType:
    """Stand-in for `numpy.dtype`: the code of a type and its byte order."""

    code: object = None
    order: object = "<"

    def __init__(self, code: object = None, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.order = state[1]


class StoredArray:
    """Stand-in for `numpy.ndarray`: the fields of a pickled array, not yet verified."""

    shape: Any = ()
    type: object = None
    is_fortran: object = False
    data: object = b""

    def __init__(self, *_: object) -> None:
        """Accept and ignore the arguments of numpy's `_reconstruct`."""

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, self.shape, self.type, self.is_fortran, self.data = state

    def array(self) -> npt.NDArray[np.float32]:
        """The values as a new float32 array; those beyond its range become infinite.

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
    """Stand-in for a numpy scalar next to the weights, such as an epoch; its value is dropped."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


_ARRAY_PARTS = {"_reconstruct": StoredArray, "scalar": StoredScalar}
ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): StoredArray,
    ("numpy", "dtype"): StoredType,
    # numpy 2 renamed the module; files contain either name
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
"""Names that a file may use, and the objects that replace them."""


class RestrictedUnpickler(pickle._Unpickler):
    """An unpickler that accepts only the names in `ALLOWED`.

    Based on Python's implementation: five altered bytes make the one in C allocate gigabytes
    (LONG_BINPUT).
    """

    def find_class(self, module: str, name: str) -> object:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise WeightsError(refusal(f"{module}.{name}")) from None


def load(file: BinaryIO) -> object:
    """The contents of the pickle: containers, numbers, text, and a `StoredArray` for each array.

    Raises:
        WeightsError: if the pickle names anything outside `ALLOWED`; nothing of it has run then.
        Exception: of many kinds, if the pickle is damaged.
    """
    return RestrictedUnpickler(file).load()


def dump(content: Mapping[str, object], file: BinaryIO) -> None:
    """Write containers and arrays so that `paddle.load` reads them, with any version of numpy.

    Protocol 2, the oldest that Paddle writes.
    """
    data = pickle.dumps(content, protocol=2)
    # numpy 2 still accepts the old name of the module, numpy 1 does not know the new one; the first
    # occurrence of the name is where the pickle imports it
    file.write(data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1))


def refusal(name: str) -> str:
    """The message for a file that names a function or class that weights do not need."""
    return (
        f"refused, nothing was run: the file asks for `{name}`, which weights do not need; "
        "take them from a source that you trust"
    )
