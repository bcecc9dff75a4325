"""Camera noise for clean photographs: what a sensor adds, and what the picture then suffers.

A clean sRGB picture is taken back to raw values (`isp.unprocess`), dimmed, mosaiced, given noise
(`sensor`) and developed again. Part of the time the camera also smooths, sharpens and compresses
it (`finishing`), and it is resized and saved as JPEG, maybe again. All of it runs batched on the
device that trains, so that data never waits. Everything random comes from the generator that is
given. docs/noise.md shows the chain, and how what it draws compares with real noise.
"""

from enum import IntEnum
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import Float, Int
from torch import Generator, Tensor

from mirnet.data import draws, finishing, isp
from mirnet.data.draws import Figures, Flags
from mirnet.data.isp import Camera, Colour
from mirnet.data.sensor import Sensor, expose, random_sensor

Patches = Float[Tensor, "b 3 {size} {size}"]


class Kind(IntEnum):
    """What a clean scene is: how often its noise is white, and how strong, depends on that."""

    PHOTOGRAPH = 0
    DRAWING = 1
    FIELD = 2
    """Of one colour."""


Kinds = Int[Tensor, " b"]
"""A `Kind` for each of a batch."""

MARGIN = 16
"""Pixels that `degrade` wants around the patch on every side and cuts off again.

Enough for the demosaicing and for the borders of JPEG's blocks to fall anywhere in the patch; what
the camera's smoothing sees beyond is mirrored.
"""

DIMMED_SHARE = 0.6
DIMMEST = 0.03
"""Part of the pictures with less light than the photograph had, and the least of it."""
SOFT_SHARES = {Kind.PHOTOGRAPH: 0.9, Kind.DRAWING: 0.15, Kind.FIELD: 0.0}
"""Part of the scenes that are seen through a lens and an anti-aliasing filter, by their kind. Real
pictures at native resolution are far softer than photographs that were shrunk (docs/noise.md)."""
SOFTNESS = (0.3, 1.8)
"""Deviation in pixels of the Gaussian that stands for both."""
PLAIN_SHARE = 0.2
"""Part of the pictures that are a phone's raw file, developed plainly as SIDD's are: noise clipped
at black, Malvar's demosaicing, nothing smoothed, sharpened or compressed by the camera."""
WHITE_SHARES = {Kind.PHOTOGRAPH: 0.12, Kind.DRAWING: 0.6, Kind.FIELD: 1.0}
"""Part of the scenes that have white noise in place of a camera's, by their kind. Rendered pictures
and scans have such noise."""
FAINTEST_WHITE, STRONGEST_WHITE = 2 / 255, 60 / 255
"""Its standard deviation: on photographs each factor is as likely as any other, on all else each
figure. In flat and nearly black fields strong white noise is the hardest to tell from a camera's,
and the level below it the hardest to find."""
GRAIN_SHARE = 0.5
"""Part of the white noise that is the same in all channels, as grain is."""
GREY_SHARE = 0.08
"""Part of all pictures that are turned to black and white."""
WEB_JPEG_SHARE = 0.25
"""Part of all pictures that are saved as JPEG, maybe again, after resizing."""
RESIZING = ("bicubic", "bilinear")
"""Kernels that pictures are resized by, widened where they shrink."""


def photograph(
    clean: Colour,
    generator: Generator,
    *,
    softness: Figures | None = None,
    is_plain: Flags | None = None,
) -> tuple[Colour, Colour]:
    """Noisy and clean pictures of the scenes `clean`, as developed from a camera's raw file.

    Takes and returns sRGB in 0..1 of one size, height and width even. The light is dimmed at
    random, so that the clean picture differs from the one given. What touches the border within
    three pixels has reflections in it.

    Args:
        clean: scenes.
        generator: of all that is random.
        softness: as `take` has it.
        is_plain: which are a phone's raw file, developed plainly; see `PLAIN_SHARE`.
    """
    count = len(clean)
    camera = isp.random_camera(count, generator)
    light = draws.log_uniform(count, DIMMEST, 1.0, generator)
    light = torch.where(draws.chance(count, DIMMED_SHARE, generator), light, 1.0)
    sensor = random_sensor(count, generator, is_phone=is_plain)
    return take(clean, light, camera, sensor, generator, softness=softness, is_plain=is_plain)


