"""The camera that turns clean pictures into noisy ones, as frozen sections of a recipe.

Plain numbers, no torch: the ranges from which `noise`, `isp`, `sensor` and `finishing` draw anew
for each picture. Calibrations of real sensors, colour matrices and JPEG's tables are facts, and are
defined next to the code that uses them. docs/noise.md shows the chain.
"""

from dataclasses import dataclass

from mirnet.camera.scenes import ByKind
from mirnet.camera.sections import Range, expect, expect_names, expect_ranges, expect_shares

SENSORS = ("brooks", "phone", "system_camera")
"""Sensors: the line of Brooks et al., phones and system cameras; see `mirnet.camera.sensor`."""
DEMOSAICINGS = ("bilinear", "malvar", "directed")
"""Demosaicing methods, see `mirnet.camera.isp`."""
KERNELS = ("bicubic", "bilinear")
"""Resampling kernels; they are widened for downscaling."""

SHRINKING = ("area", "bilinear", "bicubic", "lanczos")
"""Filters by which pictures are shrunk; see `mirnet.camera.shrinking`."""

WIDEST = 4.0
"""Standard deviation in pixels of the widest Gaussian that is computed."""


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """The noise that a sensor adds to light."""

    models: tuple[str, ...] = SENSORS
    """Names in `SENSORS`, chosen with equal probability; a name may be repeated."""
    brooks_shot: Range = (1e-4, 1.2e-2)
    """Shot variance on the line of Brooks et al."""
    phone_shot: Range = (2e-4, 2.2e-2)
    """Shot variance of phones, before the digital gain."""
    phone_spread: float = 0.2
    """Standard deviation of the logarithm of a phone's read variance."""
    phone_push: Range = (1.0, 3.0)
    """Digital gain of phones."""
    system_camera_push: Range = (1.0, 30.0)
    """Digital gain of system cameras, for a dark room at high ISO."""
    upright_share: float = 0.5
    """Fraction held in portrait orientation: the sensor's rows are the picture's columns."""
    bits: tuple[int, int] = (10, 14)
    """Minimum and maximum bits of a raw value."""
    clipped_share: float = 0.6
    """Fraction that clips at black; the others keep the negative values caused by noise."""

    def __post_init__(self) -> None:
        expect_names(self, "models", SENSORS)
        ranges = ("brooks_shot", "phone_shot", "phone_push", "system_camera_push")
        expect_ranges(self, *ranges, above=True)
        expect(self, "phone_spread", 0 <= self.phone_spread < 10, "0 or more")
        expect_shares(self, "upright_share", "clipped_share")
        low, high = self.bits
        expect(self, "bits", 1 <= low <= high <= 16, "[fewest, most], 1 to 16")


@dataclass(frozen=True, kw_only=True)
class Processing:
    """How raw values are processed to a picture."""

    exposure: tuple[float, float] = (0.8, 0.1)
    """Mean and standard deviation of 1 / brightening (Brooks et al.)."""
    exposure_limits: Range = (0.4, 1.2)
    """Limits to which it is clipped."""
    red_gain: Range = (1.2, 2.6)
    blue_gain: Range = (1.2, 2.8)
    """White balance, from tungsten to shade; Brooks et al. use daylight: 1.9 to 2.4 and 1.5 to
    1.9."""
    demosaicing: tuple[str, ...] = DEMOSAICINGS
    """Names in `DEMOSAICINGS`, chosen with equal probability; a name may be repeated."""
    matrix_strength: Range = (0.4, 1.0)
    """Strength at which the colour matrix is applied: it amplifies colour noise, so cameras reduce
    the saturation in low light. At full strength, red and blue were less correlated than in real
    noise."""
    srgb_share: float = 0.5
    """Fraction with sRGB's curve, linear near black, where a power is infinitely steep; the others
    have a gamma. Real pairs have sRGB's curve."""
    gamma: Range = (1.8, 2.6)
    """Brooks et al. use 2.2; the curves of real cameras vary around it (Grossberg and Nayar, "What
    is the space of camera response functions?", CVPR 2003)."""
    tone_curve_share: float = 0.5
    """Fraction to which a smoothstep tone curve is applied."""

    def __post_init__(self) -> None:
        mean, deviation = self.exposure
        expect(self, "exposure", mean > 0 and deviation >= 0, "[mean, deviation], more than 0")
        expect_ranges(self, "exposure_limits", "red_gain", "blue_gain", "gamma", above=True)
        expect_names(self, "demosaicing", DEMOSAICINGS)
        # at full strength the matrix is invertible, and so is any blend of it with the identity
        expect_ranges(self, "matrix_strength", most=1.0)
        expect_shares(self, "srgb_share", "tone_curve_share")


@dataclass(frozen=True, kw_only=True)
class Finishing:
    """Processing of the developed picture by the camera."""

    share: float = 0.8
    """Fraction of the pictures, except plain ones, that are processed like a camera's JPEGs; the
    others are as developed from raw files."""
    smoothed_share: float = 0.9
    """Fraction of the processed pictures whose noise is reduced."""
    luma_strength: Range = (0.3, 5.0)
    chroma_strength: Range = (3.0, 500.0)
    luma_sigma: Range = (0.7, 2.0)
    chroma_sigma: Range = (1.2, 4.0)
    """Noise reduction in luma and chroma: its strength, and its width in pixels. Cameras smooth
    colour more strongly and widely, since the eye resolves it less. The noise left in their JPEGs
    is coarse, mostly grey grain."""
    smooths_clean: bool = False
    """Whether the clean picture, too, loses the texture that the noise reduction takes, as the mean
    of many shots does, which is the truth of real pairs. Otherwise a network learns to bring that
    texture back."""
    sharpened_share: float = 0.7
    """Fraction of the processed pictures that are sharpened."""
    sharpening_sigma: Range = (0.5, 1.5)
    sharpening_amount: Range = (0.2, 1.5)
    jpeg_share: float = 0.9
    """Fraction of the processed pictures that are saved as JPEG."""

    def __post_init__(self) -> None:
        expect_shares(self, "share", "smoothed_share", "sharpened_share", "jpeg_share")
        expect_ranges(self, "luma_strength", "chroma_strength", above=True)
        sigmas = ("luma_sigma", "chroma_sigma", "sharpening_sigma")
        expect_ranges(self, *sigmas, above=True, most=WIDEST)
        expect_ranges(self, "sharpening_amount")


