"""EXIF and IPTC in files with the structure of TIFF: RAW files, and TIFFs themselves.

libvips neither reads nor writes EXIF there, and truncates the IPTC that it writes to a quarter.

A block of EXIF (as embedded in JPEG, PNG, WebP and AVIF) is itself a small TIFF: a directory of
tags about the picture, with pointers to one about the exposure and one about the place. `read_exif`
extracts such a block from a file, `add` puts one into a finished TIFF. Values are copied
uninterpreted; only their byte order becomes little-endian.
"""

import io
import struct
from dataclasses import dataclass, field
from io import BufferedIOBase

import numpy as np
import numpy.typing as npt

HEADER = b"Exif\0\0"
EXPOSURE, PLACE, INTEROPERABILITY = 34665, 34853, 40965
POINTERS = {EXPOSURE, PLACE, INTEROPERABILITY}
"""Tags that point to a further directory."""

DESCRIPTIVE = {270, 271, 272, 305, 306, 315, 316, 33432, 18246, 40091, 40092, 40093, 40094, 40095}
"""Tags that do not describe the pixel layout: description, make, model, software, date, artist,
computer, copyright, rating, and those of Windows (title, comment, author, keywords, subject)."""

MAKER_NOTE, PIXEL_WIDTH, PIXEL_HEIGHT = 37500, 40962, 40963
LONGEST_MAKER_NOTE = 32_000
"""Bytes. A whole block has to fit into a JPEG's 64 kB; a RAW file's notes alone may be larger."""

RESOLUTION, FOCAL_PLANE = (282, 283), (41486, 41487)
"""Resolution of the picture and of the sensor, in pixels of the picture."""
IN_PIXELS = (PIXEL_WIDTH, PIXEL_HEIGHT, 37396, 41492)
"""Tags of sizes and places in the picture: width, height, the subject's area and its location."""

INTEGERS = {1: "u1", 3: "<u2", 4: "<u4", 16: "<u8"}
"""Types of numpy of the unsigned integers, by field type."""

