"""The camera's processing in both directions: sRGB to raw and back, batched on any device.

The pipeline of Brooks et al., "Unprocessing Images for Learned Raw Denoising", CVPR 2019
(section 3), with wider ranges: white balance of dim indoor light, weaker colour matrices, other
gammas, and sRGB's curve. Order: white balance, demosaicing, colour matrix, gamma, tone curve.
Shapes are b 3 h w for colour and b 1 h w for a mosaic; values 0..1; each picture has its own
development, drawn from a `Processing`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import Float
from torch import Generator, Tensor

from mirnet.camera import draws, light
from mirnet.camera.description import DEMOSAICINGS, Processing

RgbTensor = Float[Tensor, "b 3 h w"]
Mosaic = Float[Tensor, "b 1 h w"]

XYZ_TO_CAMERA = torch.tensor(
    [
        [[1.0234, -0.2969, -0.2266], [-0.5625, 1.6328, -0.0469], [-0.0703, 0.2188, 0.6406]],
        [[0.4913, -0.0541, -0.0202], [-0.6130, 1.3513, 0.2906], [-0.1564, 0.2151, 0.7183]],
        [[0.8380, -0.2630, -0.0639], [-0.2887, 1.0725, 0.2496], [-0.0627, 0.1427, 0.5438]],
        [[0.6596, -0.2079, -0.0562], [-0.4782, 1.3016, 0.1933], [-0.0970, 0.1581, 0.5181]],
    ]
)
"""Colour matrices of the four cameras of the Darmstadt Noise Dataset (Brooks et al.)."""

SRGB_TO_XYZ = torch.tensor(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""IEC 61966-2-1, D65."""

DARKEST = 1e-8
"""Below this the power of the gamma has no useful gradient (Brooks et al.)."""


@dataclass(frozen=True)
class Development:
    """How each picture of a batch is developed."""

    to_camera: Float[Tensor, "b 3 3"]
    """Linear sRGB to the camera's colours, rows summing to one (white stays white)."""
    gains: Float[Tensor, "b 3 1 1"]
    """White balance and brightening, one factor per channel."""
    gamma: Float[Tensor, "b 1 1 1"]
    has_srgb_curve: draws.Flags
    """True if sRGB's curve replaces the gamma."""
    has_tone_curve: Float[Tensor, "b 1 1 1"]
    """1 if a smoothstep tone curve follows, else 0."""


def random_development(
    count: int, generator: Generator, processing: Processing = Processing()
) -> Development:
    """A development for each of `count` pictures, with a colour matrix between real cameras'."""
    device = generator.device
    mix = torch.rand(count, 4, 1, 1, generator=generator, device=device)
    xyz_to_camera = (mix * XYZ_TO_CAMERA.to(device)).sum(1) / mix.sum(1)
    to_camera = xyz_to_camera @ SRGB_TO_XYZ.to(device)
    to_camera = to_camera / to_camera.sum(2, keepdim=True)
    strength = draws.uniform(count, *processing.matrix_strength, generator)[:, None, None]
    to_camera = torch.lerp(torch.eye(3, device=device), to_camera, strength)
    mean, deviation = processing.exposure
    exposure = mean + deviation * draws.normal(count, generator)
    brightening = 1 / exposure.clamp(*processing.exposure_limits)
    red = draws.uniform(count, *processing.red_gain, generator)
    blue = draws.uniform(count, *processing.blue_gain, generator)
    gains = brightening[:, None] * torch.stack([red, torch.ones_like(red), blue], 1)
    gamma = draws.over_pixels(draws.uniform(count, *processing.gamma, generator))
    share = processing.tone_curve_share
    curve = draws.uniform(count, 0.0, 1.0, generator)  # one number decides both curves
    has_tone_curve = curve < share
    place = torch.where(has_tone_curve, curve / (share or 1), (curve - share) / ((1 - share) or 1))
    return Development(
        to_camera,
        gains[..., None, None],
        gamma,
        has_srgb_curve=place < processing.srgb_share,
        has_tone_curve=draws.over_pixels(has_tone_curve.float()),
    )


