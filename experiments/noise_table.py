"""How the noise that training draws compares with real noise on the same clean pictures.

    python experiments/noise_table.py PAIRS [--draws N] [--finished] [--plot FILE.png]

PAIRS is a folder of real noisy and clean pictures, RGB of 8 bits, 96 pixels a side or more; of each
the middle is looked at, up to 256x256. Its clean half is given noise as in training
(`mirnet.camera.noise`), a part of it resized. All statistics are those of
`noise_statistics.py`; 0..1 is the place of the real median among the draws, and `<` or `>`
marks what lies outside of their middle 80 %. Once more it is compared with those draws alone whose
noise is about as strong as the real one: within `ALIKE` of the range of the real levels. With
--finished all draws are cameras' own pictures, as JPEGs out of cameras are: smoothed, sharpened and
compressed by the camera, and nothing done to them afterwards.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

import noise_statistics
from mirnet.camera import noise
from mirnet.camera.description import Camera, Editing, Finishing, WhiteNoise
from mirnet.camera.scenes import ByKind
from mirnet.errors import DataError
from mirnet.pairs.pair_folder import PairFolder
from noise_statistics import BINS, CHANNEL_PAIRS, DIRECTIONS, LAGS, OCTAVES
from noise_statistics import NoiseStatistics as Statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 256
BATCH = 8
ALIKE = 1.25
LOW, HIGH = 10, 90
"""Percentiles of what counts as usual."""
CHANNELS = "RGB"
COLOURS = ("#c23b3b", "#2f8f46", "#2f62b5")
TABLE_LAGS = (1, 2, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--draws", type=int, default=64, help="synthetic pictures of each pair")
    parser.add_argument("--finished", action="store_true", help="cameras' own pictures alone")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    camera = finished() if arguments.finished else Camera()
    torch.set_num_threads(1)
    real, synthetic = [], []
    for noisy, clean in read(arguments.pairs):
        real.append(noise_statistics.measure(noisy, clean))
        generator = torch.Generator().manual_seed(len(real))
        for _ in range(0, arguments.draws, BATCH):
            synthetic += [
                noise_statistics.measure(*pair) for pair in draw(clean, camera, generator)
            ]
    alike = select(real, synthetic)
    print(f"{len(real)} real, {len(synthetic)} synthetic, {len(alike)} of them as strong")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN")  # a brightness that no picture has
        print_table(real, synthetic, alike)
        if arguments.plot:
            plot(real, synthetic, alike, arguments.plot)


def finished() -> Camera:
    """All draws are cameras' own pictures, and nothing happens to them afterwards."""
    return Camera(
        plain_share=0.0,
        finishing=Finishing(share=1.0),
        white_noise=WhiteNoise(share=ByKind(photograph=0.0, drawing=0.0, field=0.0)),
        editing=Editing(resized_share=0.0, grey_share=0.0, jpeg_share=0.0),
    )


