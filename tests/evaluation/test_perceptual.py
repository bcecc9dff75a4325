"""LPIPS by the library, with a network of random weights, since no weights come with it."""

import os

import numpy as np
import pytest

from mirnet.errors import ShapeError

TORCHVISION = "LPIPS's libraries (extra lpips) are not installed"


@pytest.fixture(scope="module")
def lpips(tmp_path_factory):
    """On an AlexNet of random weights, which stand where those that were learnt would be."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchmetrics", reason=TORCHVISION)
    torchvision = pytest.importorskip("torchvision", reason=TORCHVISION)
    from mirnet.evaluation.perceptual import Lpips

    home = tmp_path_factory.mktemp("torch")
    place = home / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    place.parent.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(torchvision.models.alexnet(weights=None).state_dict(), place)
    before = os.environ.get("TORCH_HOME")
    os.environ["TORCH_HOME"] = str(home)
    yield Lpips("cpu")
    os.environ.pop("TORCH_HOME")
    if before:
        os.environ["TORCH_HOME"] = before


def test_equal_pictures_have_no_distance_and_more_noise_has_more(lpips):
    rng = np.random.default_rng(0)
    truth = np.full((48, 40, 3), 0.5, np.float32)
    noise = rng.normal(0, 1, truth.shape).astype(np.float32)
    weak, strong = (np.clip(truth + sigma * noise, 0, 1) for sigma in (0.05, 0.2))

    assert lpips(truth, truth) == 0
    assert 0 < lpips(weak, truth) < lpips(strong, truth)


def test_each_pair_is_measured_for_itself(lpips):
    rng = np.random.default_rng(0)
    one, two, truth = (rng.random((40, 40, 3), dtype=np.float32) for _ in range(3))

    first = lpips(one, truth)
    lpips(two, truth)

    assert lpips(one, truth) == first


def test_pictures_too_small_for_it_are_refused(lpips):
    small = np.zeros((30, 40, 3), np.float32)

    with pytest.raises(ShapeError, match="LPIPS needs at least 31 pixels a side, got"):
        lpips(small, small)


SCRIPT = """
from mirnet.evaluation.perceptual import Lpips
Lpips()
"""


@pytest.mark.parametrize("missing", ["torch", "torchmetrics"])
def test_without_its_libraries_it_says_what_to_install(python, missing):
    done = python(SCRIPT, without=[missing])

    assert done.stderr.splitlines()[-1] == (
        f'mirnet.errors.RuntimeMissingError: LPIPS needs {missing}: pip install "mirnet[lpips]"'
    )


MISMATCHED = """
import sys
sys.path.insert(0, sys.argv[1])
from mirnet.errors import RuntimeMissingError
from mirnet.evaluation.perceptual import Lpips
try:
    Lpips("cpu")
except RuntimeMissingError as error:
    print(error)
"""


def test_a_torchvision_for_another_torch_is_told_in_one_line(python, tmp_path):
    torch = pytest.importorskip("torch")
    package = tmp_path / "torchmetrics" / "image"
    package.mkdir(parents=True)
    # what the library does, and what torchvision raises then
    (package / "lpip.py").write_text("import torchvision")
    (tmp_path / "torchvision.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )

    done = python(MISMATCHED, tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"LPIPS needs the torchvision made for torch {torch.__version__} (operator "
        "torchvision::nms does not exist): install it from where torch came from\n"
    )
