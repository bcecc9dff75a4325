"""The camera that makes noisy pictures of clean ones, as one frozen section of a recipe.

Plain numbers, no torch: what `noise`, `isp`, `sensor` and `finishing` draw from, for each picture
anew. Calibrations of real sensors, colour matrices and JPEG's tables are facts, and stand beside
the code that uses them. docs/noise.md shows the chain.
"""

from dataclasses import dataclass

from mirnet.camera.scenes import ByKind
from mirnet.camera.sections import Range, expect, expect_names, expect_ranges, expect_shares

SENSORS = ("brooks", "phone", "system_camera")
"""The line of Brooks et al., phones and system cameras; see `mirnet.camera.sensor`."""
DEMOSAICINGS = ("bilinear", "malvar", "directed")
"""See `mirnet.camera.isp`."""
KERNELS = ("bicubic", "bilinear")
"""By which pictures are resized, widened where they shrink."""

WIDEST = 4.0
"""Deviation in pixels of the widest Gaussian that is computed."""


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """What a sensor adds to light."""

    models: tuple[str, ...] = SENSORS
    """Of `SENSORS`, each as likely; one may come several times."""
    brooks_shot: Range = (1e-4, 1.2e-2)
    """Shot variance on the line of Brooks et al."""
    phone_shot: Range = (2e-4, 2.2e-2)
    """Shot variance of phones, before the digital gain."""
    phone_spread: float = 0.2
    """Deviation of the logarithm of a phone's read variance."""
    phone_push: Range = (1.0, 3.0)
    """Digital gain of phones."""
    system_camera_push: Range = (1.0, 30.0)
    """Digital gain of system cameras: a dark room at high ISO."""
    upright_share: float = 0.5
    """Part held upright, so that the sensor's rows are the picture's columns."""
    bits: tuple[int, int] = (10, 14)
    """Fewest and most bits of a raw value."""
    clipped_share: float = 0.6
    """Part that clips at black; the others keep the values below it that noise makes."""

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
    """How raw values become a picture."""

    exposure: tuple[float, float] = (0.8, 0.1)
    """Mean and deviation of 1 / brightening (Brooks et al.)."""
    exposure_limits: Range = (0.4, 1.2)
    """Where it is cut off."""
    red_gain: Range = (1.2, 2.6)
    blue_gain: Range = (1.2, 2.8)
    """White balance, from tungsten to shade; Brooks et al. have daylight: 1.9 to 2.4 and 1.5 to
    1.9."""
    demosaicing: tuple[str, ...] = DEMOSAICINGS
    """Of `DEMOSAICINGS`, each as likely; one may come several times."""
    matrix_strength: Range = (0.4, 1.0)
    """How much of the colour matrix a camera applies: colour noise grows with it, and cameras
    therefore lower the saturation where light is scarce. In full, red and blue were less alike than
    in real noise."""
    srgb_share: float = 0.5
    """Part with sRGB's curve, straight near black, where a power is infinitely steep; the others
    have a gamma. Real pairs have it."""
    gamma: Range = (1.8, 2.6)
    """Brooks et al. have 2.2; the curves of real cameras lie around it (Grossberg and Nayar, "What
    is the space of camera response functions?", CVPR 2003)."""
    tone_curve_share: float = 0.5
    """Part in which a smoothstep tone curve follows."""

    def __post_init__(self) -> None:
        mean, deviation = self.exposure
        expect(self, "exposure", mean > 0 and deviation >= 0, "[mean, deviation], more than 0")
        expect_ranges(self, "exposure_limits", "red_gain", "blue_gain", "gamma", above=True)
        expect_names(self, "demosaicing", DEMOSAICINGS)
        # in full it can be inverted, and so can what lies between it and none
        expect_ranges(self, "matrix_strength", most=1.0)
        expect_shares(self, "srgb_share", "tone_curve_share")


