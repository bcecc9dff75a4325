"""A synthetic photograph for measurements: always the same, with the noise of a phone's picture."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mirnet.pictures import codec, pixels
from mirnet.shapes import Image, Pixels

BAND = 64
"""Rows generated at a time, so that a large picture is never in memory as a whole."""
NOISE = 12 / 255
OCTAVES = 7
"""Octaves of detail, each with half the wavelength and amplitude of the one before."""
LONGEST = 1000.0
"""Wavelength of the first octave, in pixels."""


def write(path: Path, height: int, width: int, *, format: str) -> None:
    """Write it as an 8-bit file, in a format of `codec.FORMATS`.

    Raises:
        ImageError: if the format is unknown or does not hold so many pixels, or the disk is full.
    """
    size = np.broadcast_to(np.uint8(0), (height, width, 3))  # uses no memory
    codec.write(path, bands(height, width), codec.open(size), format=format)


def bands(height: int, width: int) -> Iterator[Pixels]:
    """The photograph from top to bottom, uint8 h w 3."""
    rng = np.random.default_rng(0)
    tints = rng.uniform(0, 0.8, (OCTAVES, 3))
    waves = rng.uniform(-1, 1, (OCTAVES, 2)), rng.uniform(0, 2 * np.pi, (OCTAVES, 1)) + tints
    for top in range(0, height, BAND):
        rows = np.arange(top, min(top + BAND, height), dtype=np.float32)
        clean = _clean(rows[:, None, None], np.arange(width, dtype=np.float32)[:, None], *waves)
        noise = rng.standard_normal(clean.shape, np.float32) * np.float32(NOISE)
        yield pixels.from_float(clean + noise, np.uint8)


def _clean(
    rows: np.ndarray, columns: np.ndarray, directions: np.ndarray, phases: np.ndarray
) -> Image:
    """Waves of all lengths in all directions, with edges where some long ones change their sign."""
    image = np.full((len(rows), len(columns), 3), 0.45, np.float32)
    for octave in range(OCTAVES):
        down, across = 2 * np.pi / LONGEST * 2**octave * directions[octave]
        wave = np.sin(rows * np.float32(down) + columns * np.float32(across) + phases[octave])
        image += (0.2 * 0.5**octave * wave).astype(np.float32)
        if octave == 2:
            image += np.where(wave > 0, np.float32(0.1), np.float32(0))
    return image
