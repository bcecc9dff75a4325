"""Camera noise for clean photographs: the sensor's noise, and later changes to the picture.

A clean sRGB picture is converted back to raw values (`isp.unprocess`), dimmed, mosaiced, given
noise (`sensor`) and developed again. Sometimes the camera also smooths, sharpens and compresses it
(`finishing`), and it is resized and saved as JPEG, possibly for the second time. All of it runs
batched on the training device, so that training never waits for data. All randomness comes from the
generator passed in; a `Camera` defines probabilities and strengths. docs/noise.md shows the chain,
and compares its noise with real noise.
"""

from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import Float, Int
from torch import Generator, Tensor

from mirnet.camera import draws, finishing, isp
from mirnet.camera.description import Camera, Darkening, WhiteNoise
from mirnet.camera.draws import Figures, Flags
from mirnet.camera.isp import Development, RgbTensor
from mirnet.camera.scenes import ByKind, Kind
from mirnet.camera.sensor import RawNoise, expose, random_noise

Patches = Float[Tensor, "b 3 {size} {size}"]


Kinds = Int[Tensor, " b"]
"""A `Kind` for each picture of a batch."""

MARGIN = 16
"""Pixels that `degrade` needs around the patch on every side, and crops at the end.

This suffices for the demosaicing, and allows the borders of JPEG's blocks to fall anywhere in the
patch; beyond it, the camera's smoothing sees a mirrored picture.
"""


def photograph(
    clean: RgbTensor,
    generator: Generator,
    camera: Camera = Camera(),
    *,
    softness: Figures | None = None,
    is_plain: Flags | None = None,
) -> tuple[RgbTensor, RgbTensor]:
    """Noisy and clean pictures of the scenes `clean`, as developed from a camera's raw file.

    Takes and returns sRGB in 0..1 of the same size, height and width even. The light is dimmed at
    random, so the clean picture returned differs from the one passed in. Within three pixels of the
    border, the result is affected by reflections.

    Args:
        clean: clean scenes.
        generator: source of all randomness.
        camera: ranges that are drawn from.
        softness: see `take`.
        is_plain: which pictures are developed plainly from a phone's raw file; see
            `Camera.plain_share`.
    """
    return _photograph(clean, generator, camera, softness, is_plain, None)[:2]


def _photograph(
    clean: RgbTensor,
    generator: Generator,
    camera: Camera,
    softness: Figures | None,
    is_plain: Flags | None,
    darkening: Darkening | None,
) -> tuple[RgbTensor, RgbTensor, RgbTensor]:
    """The pictures of `photograph`, and what a network learns to make: the clean one.

    If they are darkened, that one has the light that the scene had.
    """
    count = len(clean)
    development = isp.random_development(count, generator, camera.processing)
    if darkening:
        light = 2 ** -draws.uniform(count, *darkening.stops, generator)
    else:
        light = draws.log_uniform(count, camera.dimmest, 1.0, generator)
        light = torch.where(draws.chance(count, camera.dimmed_share, generator), light, 1.0)
    raw_noise = random_noise(count, generator, camera.sensor, is_phone=is_plain)
    noisy, taken = take(
        *(clean, light, development, raw_noise, generator, camera),
        softness=softness,
        is_plain=is_plain,
    )
    if not darkening:
        return noisy, taken, taken
    scene = _light_of(clean, development, softness)
    return noisy, taken, isp.develop(scene * development.gains, development)


def take(
    clean: RgbTensor,
    light: Figures,
    development: Development,
    raw_noise: RawNoise,
    generator: Generator,
    camera: Camera = Camera(),
    *,
    softness: Figures | None = None,
    is_plain: Flags | None = None,
) -> tuple[RgbTensor, RgbTensor]:
    """Like `photograph`, but with given light, noise and developments.

    `softness` is the standard deviation in pixels, up to 4, of a Gaussian that models lens and
    anti-aliasing filter and blurs the light; 0 leaves a scene unchanged. Where `is_plain`, noise is
    clipped at black and the demosaicing is Malvar's.
    """
    scene = _light_of(clean, development, softness) * draws.over_pixels(light)
    recorded = expose(isp.mosaic(scene), raw_noise, generator, camera.sensor)
    if is_plain is not None:
        recorded = torch.where(draws.over_pixels(is_plain), recorded.clamp(min=0), recorded)
    demosaiced = isp.demosaic(
        isp.balance(recorded, development),
        generator,
        camera.processing.demosaicing,
        is_malvar=is_plain,
    )
    clean = isp.develop(scene * development.gains, development)
    return isp.develop(demosaiced, development), clean


