"""Parts of pictures for the screen, before and after, in a process that stays free for it."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from mirnet.pictures.pixels import from_float, to_channels, to_float
from mirnet.restoration.layered import Area, Part, render
from mirnet.restoration.layered import parts as split_parts
from mirnet.restoration.strength import Ends, Parts
from mirnet.serve.workers import arrays, screen
from mirnet.serve.workers.turnstile import Visitor
from mirnet.serve.workers.worker import Message, Report
from mirnet.shapes import Pixels

KEPT = 8_000_000
"""Pixels of split parts kept for the next strength, about 44 bytes each."""

LARGEST = 4_000_000
"""Pixels of a part that is split as a whole."""

ROWS = 256
"""Rows worked on at a time in larger ones."""


class Viewing:
    """The role of a process that shows parts of pictures."""

    def __init__(self) -> None:
        pyvips.cache_set_max(0)
        self._kept: dict[tuple[Path, Area, int], Parts | Ends] = {}
        self._lock = threading.Lock()

    def facts(self) -> Message:
        """Nothing to know."""
        return {}

    def tasks(self) -> dict[str, Callable[[Message, Report, Visitor], Message]]:
        """View."""
        return {"view": self._view}

    def cancel(self, visitor: Visitor) -> None:
        """A view is too short to be cancelled."""
        visitor.is_cancelled = True

    def _view(self, message: Message, report: Report, visitor: Visitor) -> Message:
        """Write the part as PNG or WebP, with the picture's opacity."""
        folder = Path(message["folder"])
        area = Area(*message["area"])
        scale = float(message["scale"])
        step = int(1 / scale)
        shown = screen.shown(self._pixels(folder, area, step, message), folder / arrays.PROFILE)
        alpha = _alpha(folder, area)
        if alpha is not None:
            shown = np.concatenate((shown, _shrunk(alpha, step)), axis=2)
        size = max(1, round(area.height * scale)), max(1, round(area.width * scale))
        if shown.shape[:2] != size:
            image = _image(shown)
            image = image.thumbnail_image(size[1], height=size[0], size="force")
            array = image.numpy()
            shown = array[..., None] if array.ndim == 2 else array
        content = _webp(shown) if message["webp"] else _png(shown, message["near"])
        Path(message["target"]).write_bytes(content)
        return {}

    def _pixels(self, folder: Path, area: Area, step: int, message: Message) -> Part:
        """The part at a whole fraction of its size, which is at least what is asked for."""
        is_before = message["which"] == "before"
        original = arrays.read(folder / arrays.ORIGINAL)
        strength = float(message["strength"])
        if is_before or not message["layers"] or strength == 0:
            is_restored = not (is_before or message["layers"])
            picture = arrays.read(folder / arrays.RESTORED) if is_restored else original
            return _shrunk(_cut(picture, area), step, _alpha(folder, area))
        removed = arrays.read(folder / arrays.REMOVED)
        judges_light = bool(message["judges_light"])
        if step == 1 and (strength == 1 or area.height * area.width > LARGEST):
            return _in_bands(original, removed, strength, area, judges_light=judges_light)
        parts = self._parts(folder, area, step, judges_light=judges_light)
        image = parts.restored if strength == 1 else parts.blend(strength)
        return from_float(to_channels(image, original.shape[2]), original.dtype)

    def _parts(self, folder: Path, area: Area, step: int, *, judges_light: bool) -> Parts | Ends:
        """The part, split; kept for the next strength."""
        key = (folder, area, step)
        with self._lock:
            found = self._kept.pop(key, None)
        if found is None:
            found = _shrunk_parts(folder, area, step, judges_light=judges_light)
        with self._lock:
            self._kept[key] = found
            while sum(one.original.size for one in self._kept.values()) > 3 * KEPT:
                del self._kept[next(iter(self._kept))]
        return found