@dataclass(frozen=True, kw_only=True)
class Jpeg:
    """How JPEG files are saved, by the camera and afterwards."""

    worst_quality: float = 10.0
    """Lowest quality of 1 to 100; at 10, half of the files have 77 or more, as most photos do."""
    subsampled_share: float = 0.5
    """Fraction with 4:2:0 chroma subsampling."""

    def __post_init__(self) -> None:
        expect(self, "worst_quality", 1 <= self.worst_quality <= 100, "1 to 100")
        expect_shares(self, "subsampled_share")


@dataclass(frozen=True, kw_only=True)
class Shrinking:
    """How clean scenes become small pictures, for networks that enlarge."""

    kernels: tuple[str, ...] = SHRINKING
    """Names in `SHRINKING`, chosen with equal probability; a name may be repeated."""
    soft_share: float = 0.5
    """Fraction blurred before they are shrunk, as by a lens."""
    softness: Range = (0.15, 0.6)
    """Standard deviation of that Gaussian across and down, each drawn for itself, in pixels of the
    small picture."""
    noisy_share: float = 0.5
    """Fraction with weak white noise."""
    levels: Range = (0.3, 3.0)
    """Its standard deviation, of 255, log-uniform."""
    grain_share: float = 0.5
    """Fraction of the noisy ones with the same noise in all channels."""
    grey_share: float = 0.04
    """Fraction converted to black and white."""
    jpeg_share: float = 0.5
    """Fraction saved as JPEG."""
    jpeg: Jpeg = Jpeg(worst_quality=50.0)

    def __post_init__(self) -> None:
        expect_names(self, "kernels", SHRINKING)
        expect_ranges(self, "softness", most=1.0)
        expect_ranges(self, "levels", above=True, most=255.0)
        expect_shares(self, "soft_share", "noisy_share", "grain_share", "grey_share", "jpeg_share")


@dataclass(frozen=True, kw_only=True)
class Darkening:
    """How much light pictures lack, for networks that brighten."""

    stops: Range = (1.0, 6.0)
    """Powers of two by which they are underexposed; the sensor's noise and its bits stay."""

    def __post_init__(self) -> None:
        expect_ranges(self, "stops", most=12.0)


@dataclass(frozen=True, kw_only=True)
class WhiteNoise:
    """White noise instead of a camera's, as in rendered pictures and scans."""

    share: ByKind = ByKind(photograph=0.12, drawing=0.6, field=1.0)
    """Fraction of the scenes that have it. In flat and nearly black fields strong white noise is
    the hardest to tell from a camera's, and the true level below it the hardest to estimate."""
    levels: Range = (2.0, 60.0)
    """Its standard deviation, of 255: log-uniform on photographs, uniform on all other scenes."""
    grain_share: float = 0.5
    """Fraction with the same noise in all channels, like film grain."""

    def __post_init__(self) -> None:
        expect_ranges(self, "levels", above=True, most=255.0)
        expect_shares(self, "grain_share")


@dataclass(frozen=True, kw_only=True)
class Editing:
    """Editing of pictures after the camera."""

    resized_share: float = 0.25
    """Fraction of the synthetic patches from pictures resized after the noise was added."""
    resizing: Range = (0.6, 2.0)
    """Range of their size relative to the size needed: from digital zoom to downscaled for web."""
    kernels: tuple[str, ...] = KERNELS
    """Names in `KERNELS`, chosen with equal probability."""
    grey_share: float = 0.08
    """Fraction converted to black and white."""
    jpeg_share: float = 0.25
    """Fraction saved as JPEG, possibly for the second time."""

    def __post_init__(self) -> None:
        expect_shares(self, "resized_share", "grey_share", "jpeg_share")
        expect_ranges(self, "resizing", above=True)
        expect_names(self, "kernels", KERNELS)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """How clean scenes become noisy pictures."""

    soft_share: ByKind = ByKind(photograph=0.9, drawing=0.15, field=0.0)
    """Fraction of the scenes blurred by a lens and an anti-aliasing filter. Real pictures at native
    resolution are far softer than downscaled photographs."""
    softness: Range = (0.3, 1.8)
    """Standard deviation in pixels of the Gaussian that models both."""
    dimmed_share: float = 0.6
    """Fraction of the pictures with less light than the photograph had."""
    dimmest: float = 0.03
    """The lowest factor of the light."""
    plain_share: float = 0.2
    """Fraction of the pictures developed plainly from a phone's raw file, as SIDD's are: noise
    clipped at black, Malvar's demosaicing, no smoothing, sharpening or compression by the
    camera."""
    sensor: Sensor = Sensor()
    processing: Processing = Processing()
    finishing: Finishing = Finishing()
    jpeg: Jpeg = Jpeg()
    white_noise: WhiteNoise = WhiteNoise()
    editing: Editing = Editing()

    def __post_init__(self) -> None:
        expect_ranges(self, "softness", most=WIDEST)
        expect_shares(self, "dimmed_share", "plain_share")
        expect(self, "dimmest", 0 < self.dimmest <= 1, "more than 0, to 1")
