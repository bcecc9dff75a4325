"""How soft the clean patches of training are, beside the truth of real cameras.

    python benchmarks/softness.py PHOTOGRAPHS [PAIRS ...] [--patches N] [--plot FILE.png]

Real pictures at native resolution are soft: lens, anti-aliasing filter and demosaicing leave little
in the finest octave. Photographs that were shrunk are crisp. The figure is the deviation of luma's
finest octave (Haar) over that of the fourth, of patches of 128 x 128 whose fourth octave deviates
by a level at least. PHOTOGRAPHS is a folder as `data.photographs`; from it come crisp patches as
they are and clean patches as training draws them. PAIRS are folders of noisy and clean pictures,
whose clean halves are cut up.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from mirnet.pairs.pair_folder import PairFolder
from mirnet.training.samples import dataset, photographs
from mirnet.training.samples.dataset import TrainingData
from mirnet.training.samples.request import Request

SIDE = 128
OCTAVE = 4
FAINTEST = 1.0
"""Deviation of the fourth octave, levels of 255, below which a patch has nothing to tell."""
LUMA = np.array([0.299, 0.587, 0.114])
QUANTILES = (5, 25, 50, 75, 95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("pairs", type=Path, nargs="*")
    parser.add_argument("--patches", type=int, default=400, help="of training, and of photographs")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    pictures = photographs.load(arguments.photographs)
    sets = {
        "photographs as they are": ratios(crisp(pictures, arguments.patches)),
        "clean patches of training": ratios(trained(pictures, arguments.patches)),
        **{str(folder.name): ratios(truth(folder)) for folder in arguments.pairs},
    }
    print(f"{'':28} {'patches':>7}" + "".join(f"{f'{each} %':>7}" for each in QUANTILES))
    for name, values in sets.items():
        figures = "".join(f"{each:7.2f}" for each in np.percentile(values, QUANTILES))
        print(f"{name:28} {len(values):7}{figures}")
    if arguments.plot:
        plot(sets, arguments.plot)


def crisp(pictures: Sequence[torch.Tensor], count: int) -> Iterator[np.ndarray]:
    """Patches of the photographs, cut anywhere."""
    rng = np.random.default_rng(0)
    large = [picture for picture in pictures if min(picture.shape[:2]) >= SIDE]
    for number in range(count):
        picture = large[number % len(large)]
        top, left = rng.integers(np.subtract(picture.shape[:2], SIDE) + 1)
        yield picture[top : top + SIDE, left : left + SIDE].numpy()


def trained(pictures: Sequence[torch.Tensor], count: int) -> Iterator[np.ndarray]:
    """Clean patches as training draws them, of photographs alone."""
    data = TrainingData(pictures, None, real_share=0, drawn_share=0, field_share=0, seed=0)
    for first in range(0, count, 8):
        _, clean = dataset.develop(data[Request(first, 8, SIDE)], torch.device("cpu"))
        yield from (255 * clean).permute(0, 2, 3, 1).numpy()


def truth(folder: Path) -> Iterator[np.ndarray]:
    """The clean pictures of a folder of pairs, cut up."""
    pairs = PairFolder(folder)
    for index in range(len(pairs)):
        clean = pairs.whole(index)[1]
        for top in range(0, clean.shape[0] - SIDE + 1, SIDE):
            for left in range(0, clean.shape[1] - SIDE + 1, SIDE):
                yield clean[top : top + SIDE, left : left + SIDE]


def ratios(patches: Iterator[np.ndarray]) -> np.ndarray:
    """Deviation of the finest octave over that of the fourth, where there is anything to see."""
    found = []
    for patch in patches:
        finest, *_, fourth = octaves(patch @ LUMA)
        if fourth >= FAINTEST:
            found.append(finest / fourth)
    return np.array(found)


def octaves(luma: np.ndarray) -> list[float]:
    """Deviations of the details of an orthonormal Haar transform, the finest octave first."""
    deviations, mean = [], luma
    for _ in range(OCTAVE):
        a, b, c, d = mean[::2, ::2], mean[::2, 1::2], mean[1::2, ::2], mean[1::2, 1::2]
        details = np.stack([a - b + c - d, a + b - c - d, a - b - c + d]) / 4
        deviations.append(float(np.sqrt((details**2).mean())))
        mean = (a + b + c + d) / 4
    return deviations


def plot(sets: dict[str, np.ndarray], file: Path) -> None:
    """One curve a set: the part of its patches that are softer."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=100, layout="constrained")
    axes = figure.subplots()
    for name, values in sets.items():
        style = "--" if name == "photographs as they are" else "-"
        width = 3 if name == "clean patches of training" else 1.5
        part = np.linspace(0, 1, len(values))
        axes.plot(np.sort(values), part, style, linewidth=width, label=name)
    axes.set(
        xlabel="deviation of luma's finest octave over that of the fourth",
        ylabel="part of the patches that are softer",
        xlim=(0, 1.2),
    )
    axes.legend()
    figure.savefig(file)


if __name__ == "__main__":
    main()