def unprocess(srgb: RgbTensor, development: Development) -> RgbTensor:
    """Linear camera colours of developed pictures, with all three channels at every pixel."""
    curved = 0.5 - torch.sin(torch.asin(1 - 2 * srgb.clamp(0, 1)) / 3)
    toned = torch.lerp(srgb.clamp(0, 1), curved, development.has_tone_curve)
    linear = _by_curve(toned, development, light.from_srgb, development.gamma)
    recorded = apply_matrix(linear, development.to_camera)
    return protect_highlights(recorded, development.gains).clamp(0, 1)


def protect_highlights(linear: RgbTensor, gains: Float[Tensor, "b 3 1 1"]) -> RgbTensor:
    """Undo the gains, but preserve nearly white values (Brooks et al., section 3.3).

    Dividing white by a gain above one would leave no pixel saturated, unlike in real raw files.
    """
    inverse = 1 / gains
    gray = linear.mean(1, keepdim=True)
    mask = ((gray - 0.9).clamp(min=0) / 0.1) ** 2
    return linear * torch.maximum(mask + (1 - mask) * inverse, inverse)


def balance(raw: Mosaic, development: Development) -> Mosaic:
    """White balance and brightening of the recorded values, clipped at white.

    It comes before demosaicing, as in cameras: interpolation that uses one colour's detail for
    another is correct only if grey has equal values.
    """
    gains = mosaic(development.gains.expand(-1, -1, *raw.shape[-2:]))
    return (raw * gains).clamp(max=1)


def develop(balanced: RgbTensor, development: Development) -> RgbTensor:
    """Developed pictures, 0..1, from balanced camera colours: matrix, gamma, tone curve."""
    to_srgb = torch.linalg.inv(development.to_camera)
    linear = apply_matrix(balanced.clamp(0, 1), to_srgb).clamp(0, 1)
    toned = _by_curve(linear, development, light.to_srgb, 1 / development.gamma)
    curved = 3 * toned**2 - 2 * toned**3
    return torch.lerp(toned, curved, development.has_tone_curve)


def _by_curve(
    image: RgbTensor,
    development: Development,
    srgb_curve: Callable[[RgbTensor], RgbTensor],
    power: Float[Tensor, "b 1 1 1"],
) -> RgbTensor:
    """Apply only the curve that each picture has, since powers are slow."""
    curved = draws.change(development.has_srgb_curve, srgb_curve, image)
    return draws.change(~development.has_srgb_curve, _powered, curved, power)


def _powered(image: RgbTensor, power: Float[Tensor, "b 1 1 1"]) -> RgbTensor:
    return image.clamp(min=DARKEST) ** power


def apply_matrix(image: RgbTensor, matrix: Float[Tensor, "b 3 3"]) -> RgbTensor:
    """Mix the channels of each picture with its own matrix."""
    return torch.einsum("bij,bjhw->bihw", matrix, image)


def mosaic(image: RgbTensor) -> Mosaic:
    """Keep one colour per pixel, RGGB; height and width must be even."""
    return (image * bayer_masks(image)).sum(1, keepdim=True)


