"""Clean patches that are drawn: content that is rare in photographs and that denoisers often harm.

Smooth gradients, gratings and checkerboards, rows of glyphs, screen pages, drawings; fields of one
colour. Glyphs are random strokes instead of letters, since fonts differ between machines.

Edges are anti-aliased by distance: a pixel half a pixel inside an edge is covered, one half a pixel
outside is not, and coverage falls linearly in between. Some alphabets are not, like the bitmap
fonts of terminals and small print.

`Drawings` sets how often each kind occurs, and in what light and colours.
"""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.random import Generator
from torch import Tensor

from mirnet.camera.scenes import Drawings

Canvas = Float[np.ndarray, "3 s s"]
Field = Float[np.ndarray, "s s"]
"""One number per pixel: a distance, a coverage, a share."""
Colour = Float[np.ndarray, "3"]
Numbers = Float[np.ndarray, "..."]
ChoiceT = TypeVar("ChoiceT")


def draw(size: int, rng: Generator, how: Drawings = Drawings()) -> Float[Tensor, "3 {size} {size}"]:
    """A clean patch, sRGB in 0..1: of any kind, in any colours, some of them dark or soft.

    It depends only on the arguments.
    """
    canvas = KINDS[one_of(asdict(how.kinds), rng)](size, rng, how)
    if rng.random() < how.dim_share:
        black = rng.uniform(0, how.highest_black) if rng.random() < how.raised_share else 0.0
        canvas = black + canvas * rng.uniform(*how.dimming)
    if rng.random() < how.soft_share:
        canvas = _soften(canvas, rng.uniform(0, how.softest))
    return _stored(canvas, rng, how)


def field(
    size: int, rng: Generator, how: Drawings = Drawings()
) -> Float[Tensor, "3 {size} {size}"]:
    """A clean patch of one colour, sRGB in 0..1, usually a dark one.

    It depends only on the arguments.
    """
    fields = how.fields
    if rng.random() < fields.dark_share:
        is_grey = rng.random() < fields.grey_share
        colour = rng.uniform(*fields.dark, 1 if is_grey else 3) * np.ones(3)
    else:
        colour = _colour(rng, how)
    return _stored(colour, rng, how)[:, None, None].expand(3, size, size)


def _gradient(size: int, rng: Generator, how: Drawings) -> Canvas:
    """From one colour to another: linear or radial, steep or gentle, once or back and forth."""
    rows, columns = _coordinates(size)
    top, left = rng.uniform(-size, 2 * size, 2)
    along = (
        _turned(rows, columns, rng) if rng.random() < 0.7 else np.hypot(rows - top, columns - left)
    )
    share = (along - along.min()) / np.ptp(along)
    if rng.random() < 0.3:
        share = 0.5 - 0.5 * np.cos(np.pi * rng.uniform(1, 4) * share)
    return _blend(*_colours(rng, how), share * how.faintest ** rng.random())


def _pattern(size: int, rng: Generator, how: Drawings) -> Canvas:
    """A checkerboard, a grating with sharp or soft lines, or a zone plate; half of them pale."""
    share = PATTERNS[one_of(asdict(how.patterns), rng)](size, rng, how)
    contrast = how.faintest ** rng.random() if rng.random() < how.pale_share else 1.0
    return _blend(*_colours(rng, how), (1 - contrast) * rng.random() + contrast * share)


def _checkerboard(size: int, rng: Generator, how: Drawings) -> Field:
    down, across, period = _grid(size, rng, how)
    first, second = _square(down, period), _square(across, period)
    share: Field = first * second + (1 - first) * (1 - second)
    return share


def _stripes(size: int, rng: Generator, how: Drawings) -> Field:
    down, _, period = _grid(size, rng, how)
    return _square(down, period)


def _waves(size: int, rng: Generator, how: Drawings) -> Field:
    down, _, period = _grid(size, rng, how)
    share: Field = 0.5 + 0.5 * np.cos(2 * np.pi * down / max(period, 2.5))
    return share


def _zone_plate(size: int, rng: Generator, how: Drawings) -> Field:
    """Rings that become finer outwards, no finer than two pixels."""
    rows, columns = _coordinates(size)
    radius = np.hypot(rows - rng.uniform(0, size), columns - rng.uniform(0, size))
    finest = size * rng.uniform(1, 3)  # the radius where the period is two pixels
    share: Field = 0.5 + 0.5 * np.cos(np.pi * np.minimum(radius, finest) ** 2 / (2 * finest))
    return share


PATTERNS = {
    "checkerboard": _checkerboard,
    "stripes": _stripes,
    "waves": _waves,
    "zone_plate": _zone_plate,
}
"""Patterns by their names in `PatternKinds`."""


