"""Weak noise of real pairs, amplified as in training, beside the strong noise of other real pairs.

    python benchmarks/amplified.py WEAK STRONG [--gains R G B]

WEAK and STRONG are folders of real noisy and clean pictures of 8 bits from cameras that are alike.
By brightness of the clean value it prints the mean of the noise, its deviation, both in levels of
255, and the share of black pixels: of both folders, of the weak noise amplified in linear light
(`training.samples.augment.amplify`), and of the same amplified in sRGB instead. The gains are those
that make the deviations of all pixels equal, unless they are given.

At last the mean of the weak noise over its deviation, in what would be linear light if the camera
had the curve of sRGB, or another: it is nought for the right one.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mirnet.camera import light
from mirnet.pairs.pair_folder import PairFolder
from mirnet.pictures import pixels
from mirnet.training.samples import augment

BINS = (10, 25, 35, 50, 70, 100, 140)
FEWEST = 3000
"""Values that a class must hold."""
STEP = 1 / 255
GAMMAS = (1.8, 2.2, 2.6)

Pairs = list[tuple[Tensor, Tensor]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weak", type=Path)
    parser.add_argument("strong", type=Path)
    parser.add_argument("--gains", type=float, nargs=3)
    arguments = parser.parse_args()
    weak, strong = (list(read(folder)) for folder in (arguments.weak, arguments.strong))
    given = arguments.gains
    gains = torch.tensor(given) if given else deviation(strong) / deviation(weak)
    print(f"gains {gains.numpy().round(2)}; mean / deviation / share of black, of R, G, B")
    gains = gains[:, None, None]
    rng = np.random.default_rng(0)
    linear = [(augment.amplify(*pair, gains, STEP, rng), pair[1]) for pair in weak]
    straight = []
    for noisy, clean in weak:
        noise = noisy - clean + STEP * (torch.from_numpy(rng.random(clean.shape, np.float32)) - 0.5)
        straight.append((clean + gains * noise, clean))
    for name, pairs in (
        ("weak", weak),
        ("strong", strong),
        ("weak, amplified in linear light", linear),
        ("weak, amplified in sRGB", straight),
    ):
        print(name)
        for low, high in pairwise(BINS):
            figures = [describe(pairs, channel, low, high) for channel in range(3)]
            print(f"  {low:3d} to {high - 1:3d}  " + "  ".join(figures))
    print_curves(weak)


def print_curves(pairs: Pairs) -> None:
    curves: dict[str, Callable[[Tensor], Tensor]] = {"sRGB": light.from_srgb}
    for gamma in GAMMAS:
        curves[f"gamma {gamma}"] = partial(torch.pow, exponent=gamma)
    print("mean over deviation in linear light, by the camera's curve")
    for low, high in pairwise(BINS):
        print(f"  {low:3d} to {high - 1:3d}", end="")
        for name, curve in curves.items():
            print(f"  {name}", end="")
            for channel in range(3):
                noise = torch.cat(
                    [
                        (curve(noisy) - curve(clean))[channel][inside(clean[channel], low, high)]
                        for noisy, clean in pairs
                    ]
                )
                is_known = len(noise) >= FEWEST
                print(f"{noise.mean() / noise.std():7.3f}" if is_known else f"{'-':>7}", end="")
        print()


def inside(clean: Tensor, low: int, high: int) -> Tensor:
    return (255 * clean >= low) & (255 * clean < high)


def read(folder: Path) -> Iterator[tuple[Tensor, Tensor]]:
    """All pairs, 3 h w in 0..1."""
    pairs = PairFolder(folder)
    for index in range(len(pairs)):
        noisy, clean = (
            torch.from_numpy(pixels.to_float(half)).permute(2, 0, 1) for half in pairs.whole(index)
        )
        yield noisy, clean


def deviation(pairs: Pairs) -> Tensor:
    """Of the noise in linear light, of R, G, B."""
    noise = [light.from_srgb(noisy) - light.from_srgb(clean) for noisy, clean in pairs]
    return torch.cat([each.flatten(1) for each in noise], 1).std(1)


def describe(pairs: Pairs, channel: int, low: int, high: int) -> str:
    """Of what is as bright: what a file of 8 bits makes of it."""
    noise, is_black = [], []
    for noisy, clean in pairs:
        chosen = inside(clean[channel], low, high)
        after = (255 * noisy[channel][chosen]).round().clamp(0, 255)
        noise.append(after - 255 * clean[channel][chosen])
        is_black.append(after == 0)
    together, black = torch.cat(noise), torch.cat(is_black)
    if len(together) < FEWEST:
        return f"{'-':>20}"
    return f"{together.mean():6.2f} {together.std():6.1f} {black.float().mean():6.2f}"


if __name__ == "__main__":
    main()
