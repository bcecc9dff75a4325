"""Clean patches that are drawn: what photographs hold too little of, and denoisers like to spoil.

Smooth gradients, gratings and checkerboards, rows of glyphs, pages as on screens, drawings; fields
of one colour. Glyphs are strokes of our own and no letters, since fonts differ from machine to
machine.

Edges are anti-aliased by distance: a pixel half a pixel inside an edge is covered, one half a pixel
outside is not, and between them coverage falls evenly.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.random import Generator
from torch import Tensor

Canvas = Float[np.ndarray, "3 s s"]
Field = Float[np.ndarray, "s s"]
"""One number a pixel: a distance, a coverage, a share."""
Colour = Float[np.ndarray, "3"]
Numbers = Float[np.ndarray, "..."]
Kind = TypeVar("Kind")

DIM_SHARE = 0.4
"""Part of the patches that lie in deep shadow: there eight bits have few levels to lose."""
RAISED_SHARE, HIGHEST_BLACK = 0.7, 0.2
"""Part of the dark patches whose black is raised, and how far: were most of them black, a network
would take dark grey with noise that is cut off at black for black."""
SOFT_SHARE = 0.25
"""Part that are slightly out of focus."""
EIGHT_BIT_SHARE = 0.5
"""Part that are rounded, as files hold them; the others are as smooth as 16 bits."""
PLAIN_SHARE = 0.4
"""Part of the pairs of colours that are black and white."""
WIDTHS = {1: 0.3, 2: 0.25, 3: 0.12, 4: 0.2, 6: 0.06, 8: 0.04, 12: 0.03}
"""Of upright stripes and fields in pixels, with their shares: fine ones are the hardest."""
FAINTEST = 0.05
"""The least contrast of gradients and patterns, as a part of what their colours have."""
DARK_FIELDS, DARKEST, BRIGHTEST_DARK = 0.75, 0.02, 0.4
"""Part of the fields that are dark, half of them grey, and their values before the camera dims some
of them: there noise is cut off at black, so that its mean is not nought. Black itself is left out:
where a network cannot tell, shadows are to stay open."""

GLYPHS, POINTS, BLANKS = 12, 5, 3
"""Of an alphabet: glyphs, the corners of a glyph's line, and spaces beside the glyphs."""


def draw(size: int, rng: Generator) -> Float[Tensor, "3 {size} {size}"]:
    """A clean patch, sRGB in 0..1: of any kind, in any colours, some of them dark or soft.

    It depends on size and generator alone.
    """
    canvas = one_of(SHARES, rng)(size, rng)
    if rng.random() < DIM_SHARE:
        black = rng.uniform(0, HIGHEST_BLACK) if rng.random() < RAISED_SHARE else 0.0
        canvas = black + canvas * rng.uniform(0.03, 0.3)
    if rng.random() < SOFT_SHARE:
        canvas = _soften(canvas, rng.uniform(0, 0.25))
    return _stored(canvas, rng)


def field(size: int, rng: Generator) -> Float[Tensor, "3 {size} {size}"]:
    """A clean patch of one colour, sRGB in 0..1, mostly a dark one.

    It depends on size and generator alone.
    """
    if rng.random() < DARK_FIELDS:
        is_grey = rng.random() < 0.5
        colour = rng.uniform(DARKEST, BRIGHTEST_DARK, 1 if is_grey else 3) * np.ones(3)
    else:
        colour = _colour(rng)
    return _stored(colour, rng)[:, None, None].expand(3, size, size)


def _gradient(size: int, rng: Generator) -> Canvas:
    """From one colour to another: straight or round, steep or gentle, once or back and forth."""
    rows, columns = _coordinates(size)
    top, left = rng.uniform(-size, 2 * size, 2)
    along = (
        _turned(rows, columns, rng) if rng.random() < 0.7 else np.hypot(rows - top, columns - left)
    )
    share = (along - along.min()) / np.ptp(along)
    if rng.random() < 0.3:
        share = 0.5 - 0.5 * np.cos(np.pi * rng.uniform(1, 4) * share)
    return _blend(*_colours(rng), share * FAINTEST ** rng.random())


