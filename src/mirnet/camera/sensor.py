"""The sensor's effect on light: noise with measured parameters of real cameras, and quantisation.

Noise follows Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image
raw-data", TIP 2008: variance = shot · x + read, with x the raw value in 0..1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor

from mirnet.camera import draws
from mirnet.camera.description import Sensor
from mirnet.camera.isp import Mosaic

PHONES: dict[str, list[tuple[float, float]]] = {
    "Pixel": [
        (2.28e-4, 2e-6), (8.86e-4, 5e-6), (1.764e-3, 1.2e-5), (3.519e-3, 4.5e-5),
        (7.029e-3, 1.79e-4),
    ],
    "Galaxy S6": [
        (4.79e-4, 2e-6), (1.774e-3, 2e-6), (3.696e-3, 2e-6), (8.211e-3, 2e-6), (1.993e-2, 2e-6),
    ],
    "Nexus 6": [
        (4.73e-4, 3e-6), (1.76e-3, 1.3e-5), (3.476e-3, 5.2e-5), (6.909e-3, 2.08e-4),
        (1.377e-2, 8.33e-4),
    ],
    "LG G4": [(7.39e-4, 2e-6), (1.86e-3, 2e-6), (3.356e-3, 6.3e-5)],
}  # fmt: skip
"""Shot and read variance from ISO 100 upwards, SIDD's calibration as published with Noise Flow
(Abdelhamed et al., ICCV 2019)."""


@dataclass(frozen=True)
class SystemCamera:
    """A DSLR or mirrorless camera, as calibrated with ELD (Wei et al., CVPR 2020).

    14-bit levels; gain K in levels per electron; ln sigma = slope · ln K + bias ± spread.
    """

    gain: tuple[float, float]
    read: tuple[float, float, float]
    row: tuple[float, float, float]

    def at(self, gain: float, push: float = 1.0) -> "RawNoise":
        """Its noise at a gain, exactly on the lines, with digital gain as in `random_noise`."""
        read, row = (
            push * math.exp(slope * math.log(gain) + bias) / SATURATION
            for slope, bias, _ in (self.read, self.row)
        )
        return RawNoise.of(push * gain / SATURATION, read**2, row)


SYSTEM_CAMERAS = {
    "Canon 5D4": SystemCamera((0.218, 13.96), (0.677, 1.512, 0.246), (0.471, -0.808, 0.244)),
    "Canon 700D": SystemCamera((0.448, 28.65), (0.652, 2.080, 0.258), (0.622, -0.776, 0.248)),
    "Canon 70D": SystemCamera((0.408, 26.08), (0.568, 1.998, 0.249), (0.729, -0.937, 0.250)),
    "Nikon D850": SystemCamera((0.415, 26.56), (0.563, 0.799, 0.214), (0.448, -1.798, 0.232)),
    "Sony A7S2": SystemCamera((0.094, 6.01), (0.541, 1.218, 0.268), (0.528, -0.592, 0.294)),
}
SATURATION = 16383 - 800
"""Levels between black and white of the cameras above."""


@dataclass(frozen=True)
class RawNoise:
    """The noise of each picture of a batch: variances (shot, read) and a row deviation."""

    shot: Float[Tensor, "b 1 1 1"]
    read: Float[Tensor, "b 1 1 1"]
    row: Float[Tensor, "b 1 1 1"]

    @classmethod
    def of(cls, shot: float, read: float, row: float = 0.0) -> "RawNoise":
        """The noise for a batch of one."""
        return cls(*torch.tensor([shot, read, row]).reshape(3, 1, 1, 1, 1).unbind())


def random_noise(
    count: int,
    generator: Generator,
    sensor: Sensor = Sensor(),
    *,
    is_phone: draws.Flags | None = None,
) -> RawNoise:
    """The noise of a sensor at a random sensitivity for each of `count` pictures.

    Phones and system cameras get a digital gain g, which multiplies the shot variance by g, the
    read variance by g² and the row deviation by g: this models a dark room at high ISO.

    Args:
        count: number of pictures.
        generator: source of all randomness.
        sensor: the models and their ranges.
        is_phone: pictures whose sensor is a phone's, whatever the models.
    """
    kinds = torch.stack([draw(count, generator, sensor) for draw in MODELS.values()])
    models, each = list(MODELS), torch.arange(count, device=generator.device)
    offered = torch.tensor([models.index(name) for name in sensor.models], device=generator.device)
    which = offered[
        torch.randint(len(offered), (count,), generator=generator, device=generator.device)
    ]
    if is_phone is not None:
        which = which.masked_fill(is_phone, models.index("phone"))
    shot, read, row = kinds[which, each][..., None, None, None].unbind(1)
    return RawNoise(shot, read, row)


def _brooks(count: int, generator: Generator, sensor: Sensor) -> Float[Tensor, "b 3"]:
    """Brooks et al., section 3.1; natural logarithms."""
    log_shot = draws.uniform(count, *_logs(sensor.brooks_shot), generator)
    log_read = 2.18 * log_shot + 1.20 + 0.26 * draws.normal(count, generator)
    return torch.stack([log_shot.exp(), log_read.exp(), torch.zeros_like(log_shot)], 1)


def _phone(count: int, generator: Generator, sensor: Sensor) -> Float[Tensor, "b 3"]:
    """One of `PHONES`, linearly interpolated between its table's sensitivities in logarithms."""
    which = torch.randint(len(PHONE_LINES), (count,), generator=generator, device=generator.device)
    slope, bias = PHONE_LINES.to(generator.device)[which].unbind(1)
    log_shot = draws.uniform(count, *_logs(sensor.phone_shot), generator)
    log_read = slope * log_shot + bias + sensor.phone_spread * draws.normal(count, generator)
    push = draws.uniform(count, *_logs(sensor.phone_push), generator)
    zero = torch.zeros_like(push)
    return torch.stack([log_shot + push, log_read + 2 * push, zero - math.inf], 1).exp()


