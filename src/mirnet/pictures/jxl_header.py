"""What a JPEG XL says about itself before its pixels, as far as pylibjxl does not tell.

Bits are counted from the lowest one of each byte (ISO/IEC 18181-1, annex D). Reading ends at the
colours; what follows is the decoder's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mirnet.pictures.profiles import Point

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"

LONGEST = 1 << 16
"""Bytes of the codestream that are looked at; a header takes hardly more than a hundred."""

ALPHA, SPOT, BLACK, FILTER = 0, 2, 4, 5
"""Kinds of extra channels."""

RGB, GREY = 0, 1
"""Colour spaces."""

D65, SRGB, CUSTOM = 1, 1, 2
"""Kinds of white, of primaries, and of both."""

Choices = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
"""Ways to write a number, which two bits tell apart: an offset, and bits to add to it."""

ENUM: Choices = ((0, 0), (1, 0), (2, 4), (18, 6))
SIDE: Choices = ((1, 9), (1, 13), (1, 18), (1, 30))
PREVIEW_IN_EIGHTS: Choices = ((16, 0), (32, 0), (1, 5), (33, 9))
PREVIEW: Choices = ((1, 6), (65, 8), (321, 10), (1345, 12))
TICKS: Choices = ((100, 0), (1000, 0), (1, 10), (1, 30))
TICKS_DIVISOR: Choices = ((1, 0), (1001, 0), (1, 8), (1, 10))
LOOPS: Choices = ((0, 0), (0, 3), (0, 16), (0, 32))
BITS: Choices = ((8, 0), (10, 0), (12, 0), (1, 6))
FLOAT_BITS: Choices = ((32, 0), (16, 0), (24, 0), (1, 6))
EXTRAS: Choices = ((0, 0), (1, 0), (2, 4), (1, 12))
SHIFT: Choices = ((0, 0), (3, 0), (4, 0), (1, 3))
NAME: Choices = ((0, 0), (0, 4), (16, 5), (48, 10))
FILTER_INDEX: Choices = ((1, 0), (0, 2), (3, 4), (19, 8))
COORDINATE: Choices = ((0, 19), (524288, 19), (1048576, 20), (2097152, 21))


@dataclass(frozen=True)
class Depth:
    """How a channel stores its values."""

    bits: int = 8
    is_float: bool = False


@dataclass(frozen=True)
class Extra:
    """A channel besides the colours."""

    kind: int = ALPHA
    depth: Depth = Depth()
    is_premultiplied: bool = False
    """Whether it is an alpha that was multiplied into the colours."""


@dataclass(frozen=True)
class Colours:
    """The colour space, by numbers of ITU-T H.273 where it has them."""

    space: int = RGB
    white: int | Point = D65
    """1 D65, 10 equal energy, 11 that of cinemas, or any point."""
    primaries: int | tuple[Point, Point, Point] = SRGB
    """1 sRGB, 9 BT.2020, 11 P3, or any three points."""
    curve: int | float = 13
    """A number of H.273, or an exponent, as a float."""
    has_profile: bool = False
    """Whether a profile in the file describes the colours, and not the fields above."""


@dataclass(frozen=True)
class Header:
    """What was found."""

    depth: Depth = Depth()
    extras: tuple[Extra, ...] = ()
    is_animation: bool = False
    is_xyb: bool = True
    """Whether the colours are stored in the format's own space, as in most lossy files."""
    colours: Colours = Colours()


def is_jxl(head: bytes) -> bool:
    """Whether a file that begins so is JPEG XL, bare or in a container."""
    return head.startswith((CODESTREAM, CONTAINER))