def _pattern(size: int, rng: Generator) -> Canvas:
    """A checkerboard, a grating with sharp or soft lines, or a zone plate; half of them pale."""
    share = one_of(PATTERNS, rng)(size, rng)
    contrast = FAINTEST ** rng.random() if rng.random() < 0.5 else 1.0
    return _blend(*_colours(rng), (1 - contrast) * rng.random() + contrast * share)


def _checkerboard(size: int, rng: Generator) -> Field:
    down, across, period = _grid(size, rng)
    first, second = _square(down, period), _square(across, period)
    share: Field = first * second + (1 - first) * (1 - second)
    return share


def _stripes(size: int, rng: Generator) -> Field:
    down, _, period = _grid(size, rng)
    return _square(down, period)


def _waves(size: int, rng: Generator) -> Field:
    down, _, period = _grid(size, rng)
    share: Field = 0.5 + 0.5 * np.cos(2 * np.pi * down / max(period, 2.5))
    return share


def _zone_plate(size: int, rng: Generator) -> Field:
    """Rings, the finer the further out, no finer than two pixels."""
    rows, columns = _coordinates(size)
    radius = np.hypot(rows - rng.uniform(0, size), columns - rng.uniform(0, size))
    finest = size * rng.uniform(1, 3)  # the radius where a wave has two pixels
    share: Field = 0.5 + 0.5 * np.cos(np.pi * np.minimum(radius, finest) ** 2 / (2 * finest))
    return share


PATTERNS = {_checkerboard: 0.4, _stripes: 0.25, _waves: 0.15, _zone_plate: 0.2}
"""With their shares among the patterns."""


def _grid(size: int, rng: Generator) -> tuple[Field, Field, float]:
    """Two coordinates at right angles, upright or turned, and a period in pixels."""
    rows, columns = _coordinates(size)
    if rng.random() < 0.7:  # upright, of whole pixels
        period = 2.0 * one_of(WIDTHS, rng)
        down, across = (rows, columns) if rng.random() < 0.5 else (columns, rows)
    else:
        period = 2 * 16 ** float(rng.random() ** 2)  # fine ones are the hardest
        angle = rng.uniform(0, np.pi)
        down, across = (_along(rows, columns, each) for each in (angle, angle + np.pi / 2))
    return down, across, period


def _text(size: int, rng: Generator) -> Canvas:
    return _blend(*_colours(rng), _writing(size, rng))


def _page(size: int, rng: Generator) -> Canvas:
    """Flat boxes, some with a rim or with writing in them, and lines one or two pixels wide."""
    canvas = _blend(*_colours(rng), np.zeros((size, size)))
    writing = _writing(size, rng)
    for _ in range(rng.integers(3, 9)):
        fill, ink = _colours(rng)
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


def _drawing(size: int, rng: Generator) -> Canvas:
    """Discs, rings, polygons and strokes over one another, half of them with an outline."""
    rows, columns = _coordinates(size)
    canvas = _gradient(size, rng) if rng.random() < 0.3 else _blend(*_colours(rng), rows * 0)
    for _ in range(rng.integers(3, 9)):
        fill, ink = _colours(rng)
        width = float(np.exp(rng.uniform(0, np.log(8))))
        down, across = rows - rng.uniform(0, size), columns - rng.uniform(0, size)
        radius = size * rng.uniform(0.03, 0.5)
        shape = SHAPES[rng.integers(len(SHAPES))]
        distance = shape(down, across, radius, width, rng)
        canvas = _blend(canvas, fill, _covered(-distance))
        if rng.random() < 0.5:
            canvas = _blend(canvas, ink, _covered(width / 2 - abs(distance)))
    return canvas


SHARES = {_gradient: 0.32, _pattern: 0.28, _text: 0.19, _page: 0.12, _drawing: 0.09}
"""Of the kinds: patterns and text are the hardest to tell from noise, and smooth fields show best
what is left of it."""


def one_of(shares: Mapping[Kind, float], rng: Generator) -> Kind:
    """One at random, by their shares, which sum to one."""
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
    """One to three straight lines, each from where the last one ended."""
    corners = rng.uniform(-radius, radius, (rng.integers(2, 5), 2)) * 2
    lines = [_to_line(down, across, *start, *end) for start, end in pairwise(corners)]
    distance: Field = np.minimum.reduce(lines) - width / 2
    return distance