def _grid(size: int, rng: Generator, how: Drawings) -> tuple[Field, Field, float]:
    """Two coordinates at right angles, axis-aligned or rotated, and a period in pixels."""
    rows, columns = _coordinates(size)
    if rng.random() < how.upright_share:  # of whole pixels
        period = 2.0 * one_of(dict(how.widths), rng)
        down, across = (rows, columns) if rng.random() < 0.5 else (columns, rows)
    else:
        period = 2 * 16 ** float(rng.random() ** 2)  # fine periods are the hardest
        angle = rng.uniform(0, np.pi)
        down, across = (_along(rows, columns, each) for each in (angle, angle + np.pi / 2))
    return down, across, period


def _text(size: int, rng: Generator, how: Drawings) -> Canvas:
    return _blend(*_colours(rng, how), _writing(size, rng, how))


def _page(size: int, rng: Generator, how: Drawings) -> Canvas:
    """Flat boxes, some with a border or with text, and lines one or two pixels wide."""
    canvas = _blend(*_colours(rng, how), np.zeros((size, size)))
    writing = _writing(size, rng, how)
    for _ in range(rng.integers(3, 9)):
        fill, ink = _colours(rng, how)
        (top, bottom), (left, right) = np.sort(rng.integers(0, size + 1, (2, 2)))
        box = canvas[:, top:bottom, left:right]
        kind = rng.random()
        if kind < 0.35:
            written = writing[top:bottom, left:right]
            box[:] = fill[:, None, None] + written * (ink - fill)[:, None, None]
        elif kind < 0.6:
            box[:] = ink[:, None, None]
            box[:, 1:-1, 1:-1] = fill[:, None, None]
        elif kind < 0.8:
            box[:, : rng.integers(1, 3)] = ink[:, None, None]
        else:
            box[:, :, : rng.integers(1, 3)] = ink[:, None, None]
    return canvas


def _drawing(size: int, rng: Generator, how: Drawings) -> Canvas:
    """Discs, rings, polygons and strokes on top of each other, half of them with an outline."""
    rows, columns = _coordinates(size)
    is_shaded = rng.random() < 0.3
    canvas = _gradient(size, rng, how) if is_shaded else _blend(*_colours(rng, how), rows * 0)
    for _ in range(rng.integers(3, 9)):
        fill, ink = _colours(rng, how)
        width = float(np.exp(rng.uniform(0, np.log(8))))
        down, across = rows - rng.uniform(0, size), columns - rng.uniform(0, size)
        radius = size * rng.uniform(0.03, 0.5)
        shape = SHAPES[rng.integers(len(SHAPES))]
        distance = shape(down, across, radius, width, rng)
        canvas = _blend(canvas, fill, _covered(-distance))
        if rng.random() < 0.5:
            canvas = _blend(canvas, ink, _covered(width / 2 - abs(distance)))
    return canvas


KINDS = {
    "gradient": _gradient,
    "pattern": _pattern,
    "text": _text,
    "page": _page,
    "drawing": _drawing,
}
"""Drawings by their names in `DrawingKinds`."""


def one_of(shares: Mapping[ChoiceT, float], rng: Generator) -> ChoiceT:
    """Choose one at random, by their shares, which sum to one."""
    kinds = list(shares)
    return kinds[rng.choice(len(kinds), p=list(shares.values()))]


def _disc(down: Field, across: Field, radius: float, width: float, rng: Generator) -> Field:
    distance: Field = np.hypot(down, across) - radius
    return distance


def _ring(down: Field, across: Field, radius: float, width: float, rng: Generator) -> Field:
    distance: Field = abs(np.hypot(down, across) - radius) - width / 2
    return distance


def _polygon(down: Field, across: Field, radius: float, width: float, rng: Generator) -> Field:
    sides = int(rng.integers(3, 7))
    angles = rng.uniform(0, 2 * np.pi) + np.arange(sides) * 2 * np.pi / sides
    reaches = radius * rng.uniform(0.5, 1, sides)
    edges = [
        _along(down, across, angle) - reach for angle, reach in zip(angles, reaches, strict=True)
    ]
    distance: Field = np.maximum.reduce(edges)
    return distance


def _stroke(down: Field, across: Field, radius: float, width: float, rng: Generator) -> Field:
    """One to three straight lines, each starting where the last one ended."""
    corners = rng.uniform(-radius, radius, (rng.integers(2, 5), 2)) * 2
    lines = [_to_line(down, across, *start, *end) for start, end in pairwise(corners)]
    distance: Field = np.minimum.reduce(lines) - width / 2
    return distance


SHAPES = (_disc, _ring, _polygon, _stroke)
"""Equally likely shapes: distances from the rim of a shape around the origin, negative inside."""