def _shrunk_parts(folder: Path, area: Area, step: int, *, judges_light: bool) -> Parts | Ends:
    """The part, split, and all of it shrunk: blending is linear but for what is clipped."""
    original = arrays.read(folder / arrays.ORIGINAL)
    removed = arrays.read(folder / arrays.REMOVED)
    split = partial(split_parts, original, removed, judges_light=judges_light)
    if step == 1:
        return split(area)
    alpha = _alpha(folder, area)
    bands: list[Any] = []  # all of them Parts, or Ends
    for top in range(0, area.height, height := ROWS // step * step or step):
        rows = min(height, area.height - top)
        part = split(Area(area.top + top, area.left, rows, area.width))
        mean = partial(_mean, step=step, alpha=None if alpha is None else alpha[top : top + rows])
        bands.append(part.each(mean))
    stacked: Parts | Ends = type(bands[0]).stacked(bands)
    return stacked


def _alpha(folder: Path, area: Area) -> np.ndarray | None:
    """The part's opacity, 0..255, h w 1; None of pictures that are opaque."""
    path = folder / arrays.ALPHA
    return _cut(arrays.read(path), area) if path.exists() else None


def _shrunk(pixels: Part, step: int, alpha: np.ndarray | None = None) -> Part:
    """Means of `step` by `step` pixels, in their own dtype; `alpha` as for `_mean`."""
    if step == 1:
        return np.asarray(pixels)
    height = ROWS // step * step or step
    bands = [
        from_float(
            _mean(
                to_float(np.asarray(pixels[top : top + height])),
                step,
                None if alpha is None else alpha[top : top + height],
            ),
            pixels.dtype,
        )
        for top in range(0, len(pixels), height)
    ]
    return np.concatenate(bands)


def _mean(image: Part, step: int, alpha: np.ndarray | None = None) -> Part:
    """Means of `step` by `step` pixels; the last row and column of them may have fewer.

    Weighted by their opacity, if it is given: the colour of what cannot be seen does not count.
    """
    weight = np.ones((*image.shape[:2], 1), np.float32)
    if alpha is not None:
        # where nothing can be seen the hidden colours remain, too faint to count elsewhere
        weight = np.maximum(alpha.astype(np.float32), 1e-3)
        image = image * weight
    mean: Part = _sums(image, step) / _sums(weight, step)
    return mean


def _sums(image: Part, step: int) -> Part:
    """Sums of `step` by `step` pixels."""
    height, width, _ = image.shape
    down = np.add.reduceat(image, range(0, height, step), axis=0)
    sums: Part = np.add.reduceat(down, range(0, width, step), axis=1)
    return sums


def _in_bands(
    original: Part, removed: np.ndarray, strength: float, area: Area, *, judges_light: bool
) -> Part:
    """As `render` does it, in less memory."""
    tops = range(area.top, area.top + area.height, ROWS)
    return np.concatenate(
        [
            render(
                original,
                removed,
                strength,
                Area(top, area.left, min(ROWS, area.top + area.height - top), area.width),
                judges_light=judges_light,
            )
            for top in tops
        ]
    )


def _cut(picture: np.ndarray, area: Area) -> np.ndarray:
    return picture[area.top : area.top + area.height, area.left : area.left + area.width]


def _webp(shown: Pixels) -> bytes:
    """A WebP without loss."""
    content: bytes = _image(shown).webpsave_buffer(lossless=True, exact=True, keep="none")
    return content


def _png(shown: Pixels, is_near: bool) -> bytes:
    """A PNG that is quick to write, since somebody waits for it.

    At 1200x800 of a noisy photograph, stored as it is takes 5 ms and 2.9 MB; compressed a little,
    35 ms and 2.4 MB, which only a network is worth.
    """
    content: bytes = _image(shown).pngsave_buffer(
        compression=0 if is_near else 1, filter="none" if is_near else "up", keep="none"
    )
    return content


def _image(shown: Pixels) -> pyvips.Image:
    """Grey or RGB, with or without alpha."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(shown))
    return image.copy(interpretation="srgb" if shown.shape[2] > 2 else "b-w")
