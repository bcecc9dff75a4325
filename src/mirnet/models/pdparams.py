"""Paddle's `.pdparams`, read and written without Paddle.

Such a file is a pickle, and unpickling may call anything that the file names. Here it can only name
plain containers and numpy's arrays, and even the arrays are replaced by stand-ins that merely store
their arguments: with numpy's own classes, a crafted array type could access foreign memory.

What a small file can make of itself is bounded: the number of its operations, and what these copy.
"""

import os
import pickle
import pickletools
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from io import BufferedIOBase
from typing import IO, Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from mirnet.errors import WeightsError

TYPES = frozenset({"f2", "f4", "f8", "u2"})
"""Array types that can hold weights; Paddle stores the bits of bfloat16 as uint16."""

MOST_OPERATIONS = 1_000_000
"""Operations of a pickle, and elements that these may copy from one container into another. A
training checkpoint of `base` takes some 100,000."""

COPIED = (list, tuple, dict, set, frozenset, bytes, str)
"""Types whose content an operation may copy."""

MOST_BYTES = 2**30
"""Bytes of all tensors together as float32: 45 times `base`."""

CODEC = "latin1"
"""The encoding in which protocol 2 stores bytes as text."""


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
}
"""Names that a file may use, and the objects that replace them; see `CONTAINERS` as well."""

CONTAINERS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    # the old name of the module in protocol 2
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (bytes, tuple, list, dict, set, frozenset)
    },
}
"""Containers that a file may make, empty or from another container."""


_Unpickler: Any = pickle._Unpickler  # its types lack the methods of operations


class RestrictedUnpickler(_Unpickler):  # type: ignore[misc]
    """An unpickler that accepts only the names in `ALLOWED` and `CONTAINERS`.

    Based on Python's implementation: five altered bytes make the one in C allocate gigabytes
    (LONG_BINPUT).
    """

    def __init__(self, file: BufferedIOBase) -> None:
        super().__init__(file)
        start = file.tell()
        self._most_text = file.seek(0, os.SEEK_END) - start  # each text is encoded once
        file.seek(start)
        self._text = 0
        self._copied = 0

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("_codecs", "encode"):  # bytes in protocol 2
            return self._encode
        if kind := CONTAINERS.get((module, name)):
            return partial(_contained, kind)
        return self.named(module, name)

    def named(self, module: str, name: str) -> object:
        """The stand-in for any other name."""
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise WeightsError(refusal(f"{module}.{name}")) from None

    def load_reduce(self) -> None:
        function, arguments = self.stack[-2:]
        if function != self._encode:
            self._count(arguments)
        super().load_reduce()

    def load_newobj(self) -> None:
        self._count(self.stack[-1])
        super().load_newobj()

    def load_build(self) -> None:
        state = self.stack[-1]
        self._count([state, *state] if isinstance(state, tuple | list) else [state], (bytes, str))
        super().load_build()

    def _count(self, values: Iterable[object], free: tuple[type, ...] = ()) -> None:
        """Count elements that an operation may copy: a short chain of copies fills any memory."""
        for value in values:
            if isinstance(value, COPIED) and not isinstance(value, free):
                self._copied += len(value)
        if self._copied > MOST_OPERATIONS:
            raise WeightsError(too_large("containers that copy each other"))

    def _encode(self, text: str, codec: str = CODEC) -> bytes:
        if codec not in (CODEC, "latin-1"):
            raise WeightsError(f"has text encoded as {codec!r}, which weights do not need")
        self._text += len(text)
        if self._text > self._most_text:
            raise WeightsError(too_large("text"))
        return str.encode(text, CODEC)

    dispatch = _Unpickler.dispatch | {
        pickle.REDUCE[0]: load_reduce,
        pickle.NEWOBJ[0]: load_newobj,
        pickle.BUILD[0]: load_build,
    }


def _contained(kind: Callable[..., object], *content: object) -> object:
    """A container, empty or from another one, never from a number, which would state any size."""
    for each in content:
        if not isinstance(each, list | tuple | dict | set | frozenset):
            raise WeightsError(
                "refused: it makes a container of a number or of text, which weights do not need; "
                "take them from a source that you trust"
            )
    return kind(*content)


class Placeholder:
    """Stands for anything in a rehearsal."""

    def __new__(cls, *_: object) -> "Placeholder":
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None: ...


class Rehearsal(RestrictedUnpickler):
    """Builds the containers of a pickle, within the same bounds, with nothing else in them."""

    def named(self, module: str, name: str) -> object:
        kind = {"bytearray": bytearray, "Counter": Counter}.get(name)
        return partial(_contained, kind) if kind else Placeholder

    def persistent_load(self, _: object) -> object:
        return Placeholder()


def _check_length(file: BufferedIOBase) -> None:
    for count, _ in enumerate(pickletools.genops(cast(IO[bytes], file))):
        if count >= MOST_OPERATIONS:
            raise WeightsError(too_large("operations"))


def rehearse(file: BufferedIOBase) -> None:
    """Check that another unpickler can build one pickle in little more memory than it takes.

    Args:
        file: positioned at the start of the pickle; afterwards at its end.

    Raises:
        WeightsError: if it is made to grow.
        Exception: of many kinds, if it is damaged.
    """
    start = file.tell()
    _check_length(file)
    file.seek(start)
    Rehearsal(file).load()


def load(file: BufferedIOBase) -> object:
    """The contents of the pickle: containers, numbers, text, and a `StoredArray` for each array.

    Raises:
        WeightsError: if the pickle names anything that weights do not need, or is made to grow;
            nothing of it has run then.
        Exception: of many kinds, if the pickle is damaged.
    """
    start = file.tell()
    _check_length(file)
    file.seek(start)
    return RestrictedUnpickler(file).load()


def dump(content: Mapping[str, object], file: BinaryIO) -> None:
    """Write containers and arrays so that `paddle.load` reads them, with any version of numpy.

    Protocol 3, the oldest that stores bytes as such: protocol 2 turns them into text, half as
    large again. It has no frames, so a name in it can be replaced by one of another length.
    """
    data = pickle.dumps(content, protocol=3)
    # numpy 2 still accepts the old name of the module, numpy 1 does not know the new one; the first
    # occurrence of the name is where the pickle imports it
    file.write(data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1))


def refusal(name: str) -> str:
    """The message for a file that names a function or class that weights do not need."""
    return (
        f"refused, nothing was run: the file asks for `{name}`, which weights do not need; "
        "take them from a source that you trust"
    )


def too_large(what: str) -> str:
    """The message for a file that would take far more memory than weights do."""
    return (
        f"refused: it has more {what} than weights need, to fill memory; take them from a source "
        "that you trust"
    )
