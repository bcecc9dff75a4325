"""Colour profiles (ICC) of colour spaces that a file describes by numbers only.

The profile is of the simplest kind: a matrix and one curve, or the curve alone for grey.
"""

import struct

import numpy as np
import numpy.typing as npt

Point = tuple[float, float]
"""Chromaticity x, y of CIE 1931."""

Curve = tuple[float, ...]
"""From stored values to light: the exponent, or exponent, a, b, c, d: (a v + b) ** exponent from d
on, c v below."""

SRGB_CURVE: Curve = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
BT_709_CURVE: Curve = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)

D50 = np.array([0.9642, 1, 0.8249])
"""White of all profiles, as X, Y, Z."""

BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)

HEADER = 128
VERSION = 0x04200000
ONE = 65536
"""1 as a fixed-point number."""


def rgb(white: Point, primaries: tuple[Point, Point, Point], curve: Curve) -> bytes:
    """The profile of an RGB space.

    Args:
        white: its white.
        primaries: its red, green and blue.
        curve: its curve, the same for all three.

    Raises:
        ValueError: if the numbers are of no colour space.
    """
    own = np.stack([_xyz(each) for each in primaries], axis=1)
    light = own * np.linalg.solve(own, _xyz(white))
    adapted = _adaptation(white)
    columns = (adapted @ light).T
    colours = {
        f"{name}XYZ".encode(): b"XYZ " + bytes(4) + _fixed(column)
        for name, column in zip("rgb", columns, strict=True)
    }
    curves = {f"{name}TRC".encode(): _curve(curve) for name in "rgb"}
    return _profile(b"RGB ", colours | curves | _chad(adapted))


def grey(white: Point, curve: Curve) -> bytes:
    """The profile of a grey space; arguments and errors are those of `rgb`."""
    return _profile(b"GRAY", {b"kTRC": _curve(curve)} | _chad(_adaptation(white)))


def _xyz(point: Point) -> npt.NDArray[np.float64]:
    x, y = point
    if y <= 0:
        raise ValueError("the data describes no colour space")
    return np.array([x / y, 1, (1 - x - y) / y])


def _adaptation(white: Point) -> npt.NDArray[np.float64]:
    """Matrix by which colours under this white become those under D50."""
    cones = (BRADFORD @ D50) / (BRADFORD @ _xyz(white))
    return np.asarray(np.linalg.solve(BRADFORD, cones[:, None] * BRADFORD))


def _fixed(numbers: npt.NDArray[np.float64]) -> bytes:
    scaled = np.rint(numbers.ravel() * ONE)
    if not (np.abs(scaled) < 2**31).all():
        raise ValueError("the data describes no colour space")
    return scaled.astype(">i4").tobytes()


def _curve(curve: Curve) -> bytes:
    kind = 0 if len(curve) == 1 else 3
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + _fixed(np.array(curve))


def _chad(adapted: npt.NDArray[np.float64]) -> dict[bytes, bytes]:
    return {b"chad": b"sf32" + bytes(4) + _fixed(adapted)}


def _text(text: str) -> bytes:
    letters = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(letters), 28) + letters


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    white = {b"wtpt": b"XYZ " + bytes(4) + _fixed(D50)}
    tags = {b"desc": _text("colours of the file"), b"cprt": _text("CC0")} | white | tags
    padded = [body + bytes(-len(body) % 4) for body in tags.values()]
    start = HEADER + 4 + 12 * len(tags)
    table, place = struct.pack(">I", len(tags)), start
    for name, body in zip(tags, padded, strict=True):
        table += struct.pack(">4sII", name, place, len(body))
        place += len(body)
    # size, version, class, spaces, mark; no date, no maker; the white
    header = struct.pack(">I4xI4s4s4s12x4s28x", place, VERSION, b"mntr", space, b"XYZ ", b"acsp")
    return (header + _fixed(D50)).ljust(HEADER, b"\0") + table + b"".join(padded)