def boxes(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and content of each box of a container; nothing of a bare codestream."""
    place = 0 if content.startswith(CONTAINER) else len(content)
    while place + 8 <= len(content):
        size, start = int.from_bytes(content[place : place + 4], "big"), place + 8
        if size == 1:  # it did not fit
            size, start = int.from_bytes(content[start : start + 8], "big"), start + 8
        end = place + size if size else len(content)
        if end < start:
            return
        yield content[place + 4 : place + 8], memoryview(content)[start:end]
        place = end


def read(content: bytes) -> Header:
    """The header of a file.

    Raises:
        EOFError: if it ends before its pixels begin.
    """
    bits = _Bits(_codestream(content)[len(CODESTREAM) :])
    _skip_size(bits)
    if bits.flag():
        return Header()
    has_more, is_animation = bits.flag(), False
    if has_more:
        bits.take(3)  # orientation, which the decoder heeds
        if bits.flag():
            _skip_size(bits)  # on the screen
        if bits.flag():
            _skip_preview(bits)
        is_animation = bits.flag()
    if is_animation:
        for choices in (TICKS, TICKS_DIVISOR, LOOPS):
            bits.number(choices)
        bits.flag()
    depth = _depth(bits)
    bits.flag()  # whether 16 bits suffice to decode it
    extras = tuple(_extra(bits) for _ in range(bits.number(EXTRAS)))
    return Header(depth, extras, is_animation, bits.flag(), _colours(bits))


def _codestream(content: bytes) -> bytes:
    """The beginning of the codestream, which a container may hold in parts."""
    if content.startswith(CODESTREAM):
        return content[:LONGEST]
    found = b""
    for name, body in boxes(content):
        if name == b"jxlc":
            return bytes(body[:LONGEST])
        if name == b"jxlp":  # after its number
            found += bytes(body[4:LONGEST])
        if len(found) >= LONGEST:
            break
    return found


class _Bits:
    """Reads bits one after another."""

    def __init__(self, data: bytes) -> None:
        self._left, self._count = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._count:
            raise EOFError("the file ends too soon")
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        self._count -= count
        return value

    def flag(self) -> bool:
        return bool(self.take(1))

    def number(self, choices: Choices) -> int:
        offset, count = choices[self.take(2)]
        return offset + self.take(count)


def _skip_size(bits: _Bits) -> None:
    is_in_eights = bits.flag()

    def skip_side() -> None:
        bits.take(5) if is_in_eights else bits.number(SIDE)

    skip_side()
    if not bits.take(3):  # otherwise a ratio tells the width
        skip_side()


def _skip_preview(bits: _Bits) -> None:
    choices = PREVIEW_IN_EIGHTS if bits.flag() else PREVIEW
    bits.number(choices)
    if not bits.take(3):
        bits.number(choices)


def _depth(bits: _Bits) -> Depth:
    if not bits.flag():
        return Depth(bits.number(BITS))
    depth = Depth(bits.number(FLOAT_BITS), is_float=True)
    bits.take(4)  # of the exponent
    return depth


def _extra(bits: _Bits) -> Extra:
    if bits.flag():
        return Extra()
    kind, depth = bits.number(ENUM), _depth(bits)
    bits.number(SHIFT)
    bits.take(8 * bits.number(NAME))
    is_premultiplied = kind == ALPHA and bits.flag()
    if kind == SPOT:
        bits.take(4 * 16)  # its colour
    if kind == FILTER:
        bits.number(FILTER_INDEX)
    return Extra(kind, depth, is_premultiplied)


def _colours(bits: _Bits) -> Colours:
    if bits.flag():
        return Colours()
    has_profile, space = bits.flag(), bits.number(ENUM)
    if has_profile or space not in (RGB, GREY):
        return Colours(space, has_profile=has_profile)
    white: int | Point = bits.number(ENUM)
    if white == CUSTOM:
        white = _point(bits)
    primaries: int | tuple[Point, Point, Point] = SRGB
    if space == RGB:
        primaries = bits.number(ENUM)
        if primaries == CUSTOM:
            primaries = _point(bits), _point(bits), _point(bits)
    # the file has the exponent by which light was stored
    curve = 1e7 / max(1, bits.take(24)) if bits.flag() else bits.number(ENUM)
    return Colours(space, white, primaries, curve)


def _point(bits: _Bits) -> Point:
    return _coordinate(bits), _coordinate(bits)


def _coordinate(bits: _Bits) -> float:
    value = bits.number(COORDINATE)
    # the lowest bit is the sign
    return (-(value + 1) // 2 if value % 2 else value // 2) / 1e6