def _system_camera(count: int, generator: Generator, sensor: Sensor) -> Float[Tensor, "b 3"]:
    """One of `SYSTEM_CAMERAS` at a random gain, in units of its saturation."""
    which = torch.randint(
        len(SYSTEM_CAMERA_LINES), (count,), generator=generator, device=generator.device
    )
    low, high, *lines = SYSTEM_CAMERA_LINES.to(generator.device)[which].unbind(1)
    log_gain = low + (high - low) * draws.uniform(count, 0.0, 1.0, generator)
    read, row = (
        slope * log_gain + bias + spread * draws.normal(count, generator)
        for slope, bias, spread in (lines[:3], lines[3:])
    )
    push = draws.uniform(count, *_logs(sensor.system_camera_push), generator)
    scale = math.log(SATURATION)
    return torch.stack(
        [log_gain - scale + push, 2 * (read - scale + push), row - scale + push], 1
    ).exp()


MODELS: dict[str, Callable[[int, Generator, Sensor], Float[Tensor, "b 3"]]] = {
    "brooks": _brooks,
    "phone": _phone,
    "system_camera": _system_camera,
}
"""By the names of `mirnet.camera.description.SENSORS`; values are shot, read and row, b 3."""


def _logs(interval: tuple[float, float]) -> tuple[float, float]:
    return math.log(interval[0]), math.log(interval[1])


def _line(table: list[tuple[float, float]]) -> list[float]:
    """Slope and intercept of ln read as a function of ln shot, by least squares."""
    log_shot, log_read = np.log(np.array(table)).T
    slope, bias = np.polyfit(log_shot, log_read, 1)
    return [float(slope), float(bias)]


PHONE_LINES = torch.tensor([_line(table) for table in PHONES.values()])
SYSTEM_CAMERA_LINES = torch.tensor(
    [[*_logs(camera.gain), *camera.read, *camera.row] for camera in SYSTEM_CAMERAS.values()]
)


def expose(raw: Mosaic, noise: RawNoise, generator: Generator, sensor: Sensor = Sensor()) -> Mosaic:
    """The values that the sensor records for `raw`: with noise, quantisation, clipping.

    Shot noise is drawn as Gaussian with the Poisson's variance (Foi et al. 2008).
    """
    count, device = len(raw), raw.device
    deviation = (noise.shot * raw + noise.read).sqrt()
    rows = torch.randn(*raw.shape[:3], 1, generator=generator, device=device)
    columns = torch.randn(count, 1, 1, raw.shape[3], generator=generator, device=device)
    is_upright = draws.over_pixels(draws.chance(count, sensor.upright_share, generator))
    lines = noise.row * torch.where(is_upright, columns, rows)
    normal = torch.randn(raw.shape, generator=generator, device=device)
    noisy = raw + deviation * normal + lines
    low, high = sensor.bits
    bits = torch.randint(low, high + 1, (count, 1, 1, 1), generator=generator, device=device)
    levels = 2.0**bits - 1
    is_clipped = draws.chance(count, sensor.clipped_share, generator)
    floor = draws.over_pixels(torch.where(is_clipped, 0.0, -1.0))
    return ((noisy * levels).round() / levels).clamp(max=1).maximum(floor)