WORDS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of the unit swapped between byte orders, by field type; 1 for types not listed."""

BYTES = {kind: word * (2 if kind in (5, 10) else 1) for kind, word in WORDS.items()}
"""Bytes of one value by field type: rationals are pairs."""


BITS, COLOUR_SPACE, EXIF_COLOUR_SPACE = 258, 262, 40961
"""Tags."""

IPTC, IPTC_MARK = 33723, b"\x1c"
"""The tag, and the byte at which each of its records begins."""

LONG, RATIONAL, UNDEFINED, LONG8 = 4, 5, 7, 16
"""Field types of pointers in TIFF, of fractions, of plain bytes, and of pointers in BigTIFF."""

RATIONAL, SIGNED_RATIONAL = 5, 10
"""Field types of fractions."""

MOST_TAGS = 10_000
"""Tags in one directory. More means that the bytes are not a directory."""


@dataclass
class Directory:
    """Tags with their type and little-endian bytes, and the directories that tags point to."""

    values: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    children: dict[int, "Directory"] = field(default_factory=dict)


@dataclass(frozen=True)
class _Layout:
    """How this TIFF writes numbers: byte order and, for BigTIFF, 8-byte offsets."""

    order: str
    big: bool
    first: int

    @property
    def count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def entry(self) -> struct.Struct:
        return struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))

    @property
    def offset(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "I"))


def read_exif(file: BufferedIOBase) -> bytes | None:
    """The EXIF of a TIFF, or of a RAW file built like one; None if there is none.

    Size and orientation are omitted: they describe the stored pixels. A damaged directory counts as
    none, since a picture is worth restoring without it.
    """
    main = read_directory(file)
    kept = {tag: value for tag, value in main.values.items() if tag in DESCRIPTIVE}
    if not kept and not main.children:
        return None
    exposure = main.children.get(EXPOSURE, Directory()).values
    if len(exposure.get(MAKER_NOTE, (UNDEFINED, b""))[1]) > LONGEST_MAKER_NOTE:
        del exposure[MAKER_NOTE]
    return to_block(Directory(kept, main.children))


def read_directory(file: BufferedIOBase, start: int | None = None) -> Directory:
    """The first directory of a TIFF, or the one at `start`; empty if it is damaged."""
    try:
        layout = _layout(file)
        return _directory(file, layout, layout.first if start is None else start)
    except (struct.error, ValueError, OverflowError):
        return Directory()


def numbers(kind: int, value: bytes) -> npt.NDArray[np.int64]:
    """The unsigned integers that a tag holds; none if it holds something else."""
    if kind not in INTEGERS:
        return np.empty(0, np.int64)
    return np.frombuffer(value, INTEGERS[kind]).astype(np.int64)


def rationals(
    values: npt.NDArray[np.float64], denominator: int, *, is_signed: bool = False
) -> tuple[int, bytes]:
    """Type and bytes of fractions with a common denominator, each rounded to the nearest."""
    pairs = np.empty((values.size, 2), "<i4" if is_signed else "<u4")
    pairs[:, 0] = np.rint(values.ravel() * denominator)
    pairs[:, 1] = denominator
    return SIGNED_RATIONAL if is_signed else RATIONAL, pairs.tobytes()


def colour_space(file: BufferedIOBase) -> tuple[int, int]:
    """The tags for the colour space and the bits per channel; 0 where there is none."""
    values = read_directory(file).values
    space, bits = (numbers(*values.get(tag, (0, b""))) for tag in (COLOUR_SPACE, BITS))
    return int(space[0]) if len(space) else 0, int(bits[0]) if len(bits) else 0


def with_colour_space(content: bytes, space: int) -> bytes:
    """A TIFF whose tag for the colour space has another value."""
    file = io.BytesIO(content)
    layout = _layout(file)
    places, _ = _places(file, layout, layout.first)
    if COLOUR_SPACE in places:
        file.seek(places[COLOUR_SPACE] + layout.entry.size - layout.offset.size)
        file.write(struct.pack(layout.order + "H", space))
    return file.getvalue()


def without_exif_colour_space(block: bytes) -> bytes:
    """A block of EXIF without the tag for its colour space, as many bytes long as before."""
    header = HEADER if block.startswith(HEADER) else b""
    file = io.BytesIO(block.removeprefix(HEADER))
    layout = _layout(file)
    places, _ = _places(file, layout, layout.first)
    if EXPOSURE in places:
        file.seek(places[EXPOSURE] + layout.entry.size - layout.offset.size)
        (start,) = layout.offset.unpack(file.read(layout.offset.size))
        places, end = _places(file, layout, start)
        if EXIF_COLOUR_SPACE in places:
            place = places[EXIF_COLOUR_SPACE]
            file.seek(place + layout.entry.size)
            following = file.read(end - file.tell())
            file.seek(place)
            file.write(following + bytes(layout.entry.size))
            file.seek(start)
            file.write(layout.count.pack(len(places) - 1))
    return header + file.getvalue()


def _places(file: BufferedIOBase, layout: _Layout, start: int) -> tuple[dict[int, int], int]:
    """Where the entries of the directory at `start` stand, by tag, and where it ends."""
    file.seek(start)
    (count,) = layout.count.unpack(file.read(layout.count.size))
    places = {}
    for _ in range(count):
        place = file.tell()
        places[layout.entry.unpack(file.read(layout.entry.size))[0]] = place
    return places, file.tell() + layout.offset.size


def to_block(directory: Directory) -> bytes:
    """A directory as a block of EXIF."""
    body, first = write(directory, start=8, big=False)
    return HEADER + b"II*\0" + struct.pack("<I", first) + body


def from_block(block: bytes) -> Directory:
    """A block of EXIF as a directory, empty if the block is damaged."""
    return read_directory(io.BytesIO(block.removeprefix(HEADER)))


def without_thumbnail(block: bytes) -> bytes:
    """A block of EXIF without its second directory, which holds the thumbnail."""
    directory = from_block(block)
    # other software may be able to use a block that cannot be read here
    return to_block(directory) if directory != Directory() else block


def enlarged(block: bytes, scale: int, *, is_finer: bool = True) -> bytes:
    """A block of EXIF whose sizes and places in pixels are multiplied.

    Args:
        block: the block.
        scale: the factor.
        is_finer: whether the resolution is multiplied, too, so that the size on paper stays.
    """
    directory = from_block(block)
    if directory == Directory():
        return block
    exposure = directory.children.get(EXPOSURE, Directory()).values
    for tag in IN_PIXELS:
        kind, value = exposure.get(tag, (0, b""))
        found = scale * numbers(kind, value)
        if len(found) and found.max() < 2**32:
            exposure[tag] = (LONG, found.astype("<u4").tobytes())
    _multiply_fractions(exposure, FOCAL_PLANE, scale)
    if is_finer:
        _multiply_fractions(directory.values, RESOLUTION, scale)
    return to_block(directory)


def _multiply_fractions(
    values: dict[int, tuple[int, bytes]], tags: tuple[int, ...], factor: int
) -> None:
    for tag in tags:
        kind, value = values.get(tag, (0, b""))
        if kind == RATIONAL and len(value) == BYTES[RATIONAL]:
            above, below = struct.unpack("<II", value)
            if above * factor < 2**32:
                values[tag] = (kind, struct.pack("<II", above * factor, below))


def tags(block: bytes) -> set[int]:
    """Tags of a block of EXIF that describe the picture, not how it is stored."""
    main = from_block(block)
    found = main.values.keys() & DESCRIPTIVE
    for child in main.children.values():
        found |= child.values.keys() - {PIXEL_WIDTH, PIXEL_HEIGHT}
    return found


def read_iptc(file: BufferedIOBase) -> bytes | None:
    """The IPTC of a TIFF; None if there is none."""
    iptc = read_directory(file).values.get(IPTC, (0, b""))[1]
    if iptc[3:4] == IPTC_MARK != iptc[:1]:  # bytes were stored as words of the other byte order
        iptc = np.frombuffer(iptc[: len(iptc) // 4 * 4], np.uint32).byteswap().tobytes()
    return iptc or None


def add(file: BufferedIOBase, *, exif: bytes = b"", iptc: bytes = b"") -> None:
    """Add EXIF and IPTC to a little-endian TIFF that is open for reading and writing.

    Existing tags of the TIFF take precedence. Its first directory is rewritten at the end of the
    file; the pixels do not move.
    """
    layout = _layout(file)
    main = _directory(file, layout, layout.first)
    added = from_block(exif)
    described = {tag: value for tag, value in added.values.items() if tag in DESCRIPTIVE}
    main.values = described | main.values
    main.children = added.children
    if iptc:
        main.values[IPTC] = (UNDEFINED, iptc)
    for tag in (PIXEL_WIDTH, PIXEL_HEIGHT):  # of the picture before it was rotated upright
        main.children.get(EXPOSURE, Directory()).values.pop(tag, None)
    end = file.seek(0, io.SEEK_END)
    file.write(bytes(end % 2))  # directories begin at even offsets
    body, first = write(main, start=end + end % 2, big=layout.big)
    file.write(body)
    file.seek(8 if layout.big else 4)
    file.write(layout.offset.pack(first))


def _layout(file: BufferedIOBase) -> _Layout:
    file.seek(0)
    head = file.read(16).ljust(16, b"\0")
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise ValueError("no byte order")
    # makers of RAW files replace 42 by a number of their own
    big = struct.unpack_from(order + "H", head, 2)[0] == 43
    first = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
    return _Layout(order, big, first)


def _directory(file: BufferedIOBase, layout: _Layout, start: int, *, depth: int = 2) -> Directory:
    """The directory at `start`, and those it points to, at most `depth` levels down."""
    file.seek(start)
    (count,) = layout.count.unpack(file.read(layout.count.size))
    table = file.read(count * layout.entry.size) if count < MOST_TAGS else b""
    directory = Directory()
    for tag, kind, number, place in layout.entry.iter_unpack(table):
        value = _value(file, layout, kind, number, place)
        if tag not in POINTERS:
            if value is not None:
                directory.values[tag] = (kind, value)
        elif value and depth:  # a damaged file may contain cycles
            child = int.from_bytes(value, "little")
            directory.children[tag] = _directory(file, layout, child, depth=depth - 1)
    return directory


def _value(
    file: BufferedIOBase, layout: _Layout, kind: int, number: int, place: bytes
) -> bytes | None:
    """A tag's little-endian bytes; None if they would extend beyond the end of the file."""
    size = number * BYTES.get(kind, 1)
    if size <= len(place):
        value = place[:size]
    else:
        file.seek(layout.offset.unpack(place)[0])
        value = file.read(size)
        if len(value) < size:
            return None
    if layout.order == "<" or kind not in WORDS:
        return value
    return np.frombuffer(value, f">u{WORDS[kind]}").byteswap().tobytes()


def write(directory: Directory, *, start: int, big: bool) -> tuple[bytes, int]:
    """A directory as bytes for position `start` of the file, and the offset of its table."""
    entry, inline = (struct.Struct("<HHQ8s"), 8) if big else (struct.Struct("<HHI4s"), 4)
    body = bytearray()
    values = dict(directory.values)
    for tag, child in directory.children.items():
        part, offset = write(child, start=start + len(body), big=big)
        body += part
        values[tag] = (LONG8 if big else LONG, offset.to_bytes(inline, "little"))
    table = bytearray(struct.pack("<Q" if big else "<H", len(values)))
    for tag, (kind, value) in sorted(values.items()):
        place = value
        if len(value) > inline:
            place = (start + len(body)).to_bytes(inline, "little")
            body += value + bytes(len(value) % 2)
        table += entry.pack(tag, kind, len(value) // BYTES.get(kind, 1), place)
    offset = start + len(body)
    return bytes(body + table + bytes(inline)), offset  # zeros: no directory follows
