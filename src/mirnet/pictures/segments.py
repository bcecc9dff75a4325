"""Where a TIFF keeps its pixels: tiles or strips, each compressed on its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from math import prod

import numpy as np
import numpy.typing as npt

from mirnet.pictures import tiff

WIDTH, HEIGHT, BITS, COMPRESSION, COLOUR_SPACE, FILL_ORDER = 256, 257, 258, 259, 262, 266
ORIENTATION, SAMPLES, PLANES, JPEG_TABLES = 274, 277, 284, 347
STRIPS = (273, 279, None, 278)
TILES = (324, 325, 322, 323)
"""Tags of offsets, sizes in the file, width (strips are as wide as the picture) and height."""

PIECE = 1 << 16
"""Bytes read at a time."""


@dataclass(frozen=True)
class Segment:
    """A tile or strip."""

    name: str
    """What to call it in messages."""
    offset: int
    """First byte in the file."""
    size: int
    """Bytes in the file; 0 if it was left out."""
    least: int
    """Bytes of its rows that belong to the picture."""
    full: int
    """Bytes of all its rows: encoders may fill up the last strip."""

    def pieces(self, file: BufferedIOBase) -> Iterator[bytes]:
        """The bytes in the file, up to `PIECE` at a time."""
        for start in range(self.offset, self.offset + self.size, PIECE):
            file.seek(start)
            yield file.read(min(PIECE, self.offset + self.size - start))


@dataclass(frozen=True)
class Segments:
    """All tiles or strips of the first picture in a TIFF."""

    compression: int
    """Value of the tag."""
    colour_space: int
    """Value of the tag."""
    is_turned: bool
    """Whether the first row stored is not the first row of the upright picture."""
    tables: bytes
    """Quantisation and Huffman tables that all JPEG segments share."""
    kind: str
    """tile or strip."""
    height: int
    """Rows of the picture as it is stored."""
    rows: int
    """Rows of a segment."""
    row: int
    """Bytes in a row of a segment."""
    across: int
    """Segments next to each other."""
    planes: int
    """Planes stored one after the other: one per channel, or 1 if channels are interleaved."""
    offsets: npt.NDArray[np.integer]
    sizes: npt.NDArray[np.integer]

    @classmethod
    def of(cls, file: BufferedIOBase) -> "Segments | None":
        """Read the directory; None if it is damaged or lays pixels out in an unusual way."""
        directory = tiff.read_directory(file)
        numbers = {tag: tiff.numbers(*value) for tag, value in directory.values.items()}
        first = {tag: int(found[0]) for tag, found in numbers.items() if len(found)}
        offsets, sizes, wide, tall = TILES if TILES[0] in first else STRIPS
        if not first.keys() >= {WIDTH, HEIGHT, offsets, sizes} or first.get(FILL_ORDER, 1) != 1:
            return None
        width, height = first[WIDTH], first[HEIGHT]
        rows = min(first.get(tall, height), height) if wide is None else first.get(tall, 0)
        across_pixels = width if wide is None else first.get(wide, 0)
        if not prod((width, height, rows, across_pixels)):
            return None
        samples, planes = first.get(SAMPLES, 1), first.get(PLANES, 1)
        separate = samples if planes == 2 else 1
        bits = numbers.get(BITS, np.ones(1, np.int64))
        if (bits != bits[0]).any():
            return None
        across, down = -(-width // across_pixels), -(-height // rows)
        if not len(numbers[offsets]) == len(numbers[sizes]) == across * down * separate:
            return None
        return cls(
            compression=first.get(COMPRESSION, 1),
            colour_space=first.get(COLOUR_SPACE, 0),
            is_turned=first.get(ORIENTATION, 1) != 1,
            tables=directory.values.get(JPEG_TABLES, (0, b""))[1],
            kind="strip" if wide is None else "tile",
            height=height,
            rows=rows,
            row=-(-across_pixels * int(bits[0]) * samples // separate // 8),
            across=across,
            planes=separate,
            offsets=numbers[offsets],
            sizes=numbers[sizes],
        )

    def __iter__(self) -> Iterator[tuple[int, list[Segment]]]:
        """From top to bottom: the rows complete with these segments, and the segments."""
        down = -(-self.height // self.rows)
        plane = self.across * down
        for step in range(down):
            bottom = min((step + 1) * self.rows, self.height)
            first = step * self.across
            yield (
                bottom,
                [
                    self._segment(which * plane + index, bottom - step * self.rows)
                    for which in range(self.planes)
                    for index in range(first, first + self.across)
                ],
            )

    def _segment(self, index: int, rows: int) -> Segment:
        full = self.rows * self.row
        return Segment(
            name=f"{self.kind} {index + 1} of {len(self.offsets)}",
            offset=int(self.offsets[index]),
            size=int(self.sizes[index]),
            least=rows * self.row if self.kind == "strip" else full,
            full=full,
        )