def _light_of(clean: RgbTensor, development: Development, softness: Figures | None) -> RgbTensor:
    """What falls on the sensor, in the camera's colours, as the lens leaves it."""
    light = isp.unprocess(clean, development)
    return light if softness is None else draws.change(softness > 0, _soften, light, softness)


def _soften(image: RgbTensor, softness: Figures) -> RgbTensor:
    return finishing.blur(image, softness[:, None].expand(-1, 3))


def degrade(
    clean: RgbTensor,
    size: int,
    generator: Generator,
    kinds: Kinds | None = None,
    camera: Camera = Camera(),
    *,
    is_crisp: Flags | None = None,
    darkening: Darkening | None = None,
) -> tuple[Patches, Patches]:
    """Noisy and clean patches of `size` by `size` from clean scenes (sRGB, 0..1).

    All sides are multiples of 16, for JPEG's blocks. If the sides of `clean` differ from
    size + 2 · MARGIN, the finished picture is resized to that, as in photographs for the web and in
    digital zoom. Softness and white noise depend on the `kinds` of the scenes, by default
    photographs; scenes that are `is_crisp` are never blurred. With `darkening`, noisy patches are
    underexposed, and clean ones are not.
    """
    count = len(clean)
    if kinds is None:
        kinds = torch.full((count,), Kind.PHOTOGRAPH, device=clean.device)
    is_soft = draws.chance(count, _of_each(camera.soft_share, kinds), generator)
    if is_crisp is not None:
        is_soft &= ~is_crisp
    softness = is_soft * draws.uniform(count, *camera.softness, generator)
    is_plain = draws.chance(count, camera.plain_share, generator)
    side = clean.shape[-1]
    noisy, taken, target = _photograph(clean, generator, camera, softness, is_plain, darkening)
    noisy, taken = finishing.finish(
        *(noisy, taken, generator, camera.finishing, camera.jpeg), is_plain=is_plain
    )
    pictures = [noisy, taken, target] if darkening else [noisy, taken]
    room, editing = size + 2 * MARGIN, camera.editing
    if side != room:
        number = torch.randint(
            len(editing.kernels), (), generator=generator, device=generator.device
        )
        kernel = editing.kernels[int(number)]
        pictures = [
            F.interpolate(x, (room, room), mode=kernel, antialias=True).clamp(0, 1)
            for x in pictures
        ]
    pictures[0] = _with_white(pictures[0], pictures[1], kinds, generator, camera.white_noise)
    is_grey = draws.chance(count, editing.grey_share, generator)
    pictures = [draws.change(is_grey, finishing.grey, each) for each in pictures]
    noisy, clean = pictures[0], pictures[-1]
    is_jpeg = draws.chance(count, editing.jpeg_share, generator)
    noisy = finishing.compress(noisy, is_jpeg, generator, camera.jpeg)
    noisy = (noisy * 255).round() / 255
    top, left = torch.randint(
        2 * MARGIN - 8, (2,), generator=generator, device=generator.device
    ).tolist()
    window = (..., slice(top + 4, top + 4 + size), slice(left + 4, left + 4 + size))
    return noisy[window], clean[window]


def _of_each(share: ByKind, kinds: Kinds) -> Figures:
    """The share for each scene."""
    return torch.tensor(share.in_order, device=kinds.device)[kinds]


def _with_white(
    noisy: RgbTensor, clean: RgbTensor, kinds: Kinds, generator: Generator, white_noise: WhiteNoise
) -> RgbTensor:
    """The noisy pictures, some with white noise on the clean picture instead of camera noise."""
    count = len(clean)
    is_white = draws.chance(count, _of_each(white_noise.share, kinds), generator)
    is_grain = draws.chance(count, white_noise.grain_share, generator)
    low, high = (level / 255 for level in white_noise.levels)
    deviation = torch.where(
        kinds == Kind.PHOTOGRAPH,
        draws.log_uniform(count, low, high, generator),
        draws.uniform(count, low, high, generator),
    )
    add = partial(add_white, generator=generator)
    white = draws.change(is_white, add, clean, deviation, is_grain)
    return torch.where(draws.over_pixels(is_white), white, noisy)


def add_white(
    clean: RgbTensor, deviation: Figures, is_grain: Flags, *, generator: Generator
) -> RgbTensor:
    """The pictures with white noise, independent in the channels or, as grain, the same in all."""
    noise = torch.randn(clean.shape, generator=generator, device=generator.device)
    noise = torch.where(draws.over_pixels(is_grain), noise[:, :1], noise)
    return (clean + draws.over_pixels(deviation) * noise).clamp(0, 1)
