"""A page with pictures before and after restoring, written as they are restored.

It needs no library beyond those of restoring. Memory holds one picture's views at a time, however
large the pictures are and however many.
"""

import html
import io
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import Template
from typing import TextIO

import numpy as np
from jaxtyping import Float32

from mirnet.errors import DataError, ImageError
from mirnet.evaluation.report.sources import FOLDER, content
from mirnet.pictures import codec, pixels
from mirnet.pictures.metadata import Metadata
from mirnet.pictures.source import Source
from mirnet.pictures.vips import shown
from mirnet.shapes import Image
from mirnet.system.files import remove_stale, replacing

MOST = 40
"""Pictures on a page; of more, those at regular intervals."""
OVERVIEW = 1600
"""Longest side of the whole picture on the page."""
DETAIL = 512
"""Side of the parts that are shown at full resolution."""
BAND = 64
"""Rows read at a time, at least."""
QUALITY = 95
"""JPEG quality; without chroma subsampling, because noise is in the colours too."""

STYLES = ("vendor/img-comparison-slider.css", "page.css", "before_after.css")
SCRIPTS = ("vendor/img-comparison-slider.js", "before_after.js")


@dataclass(frozen=True)
class View:
    """The same part of a picture before and after, ready for the page."""

    label: str
    height: int
    width: int
    """Pixels shown."""
    before: str
    after: str
    """Data URLs."""
    is_detail: bool