@dataclass(frozen=True, kw_only=True)
class Finishing:
    """What a camera does to the developed picture."""

    share: float = 0.8
    """Part of the pictures, but for plain ones, that are a camera's own; the others are as
    developed from raw files."""
    smoothed_share: float = 0.9
    """Part of a camera's own pictures whose noise is reduced."""
    luma_strength: Range = (0.3, 5.0)
    chroma_strength: Range = (3.0, 500.0)
    luma_sigma: Range = (0.7, 2.0)
    chroma_sigma: Range = (1.2, 4.0)
    """Of the noise reduction, in luma and chroma: how strong, and how wide in pixels. Cameras
    smooth colour more, and more widely, since eyes miss its detail less. What is left in their
    JPEGs is coarse, mostly grey grain."""
    sharpened_share: float = 0.7
    """Part of a camera's own pictures that are sharpened."""
    sharpening_sigma: Range = (0.5, 1.5)
    sharpening_amount: Range = (0.2, 1.5)
    jpeg_share: float = 0.9
    """Part of a camera's own pictures that are saved as JPEG."""

    def __post_init__(self) -> None:
        expect_shares(self, "share", "smoothed_share", "sharpened_share", "jpeg_share")
        expect_ranges(self, "luma_strength", "chroma_strength", above=True)
        sigmas = ("luma_sigma", "chroma_sigma", "sharpening_sigma")
        expect_ranges(self, *sigmas, above=True, most=WIDEST)
        expect_ranges(self, "sharpening_amount")


@dataclass(frozen=True, kw_only=True)
class Jpeg:
    """How JPEG files are saved, the camera's own and later ones."""

    worst_quality: float = 10.0
    """The lowest of 1 to 100; at 10, half of the files have 77 or more, as most photographs do."""
    subsampled_share: float = 0.5
    """Part with the chroma at half size."""

    def __post_init__(self) -> None:
        expect(self, "worst_quality", 1 <= self.worst_quality <= 100, "1 to 100")
        expect_shares(self, "subsampled_share")


@dataclass(frozen=True, kw_only=True)
class WhiteNoise:
    """White noise in place of a camera's, as rendered pictures and scans have it."""

    share: ByKind = ByKind(photograph=0.12, drawing=0.6, field=1.0)
    """Part of the scenes that have it. In flat and nearly black fields strong white noise is the
    hardest to tell from a camera's, and the level below it the hardest to find."""
    levels: Range = (2.0, 60.0)
    """Its standard deviation, of 255: on photographs each factor is as likely as any other, on all
    else each figure."""
    grain_share: float = 0.5
    """Part that is the same in all channels, as grain is."""

    def __post_init__(self) -> None:
        expect_ranges(self, "levels", above=True, most=255.0)
        expect_shares(self, "grain_share")


@dataclass(frozen=True, kw_only=True)
class Editing:
    """What happens to pictures after the camera."""

    resized_share: float = 0.25
    """Part of the synthetic patches that come from a picture resized after the noise."""
    resizing: Range = (0.6, 2.0)
    """By how much larger than needed these are: from digital zoom to shrunk for the web."""
    kernels: tuple[str, ...] = KERNELS
    """Of `KERNELS`, each as likely."""
    grey_share: float = 0.08
    """Part that is turned to black and white."""
    jpeg_share: float = 0.25
    """Part that is saved as JPEG, maybe again."""

    def __post_init__(self) -> None:
        expect_shares(self, "resized_share", "grey_share", "jpeg_share")
        expect_ranges(self, "resizing", above=True)
        expect_names(self, "kernels", KERNELS)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """How clean scenes become noisy pictures."""

    soft_share: ByKind = ByKind(photograph=0.9, drawing=0.15, field=0.0)
    """Part of the scenes that are seen through a lens and an anti-aliasing filter. Real pictures at
    native resolution are far softer than photographs that were shrunk."""
    softness: Range = (0.3, 1.8)
    """Deviation in pixels of the Gaussian that stands for both."""
    dimmed_share: float = 0.6
    """Part of the pictures with less light than the photograph had."""
    dimmest: float = 0.03
    """The least of it."""
    plain_share: float = 0.2
    """Part of the pictures that are a phone's raw file, developed plainly as SIDD's are: noise
    clipped at black, Malvar's demosaicing, nothing smoothed, sharpened or compressed by the
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
