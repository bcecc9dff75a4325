"""The segments at the beginning of a JPEG, and damage that its decoder can see.

libvips passes neither on: comments are lost, and a decoder's warnings about the last rows, where
most damage shows, come too late for it.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase

START, END, SCAN, COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
"""Markers: the second byte, after 0xFF."""
WITHOUT_CONTENT = {0x01, *range(0xD0, 0xDA)}
"""Markers that no content follows."""

APPLICATIONS = range(0xE0, 0xF0)
"""Markers of metadata."""

METADATA = {*APPLICATIONS, COMMENT}
"""Markers of what lies before the tables."""

PIECE = 1 << 20
"""Bytes moved at a time."""

PADDING = re.compile(rb"(?<!\xff)\0+(?=\xff\xd9)")
"""Zeros in front of the end, as some cameras write them; decoders warn of them, too."""

DAMAGE = "Corrupt JPEG data"
"""How libjpeg's warnings about damage begin."""

RARE = re.compile(r"not supported|not implemented|not compiled|precision|colou?r", re.IGNORECASE)
"""In libjpeg's words about kinds of JPEG that it does not decode, and libvips perhaps does."""

SMALLEST = 8
"""Decoded at an eighth of its size, all of a JPEG's codes are read, but little is computed."""


@dataclass(frozen=True)
class Part:
    """A segment before the pixels."""

    marker: int
    content: bytes
    end: int
    """Where the next one begins in the file."""
    is_adjacent: bool
    """Whether nothing lies between it and the one before."""


def parts(file: BufferedIOBase) -> Iterator[Part]:
    """The segments of a JPEG up to its first scan, or up to the first that is damaged."""
    file.seek(2)
    while True:
        is_adjacent = True
        while (byte := file.read(1)) not in (b"\xff", b""):
            is_adjacent = False
        while (byte := file.read(1)) == b"\xff":  # any number may come before a marker
            pass
        if not byte or byte[0] in (SCAN, END):
            return
        content = b""
        if byte[0] not in WITHOUT_CONTENT:
            size = int.from_bytes(file.read(2), "big") - 2
            content = file.read(max(size, 0))
            if size < 0 or len(content) < size:
                return
        yield Part(byte[0], content, file.tell(), is_adjacent)


def comments(file: BufferedIOBase) -> tuple[bytes, ...]:
    """All comments of a JPEG."""
    return tuple(part.content for part in parts(file) if part.marker == COMMENT)


def add_comments(file: BufferedIOBase, added: tuple[bytes, ...]) -> None:
    """Add comments to a JPEG that is open for reading and writing, behind its metadata."""
    place = max((part.end for part in parts(file) if part.marker in APPLICATIONS), default=2)
    inserted = b"".join(
        bytes((0xFF, COMMENT)) + (len(content) + 2).to_bytes(2, "big") + content
        for content in added
    )
    end = file.seek(0, io.SEEK_END)
    for top in range(end, place, -PIECE):  # from the end, so that nothing is overwritten
        start = max(top - PIECE, place)
        file.seek(start)
        moved = file.read(top - start)
        file.seek(start + len(inserted))
        file.write(moved)
    file.seek(place)
    file.write(inserted)


def is_sound(data: bytes) -> bool:
    """Whether a JPEG decodes without a sign of damage; also if it is of a rare kind.

    The whole file is decoded, at an eighth of its size.
    """
    if not _is_damaged(data):
        return True
    # the last zero may be part of the pixels
    if PADDING.search(data) and not all(
        _is_damaged(PADDING.sub(end, data)) for end in (b"", b"\0")
    ):
        return True
    without = _without_junk(data)
    return without is not None and not _is_damaged(without)


def _without_junk(data: bytes) -> bytes | None:
    """The JPEG without what lies between its metadata, which some programs leave there.

    Decoders warn of it, too. None if there is none, or some lies behind the first table, where
    another table may have been.
    """
    found = list(parts(io.BytesIO(data)))
    table = next((at for at, part in enumerate(found) if part.marker not in METADATA), len(found))
    if all(part.is_adjacent for part in found[: table + 1]):
        return None
    if not all(part.is_adjacent for part in found[table + 1 :]):
        return None
    segments = (data[part.end - len(part.content) - 4 : part.end] for part in found)
    return data[:2] + b"".join(segments) + data[found[-1].end :]


def _is_damaged(data: bytes) -> bool:
    import simplejpeg

    try:
        _, _, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        # libvips has read this header, so otherwise the file is of a rare kind
        return DAMAGE in str(error)
    kept = colours if colours == "CMYK" else "GRAY"
    try:
        simplejpeg.decode_jpeg(data, kept, min_height=1, min_width=1, min_factor=SMALLEST)
    except ValueError as error:
        return not RARE.search(str(error))
    return False
