"""The camera as numbers: what makes no sense is refused in one line."""

import pytest

from mirnet.camera.description import (
    Camera,
    Editing,
    Finishing,
    Jpeg,
    Processing,
    Sensor,
    WhiteNoise,
)
from mirnet.errors import RecipeError


def test_it_is_frozen_and_compared_by_its_numbers():
    assert Camera() == Camera()
    assert hash(Camera()) == hash(Camera())
    assert Camera(softness=(0.0, 1.0)) != Camera()
    with pytest.raises(AttributeError):
        Camera().dimmest = 0.5


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        (Camera, {"softness": (1.8, 0.3)}, "softness is [1.8, 0.3]: expected [lowest, highest]"),
        (Camera, {"softness": (0.3, 5.0)}, "[lowest, highest], from 0 to 4"),
        (Camera, {"dimmed_share": 1.5}, "dimmed_share is 1.5: expected 0 to 1"),
        (Camera, {"plain_share": float("nan")}, "plain_share is nan"),
        (Camera, {"dimmest": 0.0}, "dimmest is 0.0: expected more than 0, to 1"),
        (Sensor, {"models": ()}, "models is []: expected some of brooks, phone, system_camera"),
        (Sensor, {"models": ("phone", "eye")}, "models is ['phone', 'eye']"),
        (Sensor, {"bits": (12, 10)}, "bits is [12, 10]: expected [fewest, most], 1 to 16"),
        (Sensor, {"brooks_shot": (0.0, 0.1)}, "expected [lowest, highest], above 0"),
        (Sensor, {"phone_push": (1.0, float("inf"))}, "phone_push is [1.0, inf]"),
        (Sensor, {"phone_spread": -1.0}, "phone_spread is -1.0"),
        (Processing, {"exposure": (0.0, 0.1)}, "exposure is [0.0, 0.1]"),
        (Processing, {"gamma": (0.0, 2.0)}, "gamma is [0.0, 2.0]"),
        (Processing, {"matrix_strength": (0.4, 1.1)}, "matrix_strength is [0.4, 1.1]"),
        (Processing, {"demosaicing": ("nearest",)}, "some of bilinear, malvar, directed"),
        (Finishing, {"share": -0.1}, "share is -0.1: expected 0 to 1"),
        (Finishing, {"chroma_sigma": (1.0, 9.0)}, "above 0 to 4"),
        (Finishing, {"luma_strength": (0.0, 1.0)}, "luma_strength is [0.0, 1.0]"),
        (Jpeg, {"worst_quality": 0.0}, "worst_quality is 0.0: expected 1 to 100"),
        (WhiteNoise, {"levels": (0.0, 60.0)}, "levels is [0.0, 60.0]"),
        (Editing, {"resizing": (2.0, 0.6)}, "resizing is [2.0, 0.6]"),
        (Editing, {"kernels": ("lanczos",)}, "expected some of bicubic, bilinear"),
    ],
)
def test_what_makes_no_sense_is_refused(section, values, message):
    with pytest.raises(RecipeError) as caught:
        section(**values)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_widest_gaussian_fits_what_is_computed():
    from mirnet.camera import description, finishing

    assert finishing.REACH >= 3 * description.WIDEST


def test_it_is_read_without_torch(python):
    done = python(
        "from mirnet.camera import description, scenes; print(description.Camera())\n"
        "from mirnet.training.samples import tasks",
        without=["torch", "numpy"],
    )

    assert done.returncode == 0, done.stderr
