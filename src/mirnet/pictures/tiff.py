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

WORDS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of the unit swapped between byte orders, by field type; 1 for types not listed."""

BYTES = {kind: word * (2 if kind in (5, 10) else 1) for kind, word in WORDS.items()}
"""Bytes of one value by field type: rationals are pairs."""


IPTC, IPTC_MARK = 33723, b"\x1c"
"""The tag, and the byte at which each of its records begins."""

LONG, UNDEFINED, LONG8 = 4, 7, 16
"""Field types of pointers in TIFF, of plain bytes, and of pointers in BigTIFF."""

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
    try:
        layout = _layout(file)
        main = _directory(file, layout, layout.first)
    except (struct.error, ValueError, OverflowError):
        return None
    kept = {tag: value for tag, value in main.values.items() if tag in DESCRIPTIVE}
    if not kept and not main.children:
        return None
    exposure = main.children.get(EXPOSURE, Directory()).values
    if len(exposure.get(MAKER_NOTE, (UNDEFINED, b""))[1]) > LONGEST_MAKER_NOTE:
        del exposure[MAKER_NOTE]
    return to_block(Directory(kept, main.children))


def to_block(directory: Directory) -> bytes:
    """A directory as a block of EXIF."""
    body, first = write(directory, start=8, big=False)
    return HEADER + b"II*\0" + struct.pack("<I", first) + body


def from_block(block: bytes) -> Directory:
    """A block of EXIF as a directory, empty if the block is damaged."""
    file = io.BytesIO(block.removeprefix(HEADER))
    try:
        layout = _layout(file)
        return _directory(file, layout, layout.first)
    except (struct.error, ValueError, OverflowError):
        return Directory()


def without_thumbnail(block: bytes) -> bytes:
    """A block of EXIF without its second directory, which holds the thumbnail."""
    directory = from_block(block)
    # other software may be able to use a block that cannot be read here
    return to_block(directory) if directory != Directory() else block


def tags(block: bytes) -> set[int]:
    """Tags of a block of EXIF that describe the picture, not how it is stored."""
    main = from_block(block)
    found = main.values.keys() & DESCRIPTIVE
    for child in main.children.values():
        found |= child.values.keys() - {PIXEL_WIDTH, PIXEL_HEIGHT}
    return found


def read_iptc(file: BufferedIOBase) -> bytes | None:
    """The IPTC of a TIFF; None if there is none."""
    try:
        layout = _layout(file)
        iptc = _directory(file, layout, layout.first).values.get(IPTC, (0, b""))[1]
    except (struct.error, ValueError, OverflowError):
        return None
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