def views(before: Path, after: Path) -> list[View]:
    """The whole picture and, if that is shown smaller, parts of it at full resolution.

    Raises:
        ImageError: if one of the files cannot be read.
        DataError: if their sizes differ.
    """
    sources = codec.open(before), codec.open(after)
    height, width = sources[0].height, sources[0].width
    if (sources[1].height, sources[1].width) != (height, width):
        raise DataError(
            f"{shown(after)} has {sources[1].width}x{sources[1].height} pixels, {shown(before)} "
            f"{width}x{height}: it is no result of it"
        )
    profiles = [_profile(source) for source in sources]
    shrink = -(-max(height, width) // OVERVIEW)
    overviews, removed = _survey(sources, shrink)
    label = "whole picture" if shrink == 1 else f"whole picture, at 1/{shrink} of its size"
    made = [_view(label, overviews, profiles, is_detail=False)]
    if shrink > 1:
        places = _places(removed)
        crops = _crops((codec.open(before), codec.open(after)), list(places.values()))
        made += [
            _view(label, crop, profiles, is_detail=True)
            for label, crop in zip(places, crops, strict=True)
        ]
    return made


class Page:
    """The page while it is written; `writing` makes one."""

    def __init__(self, file: TextIO, total: int) -> None:
        self._file = file
        count = min(total, MOST)
        self._wanted = frozenset(k * total // count for k in range(count)) if count else frozenset()
        self._seen = 0

    def show(self, before: Path, after: Path) -> None:
        """Show the next picture, if it is among those chosen.

        Raises:
            MirnetError: as `views` does; then the page leaves it out.
            OSError: if a file cannot be read, or the page not be written.
        """
        self._seen += 1
        if self._seen - 1 in self._wanted:
            self._file.write(_article(before, after, views(before, after)))

    def skip(self) -> None:
        """Leave out the next picture, of which there is no result."""
        self._seen += 1


@contextmanager
def writing(path: Path, total: int, settings: str) -> Iterator[Page]:
    """A page that appears once it is complete, and not after an error.

    Args:
        path: the page, `.html`.
        total: number of pictures that will be shown or skipped.
        settings: how they were restored, as text.

    Raises:
        ImageError: if the name is not that of a page.
        OSError: if the folder takes no file.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ImageError(f"{path} is no name of a page: let it end in .html")
    count = f"{total} picture{'s' * (total != 1)}"
    if total > MOST:
        count = f"{MOST} of {count}, at regular intervals"
    head = Template((FOLDER / "before_after.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(count),
        styles="\n".join(f"<style>{content(name)}</style>" for name in STYLES),
        count=html.escape(count),
        settings=html.escape(settings),
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )
    remove_stale(path.parent)  # of commands that were killed
    with (
        replacing(path) as part,
        # file names may contain bytes that no encoding represents
        part.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        file.write(head)
        yield Page(file, total)
        file.write("</div>\n</main>\n")
        file.writelines(f"<script>{content(name)}</script>\n" for name in SCRIPTS)
        file.write("</body>\n</html>\n")


def _article(before: Path, after: Path, made: Sequence[View]) -> str:
    name = html.escape(shown(before))
    figures = "\n".join(_figure(name, view) for view in made)
    return (
        f'<article>\n<h2>{name}</h2>\n<p class="note">{html.escape(shown(after))}</p>\n'
        f'<div class="views">\n{figures}\n</div>\n</article>\n'
    )


def _figure(name: str, view: View) -> str:
    label = f"{name}, {view.label}"
    images = "".join(
        f'<img slot="{slot}" src="{url}" width="{view.width}" height="{view.height}" '
        f'alt="{label}, {side}" draggable="false">'
        for slot, side, url in (("first", "before", view.before), ("second", "after", view.after))
    )
    kind = "card detail" if view.is_detail else "card"
    return (
        f'<figure class="{kind}" style="--width: {view.width}"><div class="frame">'
        f'<img-comparison-slider tabindex="0" role="slider" aria-label="{label}: where before '
        f'ends">{images}</img-comparison-slider></div><figcaption>{view.label}</figcaption></figure>'
    )


def _profile(source: Source) -> dict[str, bytes]:
    name = "icc-profile-data"
    return {name: source.metadata.blocks[name]} if name in source.metadata.blocks else {}


def _view(
    label: str, images: Sequence[Image], profiles: Sequence[dict[str, bytes]], *, is_detail: bool
) -> View:
    height, width, _ = images[0].shape
    before, after = (
        _data_url(image, profile) for image, profile in zip(images, profiles, strict=True)
    )
    return View(label, height, width, before, after, is_detail)


def _data_url(image: Image, profile: dict[str, bytes]) -> str:
    """A JPEG in the picture's own colours: browsers heed its profile."""
    array = pixels.from_float(image, np.uint8)
    like = Source.of(array)
    like.metadata = Metadata(profile, {})
    stream = io.BytesIO()
    codec.write(stream, [array], like, format="jpeg", quality=QUALITY)
    return "data:image/jpeg;base64," + b64encode(stream.getvalue()).decode("ascii")


def _bands(sources: Sequence[Source], rows: int) -> Iterator[tuple[int, list[Image]]]:
    """The same rows of all pictures, each with the number of the first: float32 in 0..1."""
    for top in range(0, sources[0].height, rows):
        yield (
            top,
            [
                np.clip(np.nan_to_num(pixels.to_float(source.read(rows))), 0, 1)
                for source in sources
            ],
        )


def _survey(
    sources: Sequence[Source], shrink: int
) -> tuple[list[Image], Float32[np.ndarray, "rows columns"]]:
    """The pictures at a fraction of their size, and how much was removed from each part."""
    height, width = sources[0].height, sources[0].width
    parts: list[list[Image]] = [[], []]
    removed = np.zeros((-(-height // DETAIL), -(-width // DETAIL)), np.float32)
    columns = np.arange(0, width, DETAIL)
    rows = -(-BAND // shrink) * shrink
    for top, (before, after) in _bands(sources, rows):
        difference = np.abs(pixels.to_rgb(before) - pixels.to_rgb(after)).mean(axis=2)
        removed[top // DETAIL] += np.add.reduceat(difference.sum(axis=0), columns)
        for part, band in zip(parts, (before, after), strict=True):
            part.append(_shrunk(band, shrink))
    tall = np.diff(np.append(np.arange(0, height, DETAIL), height))
    wide = np.diff(np.append(columns, width))
    means = removed / np.outer(tall, wide).astype(np.float32)
    # strips at the edges show little
    whole = means[: max(1, height // DETAIL), : max(1, width // DETAIL)]
    return [np.concatenate(part) for part in parts], whole


def _shrunk(band: Image, shrink: int) -> Float32[np.ndarray, "_ _ c"]:
    """Means of squares; those at the right and lower edge may be smaller."""
    if shrink == 1:
        return band
    shape = band.shape[:2]
    starts = [np.arange(0, length, shrink) for length in shape]
    counts = [np.diff(np.append(at, n)) for at, n in zip(starts, shape, strict=True)]
    sums = np.add.reduceat(np.add.reduceat(band, starts[0], axis=0), starts[1], axis=1)
    means: Float32[np.ndarray, "_ _ c"] = sums / np.outer(*counts)[..., None].astype(np.float32)
    return means


def _places(removed: Float32[np.ndarray, "rows columns"]) -> dict[str, tuple[int, int]]:
    """Up to three parts by row and column: where most was removed, least, and in between."""
    order = np.argsort(removed, axis=None, kind="stable")
    chosen = {
        "where most was removed": -1,
        "in between": len(order) // 2,
        "where least was removed": 0,
    }
    places: dict[str, tuple[int, int]] = {}
    for label, rank in chosen.items():
        row, column = divmod(int(order[rank]), removed.shape[1])
        if (row, column) not in places.values():
            places[label] = (row, column)
    return places


def _crops(sources: Sequence[Source], places: Sequence[tuple[int, int]]) -> list[list[Image]]:
    """Both pictures' pixels at each place; those at the edge may be smaller."""
    parts: list[list[list[Image]]] = [[[], []] for _ in places]
    last = max(row for row, _ in places)
    for top, bands in _bands(sources, BAND):
        row = top // DETAIL
        if row > last:
            break
        for place, part in zip(places, parts, strict=True):
            if place[0] == row:
                left = place[1] * DETAIL
                for pieces, band in zip(part, bands, strict=True):
                    pieces.append(band[:, left : left + DETAIL])
    return [[np.concatenate(pieces) for pieces in part] for part in parts]