SHAPES = (_disc, _ring, _polygon, _stroke)
"""Each as likely: distances from the rim of a shape about the origin, negative inside it."""


def _writing(size: int, rng: Generator) -> Field:
    """Coverage by rows of glyphs from an alphabet made up for this patch."""
    height = int(6 * 4 ** rng.random())
    width = round(height * rng.uniform(0.5, 0.8))
    cells = np.zeros((GLYPHS + BLANKS, height + int(rng.integers(1, height // 2 + 2)), width + 1))
    cells[:GLYPHS, :height, :width] = _alphabet(height, width, rng)
    lines, letters = (size // side + 2 for side in cells.shape[1:])
    text = cells[rng.integers(0, len(cells), (lines, letters))]  # lines letters height width
    page = text.transpose(0, 2, 1, 3).reshape(lines * cells.shape[1], letters * cells.shape[2])
    top, left = rng.integers(cells.shape[1:])
    return page[top : top + size, left : left + size]


def _alphabet(height: int, width: int, rng: Generator) -> Float[np.ndarray, "g h w"]:
    """Coverage of each glyph: a line from corner to corner of a grid of 4 by 3 whole pixels."""
    pen = rng.uniform(1, max(1.2, height / 6))
    edge = pen / 2 + 0.5
    grid = rng.integers(0, (4, 3), (GLYPHS, POINTS, 2)) / (3, 2)
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
    length = np.maximum(height**2 + width**2, 1e-6)  # a dot has none
    place = ((down * height + across * width) / length).clip(0, 1)
    distance: Numbers = np.hypot(down - place * height, across - place * width)
    return distance


def _square(position: Field, period: float) -> Field:
    """Coverage by stripes, each as wide as its gap; edges lie at multiples of half a period."""
    return _covered(period / 4 - abs((position + period / 4) % period - period / 2))


def _covered(depth: Numbers) -> Numbers:
    """Coverage of pixels so deep inside an edge."""
    coverage: Numbers = (0.5 + depth).clip(0, 1)
    return coverage


def _coordinates(size: int) -> tuple[Field, Field]:
    """Rows and columns of the pixels' centres."""
    rows, columns = np.mgrid[:size, :size] + 0.5
    return rows, columns


def _along(rows: Field, columns: Field, angle: float) -> Field:
    return float(np.cos(angle)) * rows + float(np.sin(angle)) * columns


def _turned(rows: Field, columns: Field, rng: Generator) -> Field:
    """Along the rows, along the columns, or in any direction."""
    kind = rng.integers(4)
    return _along(rows, columns, kind * np.pi / 2 if kind < 2 else rng.uniform(0, 2 * np.pi))


def _colours(rng: Generator) -> tuple[Colour, Colour]:
    """A ground and a colour upon it: black and white, or each grey, full or anything."""
    if rng.random() < PLAIN_SHARE:
        black, white = np.zeros(3), np.ones(3)
        return (black, white) if rng.random() < 0.5 else (white, black)
    return _colour(rng), _colour(rng)


def _colour(rng: Generator) -> Colour:
    kind = rng.random()
    if kind < 0.35:
        return np.full(3, rng.random())
    if kind < 0.5:
        return rng.integers(0, 2, 3).astype(float)
    return rng.random(3) ** rng.uniform(0.3, 3)


def _blend(ground: Canvas | Colour, colour: Colour, share: Field) -> Canvas:
    """So much of the colour over the ground."""
    below = ground if ground.ndim == 3 else ground[:, None, None]
    canvas: Canvas = below + share * (colour[:, None, None] - below)
    return canvas


def _stored(values: Numbers, rng: Generator) -> Float[Tensor, "..."]:
    """As files hold them: clipped, some of them rounded."""
    if rng.random() < EIGHT_BIT_SHARE:
        values = np.rint(values * 255) / 255
    return torch.from_numpy(values.astype(np.float32).clip(0, 1))


def _soften(canvas: Canvas, side: float) -> Canvas:
    """Each pixel takes so much from either neighbour, down and across."""
    padded = np.pad(canvas, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = (1 - 2 * side) * padded[:, 1:-1] + side * (padded[:, :-2] + padded[:, 2:])
    soft: Canvas = (1 - 2 * side) * down[..., 1:-1] + side * (down[..., :-2] + down[..., 2:])
    return soft