def _writing(size: int, rng: Generator, how: Drawings) -> Field:
    """Coverage of rows of glyphs from an alphabet generated for this patch."""
    height = int(6 * 4 ** rng.random())
    width = round(height * rng.uniform(0.5, 0.8))
    line = height + int(rng.integers(1, height // 2 + 2))
    cells = np.zeros((how.glyphs + how.blanks, line, width + 1))
    glyphs = _alphabet(height, width, rng, how)
    if rng.random() < how.bitmap_share:
        glyphs = np.rint(glyphs)
    cells[: how.glyphs, :height, :width] = glyphs
    lines, letters = (size // side + 2 for side in cells.shape[1:])
    text = cells[rng.integers(0, len(cells), (lines, letters))]  # lines letters height width
    page = text.transpose(0, 2, 1, 3).reshape(lines * cells.shape[1], letters * cells.shape[2])
    top, left = rng.integers(cells.shape[1:])
    return page[top : top + size, left : left + size]


def _alphabet(height: int, width: int, rng: Generator, how: Drawings) -> Float[np.ndarray, "g h w"]:
    """Coverage of each glyph: a line from corner to corner of a grid of 4 by 3 whole pixels."""
    pen = rng.uniform(1, max(1.2, height / 6))
    edge = pen / 2 + 0.5
    grid = rng.integers(0, (4, 3), (how.glyphs, how.points, 2)) / (3, 2)
    corners = np.rint(edge - 0.5 + grid * (height - 2 * edge, width - 2 * edge))
    down, across = corners.transpose(2, 0, 1)[..., None, None]  # glyphs points 1 1
    rows, columns = np.mgrid[:height, :width].astype(float)
    ends = down[:, :-1], across[:, :-1], down[:, 1:], across[:, 1:]
    return _covered(edge - 0.5 - _to_line(rows, columns, *ends).min(1))


def _to_line(
    rows: Numbers,
    columns: Numbers,
    top: Numbers | float,
    left: Numbers | float,
    bottom: Numbers | float,
    right: Numbers | float,
) -> Numbers:
    """Distances from the straight line between two points; the points may be arrays."""
    height, width = bottom - top, right - left
    down, across = rows - top, columns - left
    length = np.maximum(height**2 + width**2, 1e-6)  # a dot has length zero
    place = ((down * height + across * width) / length).clip(0, 1)
    distance: Numbers = np.hypot(down - place * height, across - place * width)
    return distance


def _square(position: Field, period: float) -> Field:
    """Coverage of stripes, each as wide as its gap; edges lie at multiples of half a period."""
    return _covered(period / 4 - abs((position + period / 4) % period - period / 2))


def _covered(depth: Numbers) -> Numbers:
    """Coverage of pixels at this depth inside an edge."""
    coverage: Numbers = (0.5 + depth).clip(0, 1)
    return coverage


def _coordinates(size: int) -> tuple[Field, Field]:
    """Row and column coordinates of the pixels' centres."""
    rows, columns = np.mgrid[:size, :size] + 0.5
    return rows, columns


def _along(rows: Field, columns: Field, angle: float) -> Field:
    return float(np.cos(angle)) * rows + float(np.sin(angle)) * columns


def _turned(rows: Field, columns: Field, rng: Generator) -> Field:
    """Coordinate along the rows, along the columns, or in any direction."""
    kind = rng.integers(4)
    return _along(rows, columns, kind * np.pi / 2 if kind < 2 else rng.uniform(0, 2 * np.pi))


def _colours(rng: Generator, how: Drawings) -> tuple[Colour, Colour]:
    """Background and foreground colours: black and white, or each grey, fully saturated or any."""
    if rng.random() < how.colours.plain_share:
        black, white = np.zeros(3), np.ones(3)
        return (black, white) if rng.random() < 0.5 else (white, black)
    return _colour(rng, how), _colour(rng, how)


def _colour(rng: Generator, how: Drawings) -> Colour:
    colours = how.colours
    kind = rng.random()
    if kind < colours.grey_share:
        return np.full(3, rng.random())
    if kind < colours.grey_share + colours.full_share:
        return rng.integers(0, 2, 3).astype(float)
    return rng.random(3) ** rng.uniform(*colours.powers)


def _blend(ground: Canvas | Colour, colour: Colour, share: Field) -> Canvas:
    """Blend this share of the colour over the background."""
    below = ground if ground.ndim == 3 else ground[:, None, None]
    canvas: Canvas = below + share * (colour[:, None, None] - below)
    return canvas


def _stored(values: Numbers, rng: Generator, how: Drawings) -> Float[Tensor, "..."]:
    """Values as stored in files: clipped, and some of them rounded."""
    if rng.random() < how.eight_bit_share:
        values = np.rint(values * 255) / 255
    return torch.from_numpy(values.astype(np.float32).clip(0, 1))


def _soften(canvas: Canvas, side: float) -> Canvas:
    """Each pixel takes this share from each neighbour, vertically and horizontally."""
    padded = np.pad(canvas, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = (1 - 2 * side) * padded[:, 1:-1] + side * (padded[:, :-2] + padded[:, 2:])
    soft: Canvas = (1 - 2 * side) * down[..., 1:-1] + side * (down[..., :-2] + down[..., 2:])
    return soft
