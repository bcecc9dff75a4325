"""An open picture: its header, and its rows from top to bottom."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32, UInt8, UInt16

from mirnet.errors import ImageError, ShapeError
from mirnet.pictures import pixels
from mirnet.pictures.metadata import Metadata
from mirnet.pictures.vips import shown
from mirnet.shapes import Pixels

if TYPE_CHECKING:
    from mirnet.pictures.negative import Negative

Band = UInt8[np.ndarray, "_ w c"] | UInt16[np.ndarray, "_ w c"] | Float32[np.ndarray, "_ w c"]
"""Some rows of a picture; bands of one picture may differ in height."""

Rows = Callable[[int, int], Pixels]
"""Fetches rows, given the first one and their number. Called from top to bottom, once."""


class RowsOf:
    """Fetches rows out of bands of any height, which are made as they are needed; see `Rows`."""

    def __init__(self, bands: Iterator[Pixels]) -> None:
        self._bands = bands
        self._ready: list[Pixels] = []

    def __call__(self, top: int, count: int) -> Pixels:
        """The next `count` rows, or what is left; `top` is theirs."""
        while sum(map(len, self._ready)) < count:
            band = next(self._bands, None)
            if band is None:
                break
            self._ready.append(band)
        ready = np.concatenate(self._ready)
        self._ready = [ready[count:]]
        return ready[:count]


@runtime_checkable
class Readable(Protocol):
    """A binary stream."""

    def read(self) -> bytes:
        """Read all that is left in the stream."""
        ...


@dataclass(frozen=True)
class File:
    """The bytes of a picture, on disk or in memory. It can be opened many times."""

    content: Path | bytes
    name: str
    """Name used in messages, as one printable line."""

    @classmethod
    def of(cls, picture: "File | Path | str | bytes | Readable") -> "File":
        """Wrap a path, which is opened when read, or a stream, which is read to its end at once."""
        if isinstance(picture, File):
            return picture
        if isinstance(picture, Path | str):
            return cls(Path(picture), shown(picture))
        content = picture if isinstance(picture, bytes) else picture.read()
        name = getattr(picture, "name", None)
        return cls(content, shown(name) if isinstance(name, str) else "the picture")

    @property
    def suffix(self) -> str:
        """Suffix of the name, lower-case."""
        name = self.name if isinstance(self.content, bytes) else self.content
        return Path(name).suffix.lower()

    def open(self) -> BufferedIOBase:
        """The bytes as a stream.

        Raises:
            OSError: if there is no such file.
        """
        if isinstance(self.content, bytes):
            return io.BytesIO(self.content)
        return self.content.open("rb")


@dataclass(eq=False)
class Source:
    """A picture that is read row by row, upright, in its own dtype.

    A file stays open until the last reference to the source is gone.
    """

    name: str
    """Name of the file, used in messages."""
    height: int
    """Rows of the upright picture."""
    width: int
    """Columns of the upright picture."""
    dtype: np.dtype[Any]
    """uint8, uint16 or float32; it determines the range."""
    channels: int
    """Number of colour channels: 1 (grey) or 3 (RGB)."""
    metadata: Metadata
    """Metadata carried over with the pixels."""
    rows: Rows = field(repr=False)
    """The colour channels."""
    open_alpha: Callable[[], Rows] | None = field(default=None, repr=False)
    """Starts reading the alpha channel from the top, apart from the colour; None without alpha."""
    is_lossless_webp: bool = False
    """Whether the file is a WebP without loss, which it should be again when written."""
    negative: "Negative | None" = None
    """What a DNG needs, if the picture is a sensor's, encoded for the network."""
    depth: int | None = None
    """Bits per channel in the file, if they are fewer than those of `dtype`, such as 10 or 12."""
    notes: tuple[str, ...] = ()
    """What the user should know: conversions and omissions, each as a phrase."""
    _top: int = field(default=0, init=False, repr=False)

    @classmethod
    def of(cls, array: npt.NDArray[Any], name: str = "the picture") -> "Source":
        """An array, h w or h w c, as a picture without metadata or alpha.

        Raises:
            ShapeError: if it has other axes, or neither 1 nor 3 channels.
            ImageError: if it is not uint8, uint16 or float32.
        """
        if array.ndim not in (2, 3) or 0 in array.shape:
            raise ShapeError(f"a picture is height x width (x channels), got {array.shape}")
        image = array[..., None] if array.ndim == 2 else array
        height, width, channels = image.shape
        if channels not in (1, 3):
            raise ShapeError(f"a picture has 1 or 3 channels, got {channels}")
        pixels.peak(image.dtype)  # raises
        rows: Rows = lambda top, count: image[top : top + count]  # noqa: E731
        return cls(name, height, width, image.dtype, channels, Metadata({}, {}), rows)

    @property
    def has_alpha(self) -> bool:
        """Whether an alpha channel will be carried over."""
        return self.open_alpha is not None

    def check(self, band: Band, top: int) -> None:
        """Check that these are rows of the picture, from `top` on.

        Raises:
            ImageError: if they are not.
        """
        expected = (len(band), self.width, self.channels)
        if band.dtype != self.dtype or band.shape != expected:
            raise ImageError(
                f"rows of {band.shape} {band.dtype} were given; {self.name} has {expected} "
                f"{self.dtype}"
            )
        if top + len(band) > self.height:
            raise ImageError(f"more than the {self.height} rows of {self.name} were given")

    def read(self, count: int) -> Pixels:
        """The next `count` rows of colour, h w c; fewer at the end, then none.

        Raises:
            ImageError: if the file turns out to be damaged.
        """
        count = min(count, self.height - self._top)
        if count <= 0:
            return np.empty((0, self.width, self.channels), self.dtype)
        pixels = self.rows(self._top, count)
        self._top += count
        return pixels
