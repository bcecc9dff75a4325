"""Which curve the network wants for linear RAW, measured: PSNR after restoring simulated RAW files.

    python experiments/raw_curves.py PHOTOGRAPHS... [--model denoise] [--crop 384]

PHOTOGRAPHS are clean pictures in sRGB, as in `benchmarks/synthetic_sets.py`; scikit-image's are
used if there are none. Each becomes a RAW file: linear light, white balance undone, darker by some
stops, a Bayer pattern, noise of a sensor at two settings, 14 bits with black at 512. It is opened
as `mirnet restore --format dng` opens RAW files, restored with each curve, and compared with the
same file without noise, both balanced, brightened to the photograph's exposure, and in sRGB.

`developed` is the other way: developed to sRGB by LibRaw and restored there, as `--format tiff`.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

from mirnet import api
from mirnet.pictures import codec, pixels
from mirnet.pictures.negative import SRGB, WHITE, Curve, open_negative
from mirnet.pictures.source import File
from mirnet.restoration.restorer import Restorer

BALANCE = np.array([2.1, 1.0, 1.6])
"""Multipliers of a camera in daylight."""
BLACK, SATURATED = 512, 16383
STOPS = (0, -3)
NOISE = {"medium": (0.002, 2e-6), "strong": (0.01, 4e-5)}
"""Variance of the noise over the signal, and at black, of white as 1."""


def root(name: str, offset: float) -> Curve:
    """A square root above an offset below black, odd around it, black as 0 and white as 1."""
    low, scale = np.sqrt(offset), np.sqrt(1 + offset) - np.sqrt(offset)

    def encode(linear: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        shifted = linear + offset
        encoded = (np.sign(shifted) * np.sqrt(np.abs(shifted)) - low) / scale
        return np.asarray(encoded, np.float32)

    def decode(encoded: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        base = encoded * scale + low
        return np.asarray(np.sign(base) * base**2 - offset, np.float32)

    return Curve(name, encode, decode)


def lifted(curve: Curve, level: float) -> Curve:
    """The curve with black at a level above 0, so that the network sees noise on both sides."""
    return Curve(
        f"{curve.name}, black at {level:g}",
        lambda linear: level + (1 - level) * curve.encode(linear),
        lambda encoded: curve.decode((encoded - np.float32(level)) / np.float32(1 - level)),
    )


def mirrored(curve: Curve) -> Curve:
    """The curve, odd around black: noise below it is kept."""
    return Curve(
        f"{curve.name}, noise below black kept",
        lambda linear: np.copysign(curve.encode(np.abs(linear)), linear),
        lambda encoded: np.copysign(curve.decode(np.abs(encoded)), encoded),
    )


def clipped(curve: Curve) -> Curve:
    """The curve, without noise below black."""
    return Curve(
        f"{curve.name}, clipped at black",
        lambda linear: curve.encode(np.fmax(linear, np.float32(0))),
        curve.decode,
    )


CURVES = (
    SRGB,
    mirrored(SRGB),
    lifted(SRGB, 0.05),
    lifted(mirrored(SRGB), 0.2),
    clipped(root("square root", 0.0)),
    root("square root", 0.0),
    root("square root, offset 0.01", 0.01),
    Curve("linear", lambda linear: linear, lambda encoded: encoded),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path, nargs="*")
    parser.add_argument("--model", default="denoise")
    parser.add_argument("--crop", type=int, default=384)
    arguments = parser.parse_args()
    scenes = list(photographs(arguments.photographs, arguments.crop))
    names = ["noisy", *(curve.name for curve in CURVES), "developed"]
    print(f"{len(scenes)} scenes, {arguments.model}: PSNR in dB")
    with api.load(arguments.model) as restorer, tempfile.TemporaryDirectory() as folder:
        for stops in STOPS:
            for level in NOISE:
                rows = [
                    measured(scene, stops, level, restorer, Path(folder), seed)
                    for seed, scene in enumerate(scenes)
                ]
                means = np.mean(rows, axis=0)
                print(f"\n{stops} EV, noise {level}")
                for name, mean in zip(names, means, strict=True):
                    print(f"  {mean:6.2f}  {name}", flush=True)


def photographs(paths: list[Path], crop: int) -> Iterator[npt.NDArray[np.float64]]:
    """Linear light of the middle of each picture."""
    if paths:
        pictures = [codec.read(path) for path in paths]
    else:
        from skimage import data

        pictures = [data.astronaut(), data.coffee(), data.cat(), data.rocket()]
    for picture in pictures:
        top, left = ((side - crop) // 4 * 2 for side in picture.shape[:2])
        middle = picture[top : top + crop, left : left + crop]
        yield SRGB.decode(pixels.to_float(middle)).astype(np.float64)


def measured(
    scene: npt.NDArray[np.float64],
    stops: float,
    level: str,
    restorer: Restorer,
    folder: Path,
    seed: int,
) -> list[float]:
    """PSNR of the noisy picture, and of it restored in each way."""
    light = scene * 2.0**stops / BALANCE
    clean, noisy = folder / "clean.dng", folder / "noisy.dng"
    store(clean, light, (0, 0), seed)
    store(noisy, light, NOISE[level], seed)
    gain = 2.0**-stops
    truth = shown(balanced(clean, SRGB, None), gain)
    figures = [psnr(shown(balanced(noisy, SRGB, None), gain), truth)]
    for curve in CURVES:
        figures.append(psnr(shown(balanced(noisy, curve, restorer), gain), truth))
    linear = SRGB.decode(restorer.restore(noisy).image())
    reference = SRGB.decode(pixels.to_float(codec.read(clean)))
    figures.append(psnr(shown(linear, gain), shown(reference, gain)))
    return figures


def store(
    path: Path, light: npt.NDArray[np.float64], noise: tuple[float, float], seed: int
) -> None:
    """A minimal DNG of a sensor with a Bayer pattern."""
    height, width, _ = light.shape
    mosaic = light[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = light[0::2, 0::2, 0], light[1::2, 1::2, 2]
    deviation = np.sqrt(noise[0] * mosaic + noise[1])
    mosaic += deviation * np.random.default_rng(seed).standard_normal((height, width))
    sensor = np.clip(np.rint(BLACK + mosaic * (SATURATED - BLACK)), 0, SATURATED)
    # a camera whose colours are those of sRGB
    matrix: tuple[int, ...] = (
        32406,
        10000,
        -15372,
        10000,
        -4986,
        10000,
        -9689,
        10000,
        18758,
        10000,
        415,
        10000,
    )
    matrix = (*matrix, 557, 10000, -2040, 10000, 10570, 10000)
    neutral = tuple(int(part) for value in 1 / BALANCE for part in (round(value * 10**6), 10**6))
    tags = [
        (274, 3, 1, 1, True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes([0, 1, 1, 2]), True),
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),
        (50708, 2, 0, "Simulated", True),
        (50714, 3, 1, BLACK, True),
        (50717, 4, 1, SATURATED, True),
        (50721, 10, 9, matrix, True),
        (50728, 5, 3, neutral, True),
        (50778, 3, 1, 21, True),
    ]
    tifffile.imwrite(
        path, sensor.astype(np.uint16), photometric=32803, metadata=None, extratags=tags
    )


def balanced(path: Path, curve: Curve, restorer: Restorer | None) -> npt.NDArray[np.float32]:
    """Linear balanced light of a RAW file, restored if there is a restorer."""
    source = open_negative(File.of(path), curve=curve)
    assert source.negative is not None
    rows = restorer.restore(source).array() if restorer else source.read(source.height)
    stored = source.negative.decode(rows)
    return np.asarray(stored / WHITE * source.negative.multipliers, np.float32)


def shown(linear: npt.NDArray[np.float32], gain: float) -> npt.NDArray[np.float32]:
    """As on a screen, at the photograph's exposure."""
    return SRGB.encode(np.clip(linear * np.float32(gain), 0, 1).astype(np.float32))


def psnr(image: npt.NDArray[np.float32], truth: npt.NDArray[np.float32]) -> float:
    error = np.mean((image.astype(np.float64) - truth) ** 2)
    return float(-10 * np.log10(error))


if __name__ == "__main__":
    main()