def take(
    clean: Colour,
    light: Figures,
    camera: Camera,
    sensor: Sensor,
    generator: Generator,
    *,
    softness: Figures | None = None,
    is_plain: Flags | None = None,
) -> tuple[Colour, Colour]:
    """What `photograph` does, in given light, with given cameras and sensors.

    `softness` is the deviation in pixels of a Gaussian for lens and anti-aliasing filter, up to 4,
    which blurs the light; 0 leaves a scene as it is. Where `is_plain`, noise is clipped at black
    and the demosaicing is Malvar's.
    """
    light_of = isp.unprocess(clean, camera)
    if softness is not None:
        light_of = draws.change(softness > 0, _soften, light_of, softness)
    scene = light_of * draws.over_pixels(light)
    recorded = expose(isp.mosaic(scene), sensor, generator)
    if is_plain is not None:
        recorded = torch.where(draws.over_pixels(is_plain), recorded.clamp(min=0), recorded)
    demosaiced = isp.demosaic(isp.balance(recorded, camera), generator, is_malvar=is_plain)
    return isp.develop(demosaiced, camera), isp.develop(scene * camera.gains, camera)


def _soften(image: Colour, softness: Figures) -> Colour:
    return finishing.blur(image, softness[:, None].expand(-1, 3))


def degrade(
    clean: Colour,
    size: int,
    generator: Generator,
    kinds: Kinds | None = None,
    *,
    is_crisp: Flags | None = None,
) -> tuple[Patches, Patches]:
    """Noisy and clean patches of `size` by `size` from clean scenes (sRGB, 0..1).

    All sides are multiples of 16, for JPEG's blocks. Where `clean` does not measure
    size + 2 · MARGIN a side, the finished picture is resized to that, as photographs for the web
    and digital zoom are. Softness and white noise depend on the `kinds` of the scenes, by default
    photographs; those that are `is_crisp` are never softened.
    """
    count = len(clean)
    if kinds is None:
        kinds = torch.full((count,), Kind.PHOTOGRAPH, device=clean.device)
    shares = torch.tensor([SOFT_SHARES[kind] for kind in Kind], device=clean.device)[kinds]
    is_soft = draws.chance(count, shares, generator)
    if is_crisp is not None:
        is_soft &= ~is_crisp
    softness = is_soft * draws.uniform(count, *SOFTNESS, generator)
    is_plain = draws.chance(count, PLAIN_SHARE, generator)
    noisy, clean = photograph(clean, generator, softness=softness, is_plain=is_plain)
    noisy, clean = finishing.finish(noisy, clean, generator, is_plain=is_plain)
    room = size + 2 * MARGIN
    if clean.shape[-1] != room:
        kind = RESIZING[int(torch.randint(2, (), generator=generator, device=generator.device))]
        noisy, clean = (
            F.interpolate(x, (room, room), mode=kind, antialias=True).clamp(0, 1)
            for x in (noisy, clean)
        )
    noisy = _with_white(noisy, clean, kinds, generator)
    is_grey = draws.chance(count, GREY_SHARE, generator)
    noisy, clean = (draws.change(is_grey, finishing.grey, half) for half in (noisy, clean))
    is_jpeg = draws.chance(count, WEB_JPEG_SHARE, generator)
    noisy = finishing.compress(noisy, is_jpeg, generator)
    noisy = (noisy * 255).round() / 255
    top, left = torch.randint(
        2 * MARGIN - 8, (2,), generator=generator, device=generator.device
    ).tolist()
    window = (..., slice(top + 4, top + 4 + size), slice(left + 4, left + 4 + size))
    return noisy[window], clean[window]


def _with_white(noisy: Colour, clean: Colour, kinds: Kinds, generator: Generator) -> Colour:
    """The noisy pictures, some with white noise on the clean ones in place of what they have."""
    count = len(clean)
    share = torch.tensor([WHITE_SHARES[kind] for kind in Kind], device=clean.device)[kinds]
    is_white, is_grain = (draws.chance(count, each, generator) for each in (share, GRAIN_SHARE))
    deviation = torch.where(
        kinds == Kind.PHOTOGRAPH,
        draws.log_uniform(count, FAINTEST_WHITE, STRONGEST_WHITE, generator),
        draws.uniform(count, FAINTEST_WHITE, STRONGEST_WHITE, generator),
    )
    add = partial(add_white, generator=generator)
    white = draws.change(is_white, add, clean, deviation, is_grain)
    return torch.where(draws.over_pixels(is_white), white, noisy)


def add_white(
    clean: Colour, deviation: Figures, is_grain: Flags, *, generator: Generator
) -> Colour:
    """The pictures with white noise, independent in the channels or, as grain, the same in all."""
    noise = torch.randn(clean.shape, generator=generator, device=generator.device)
    noise = torch.where(draws.over_pixels(is_grain), noise[:, :1], noise)
    return (clean + draws.over_pixels(deviation) * noise).clamp(0, 1)