def read(folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The middle of each pair."""
    pairs = PairFolder(folder)
    for index in range(len(pairs)):
        header = pairs.header(index)
        side = min(header.height, header.width, LARGEST) // 16 * 16
        if side < noise_statistics.SMALLEST + 2 * noise.MARGIN or {header.noisy, header.clean} != {
            "uint8"
        }:
            raise DataError(f"{pairs.name(index)} has less than 96 pixels a side, or not 8 bits")
        yield pairs.crop(index, side, (0.5, 0.5))


def draw(
    clean: np.ndarray, camera: Camera, generator: torch.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A batch of noisy and clean pictures; the whole batch is resized or not."""
    side = len(clean)
    room = side
    if torch.rand((), generator=generator) < camera.editing.resized_share:
        low, high = np.log(camera.editing.resizing)
        factor = np.exp(low + (high - low) * float(torch.rand((), generator=generator)))
        room = 16 * round(side / factor / 16)
    patch = max(room - 2 * noise.MARGIN, noise_statistics.SMALLEST)
    scene = torch.from_numpy(clean).permute(2, 0, 1).float() / 255
    halves = noise.degrade(scene.expand(BATCH, -1, -1, -1), patch, generator, camera=camera)
    pixels = [(half * 255).round().byte().permute(0, 2, 3, 1).numpy() for half in halves]
    yield from zip(*pixels, strict=True)


def select(real: Sequence[Statistics], synthetic: Sequence[Statistics]) -> list[Statistics]:
    """The synthetic ones whose noise is about as strong as the real."""
    levels = [each.level.mean() for each in real]
    low, high = min(levels) / ALIKE, max(levels) * ALIKE
    return [each for each in synthetic if low <= each.level.mean() <= high]


def quantities(found: Statistics) -> dict[str, float]:
    """The rows of the table, of one picture."""
    rows = {f"level {name}": found.level[c] for c, name in enumerate(CHANNELS)}
    for b, (low, high) in enumerate(pairwise(BINS)):
        for c, name in enumerate(CHANNELS):
            rows[f"level {name}, clean {low}-{high - 1}"] = found.by_brightness[b, c]
    for d, direction in enumerate(DIRECTIONS):
        for lag in TABLE_LAGS:
            for c, name in enumerate(CHANNELS):
                rows[f"correlation {name}, {direction} {lag}"] = found.autocorrelation[
                    d, lag - 1, c
                ]
    for p, (one, other) in enumerate(CHANNEL_PAIRS):
        rows[f"correlation {CHANNELS[one]} with {CHANNELS[other]}"] = found.channel_correlation[p]
    for o, (luma, chroma) in enumerate(found.octaves):
        scale = f"octave {o + 1}" if o < OCTAVES else "coarser"
        rows[f"power in {scale}"] = luma + chroma
        rows[f"of it chroma, {scale}"] = chroma / (luma + chroma)
    for c, name in enumerate(CHANNELS):
        rows[f"excess kurtosis {name}"] = found.kurtosis[c]
    return rows


def print_table(
    real: Sequence[Statistics], synthetic: Sequence[Statistics], alike: Sequence[Statistics]
) -> None:
    print(f"{'':27} {'real':>8} {'min':>7} {'max':>7}", end="")
    print(2 * f"  |{'10 %':>7} {'median':>7} {'90 %':>7} place", "(as strong)")
    groups = [[quantities(each) for each in some] for some in (real, synthetic, alike)]
    for name in groups[0][0]:
        values = [np.array([each[name] for each in some]) for some in groups]
        values = [each[np.isfinite(each)] for each in values]
        if not len(values[0]):
            continue
        middle = np.median(values[0])
        print(f"{name:27} {middle:8.3f} {values[0].min():7.3f} {values[0].max():7.3f}", end="")
        for drawn in values[1:]:
            if len(drawn):
                low, half, high = np.percentile(drawn, [LOW, 50, HIGH])
                mark = "<" if middle < low else ">" if middle > high else " "
                place = np.mean(drawn < middle)
                print(f"  |{low:7.3f} {half:7.3f} {high:7.3f} {place:5.2f}{mark}", end="")
        print()


def plot(
    real: Sequence[Statistics],
    synthetic: Sequence[Statistics],
    alike: Sequence[Statistics],
    file: Path,
) -> None:
    """Points and lines are real pictures, bands and bars the middle 80 % of the synthetic ones."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 10), dpi=75, layout="constrained")
    axes = figure.subplots(3, 3)
    plot_levels(axes[0, 0], real, synthetic)
    plot_brightness(axes[0, 1], real, alike)
    plot_groups(
        axes[0, 2],
        "correlation between channels",
        ["R with G", "G with B", "R with B"],
        lambda s: s.channel_correlation,
        (real, synthetic, alike),
    )
    for row, direction in zip(range(2), DIRECTIONS[::2], strict=True):
        plot_correlation(axes[1, row], direction, (real, synthetic, alike))
    plot_groups(
        axes[1, 2],
        "excess kurtosis",
        list(CHANNELS),
        lambda s: s.kurtosis,
        (real, synthetic, alike),
    )
    scales = [*(str(o + 1) for o in range(OCTAVES)), "coarser"]
    shares: list[tuple[str, Callable[[Statistics], np.ndarray]]] = [
        ("luma, share of the noise's power", lambda s: s.octaves[:, 0]),
        ("chroma, share of the noise's power", lambda s: s.octaves[:, 1]),
        ("chroma, share of its octave", lambda s: s.octaves[:, 1] / s.octaves.sum(1)),
    ]
    for column, (title, share) in enumerate(shares):
        plot_groups(axes[2, column], title, scales, share, (real, synthetic, alike))
        axes[2, column].set_xlabel("octave, fine to coarse")
    figure.suptitle(
        "Points and lines: real pictures. Light: middle 80 % of the synthetic ones, with their "
        "median; dark: of those with noise as strong.",
        fontsize=11,
    )
    figure.savefig(file)


def plot_levels(axes: "Axes", real: Sequence[Statistics], synthetic: Sequence[Statistics]) -> None:
    edges = list(np.geomspace(0.3, 100, 40))
    axes.hist([each.level.mean() for each in synthetic], edges, color="0.8")
    for each in real:
        axes.axvline(each.level.mean(), ymax=0.2, color="black", linewidth=1)
    axes.set(xscale="log", title="noise level of 255, mean of R, G, B", ylabel="synthetic pictures")


def plot_brightness(axes: "Axes", real: Sequence[Statistics], alike: Sequence[Statistics]) -> None:
    middles = (np.array(BINS[:-1]) + BINS[1:]) / 2
    drawn = np.concatenate([each.by_brightness.T for each in alike])  # pictures and channels, bins
    low, half, high = np.nanpercentile(drawn, [LOW, 50, HIGH], axis=0)
    axes.fill_between(middles, low, high, color="0.7")
    axes.plot(middles, half, color="0.4")
    for each in real:
        for channel, colour in enumerate(COLOURS):
            axes.plot(middles, each.by_brightness[:, channel], ".-", color=colour, linewidth=0.5)
    axes.set(title="noise level by brightness (as strong)", xlabel="clean value", ylim=(0, None))


def plot_correlation(
    axes: "Axes", direction: str, groups: tuple[Sequence[Statistics], ...]
) -> None:
    index = DIRECTIONS.index(direction)
    lags = np.arange(1, LAGS + 1)
    real, *drawn = groups
    for some, shade in zip(drawn, ("0.85", "0.65"), strict=True):
        values = np.concatenate([each.autocorrelation[index].T for each in some])
        low, half, high = np.nanpercentile(values, [LOW, 50, HIGH], axis=0)
        axes.fill_between(lags, low, high, color=shade)
    axes.plot(lags, half, color="0.4")
    for each in real:
        for channel, colour in enumerate(COLOURS):
            axes.plot(lags, each.autocorrelation[index, :, channel], color=colour, linewidth=0.5)
    axes.set(title=f"correlation of pixels, {direction}", xlabel="pixels apart")


def plot_groups(
    axes: "Axes",
    title: str,
    names: Sequence[str],
    figures: Callable[[Statistics], np.ndarray],
    groups: tuple[Sequence[Statistics], ...],
) -> None:
    """A bar of both kinds of draws for each name, and the real pictures as points on it."""
    places = np.arange(len(names))
    axes.use_sticky_edges = False  # bars end short of the frame
    real, *drawn = groups
    for some, shade, width in zip(drawn, ("0.85", "0.65"), (0.8, 0.5), strict=True):
        values = np.array([figures(each) for each in some])
        low, half, high = np.nanpercentile(values, [LOW, 50, HIGH], axis=0)
        axes.bar(places, high - low, width, low, color=shade)
        axes.hlines(half, places - width / 2, places + width / 2, color="0.4", linewidth=1)
    for each in real:
        axes.plot(places, figures(each), ".", color="black", markersize=4)
    axes.set_xticks(places, names)
    axes.set_title(title)


if __name__ == "__main__":
    main()