def bayer_masks(image: Float[Tensor, "b c h w"]) -> Float[Tensor, "1 3 h w"]:
    """Positions at which red, green and blue are measured, as 0 and 1."""
    height, width = image.shape[-2:]
    cell = image.new_tensor([[[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]]])
    return cell.repeat(1, height // 2, width // 2)[None]


def demosaic(
    raw: Mosaic,
    generator: Generator,
    names: Sequence[str] = DEMOSAICINGS,
    *,
    is_malvar: draws.Flags | None = None,
) -> RgbTensor:
    """All three colours at every pixel, with a randomly chosen method for each picture.

    Args:
        raw: after white balance.
        generator: source of the choice.
        names: names in `DEMOSAICINGS`, chosen with equal probability.
        is_malvar: pictures for which it is Malvar's method, whatever the names.
    """
    methods = [METHODS[name] for name in names]
    which = torch.randint(len(methods), (len(raw),), generator=generator, device=raw.device)
    if is_malvar is not None:
        if demosaic_malvar not in methods:
            methods.append(demosaic_malvar)
        which = which.masked_fill(is_malvar, methods.index(demosaic_malvar))
    colour = raw.new_empty(len(raw), 3, *raw.shape[-2:])
    for index, method in enumerate(methods):
        chosen = which == index
        if chosen.any():
            colour[chosen] = method(raw[chosen])
    return colour


def demosaic_bilinear(raw: Mosaic) -> RgbTensor:
    """Average the nearest measured neighbours of each colour."""
    cross = raw.new_tensor([[0.0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
    square = raw.new_tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    kernels = torch.stack([square, cross, square])[:, None]
    return F.conv2d(reflect(raw * bayer_masks(raw), 1), kernels, groups=3)


def demosaic_malvar(raw: Mosaic) -> RgbTensor:
    """Gradient-corrected interpolation (Malvar, He and Cutler, ICASSP 2004, figure 2)."""
    kernels = raw.new_tensor(MALVAR)[:, None] / 8
    green, along_row, along_column, across = F.conv2d(reflect(raw, 2), kernels).chunk(4, 1)
    masks = bayer_masks(raw)
    is_red, is_green, is_blue = masks.chunk(3, 1)
    rows = torch.arange(raw.shape[-2], device=raw.device)[:, None]
    in_red_row = (rows % 2 == 0).to(raw.dtype)
    # a green pixel has red next to it in red's rows and above it in blue's rows
    red_at_green = torch.lerp(along_column, along_row, in_red_row)
    blue_at_green = torch.lerp(along_row, along_column, in_red_row)
    red = is_red * raw + is_green * red_at_green + is_blue * across
    blue = is_blue * raw + is_green * blue_at_green + is_red * across
    return torch.cat([red, is_green * raw + (1 - is_green) * green, blue], 1)


def demosaic_directed(raw: Mosaic) -> RgbTensor:
    """Green along the smoother direction, then differences to green (Hamilton and Adams, 1997).

    US patent 5,629,734, the basis of most edge-directed methods: green is interpolated along the
    row or the column, whichever has the smaller gradient, with the Laplacian of the other colour as
    a correction; red and blue follow by averaging their differences to green. Noise in green
    therefore appears in red and blue too.
    """
    along_row = F.pad(raw.new_tensor(ALONG_ROW)[:, None], (0, 0, 2, 2))  # 3 5 5, centred
    kernels = torch.cat([along_row, along_row.mT])[:, None]
    along = F.conv2d(reflect(raw, 2), kernels)
    in_row, in_column = (each[:, 1:].abs().sum(1, keepdim=True) for each in along.chunk(2, 1))
    interpolated = torch.where(in_row < in_column, along[:, :1], along[:, 3:4])
    masks = bayer_masks(raw)
    is_green = masks[:, 1:2]
    green = torch.lerp(interpolated, raw, is_green)
    square = raw.new_tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    differences = (raw - green) * masks[:, ::2]  # red and blue minus green, where measured
    differences = F.conv2d(reflect(differences, 1), square.expand(2, 1, 3, 3), groups=2)
    red, blue = (differences + green).chunk(2, 1)
    return torch.cat([red, green, blue], 1)


METHODS = {
    "bilinear": demosaic_bilinear,
    "malvar": demosaic_malvar,
    "directed": demosaic_directed,
}
"""Methods by their names in `DEMOSAICINGS`."""


def reflect(image: Float[Tensor, "b c h w"], margin: int) -> Float[Tensor, "b c h2 w2"]:
    """Mirror the border without repeating its edge, which keeps the phase of the mosaic."""
    return F.pad(image, [margin] * 4, mode="reflect")


_GREEN = [
    [0, 0, -1, 0, 0],
    [0, 0, 2, 0, 0],
    [-1, 2, 4, 2, -1],
    [0, 0, 2, 0, 0],
    [0, 0, -1, 0, 0],
]
_ALONG_ROW = [
    [0, 0, 0.5, 0, 0],
    [0, -1, 0, -1, 0],
    [-1, 4, 5, 4, -1],
    [0, -1, 0, -1, 0],
    [0, 0, 0.5, 0, 0],
]
_ACROSS = [
    [0, 0, -1.5, 0, 0],
    [0, 2, 0, 2, 0],
    [-1.5, 0, 6, 0, -1.5],
    [0, 2, 0, 2, 0],
    [0, 0, -1.5, 0, 0],
]
MALVAR = [_GREEN, _ALONG_ROW, [list(row) for row in zip(*_ALONG_ROW, strict=True)], _ACROSS]
"""Times eight: green at red or blue; a colour along its row; along its column; across."""

ALONG_ROW = [[-0.25, 0.5, 0.5, 0.5, -0.25], [0.0, 1, 0, -1, 0], [-1.0, 0, 2, 0, -1]]
"""Hamilton and Adams: green at red or blue; difference of the neighbouring greens; Laplacian."""
