"""What tests of every part share. Pictures are small, and every runtime keeps to one thread."""

import os

# before any library reads it; subprocesses inherit it
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import pyvips
from hypothesis import settings

# a runner in the background ignores it, and what it starts would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("mirnet", deadline=None, print_blob=True)
settings.load_profile("mirnet")

CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

PEAKS = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535, np.dtype(np.float32): 1}


def pytest_collection_modifyitems(items):
    """Files with slow tests go first, so that no worker is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory):
    """What is remembered between runs comes neither from the user's cache nor into it."""
    kept = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if kept is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = kept


@pytest.fixture(scope="session")
def chromium():
    """A browser without a screen; one for all tests, since Playwright runs once in a process."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no Chromium is installed (Debian: chromium-headless-shell)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def picture():
    """A function that makes a noisy gradient, h w c, with all of its dtype's range."""

    def make(height, width, channels=3, dtype=np.uint8, seed=0):
        rng = np.random.default_rng(seed)
        rows = np.linspace(0, 1, height)[:, None, None]
        columns = np.linspace(0, 1, width)[None, :, None]
        clean = (rows + columns) / 2 * np.linspace(1, 0.7, channels)
        noisy = np.clip(clean + rng.normal(0, 0.05, clean.shape), 0, 1)
        white = PEAKS[np.dtype(dtype)]
        return (noisy * white if white == 1 else np.rint(noisy * white)).astype(dtype)

    return make


@pytest.fixture(scope="session")
def save(picture):
    """A function that writes a picture of the given size, or array, as a file."""

    def write(path, height=40, width=56, *, pixels=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        array = picture(height, width) if pixels is None else pixels
        pyvips.Image.new_from_array(array).write_to_file(str(path))
        return path

    return write


@pytest.fixture
def recording(monkeypatch):
    """A function that makes a module's function note its positional arguments and work on."""

    def record(module, name):
        calls = []
        function = getattr(module, name)

        def noting(*arguments, **options):
            calls.append(arguments)
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, noting)
        return calls

    return record


@pytest.fixture(scope="session")
def load():
    """A function that reads a picture by libvips alone."""

    def read(path):
        array = pyvips.Image.new_from_file(str(path)).numpy()
        return array[..., None] if array.ndim == 2 else array

    return read


WITHOUT = """
import sys

class Without:
    # stands for a finder, and does not find {blocked}
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path = [Without(finder) for finder in sys.meta_path]
"""


@pytest.fixture(scope="session")
def python():
    """A function that runs a script in an interpreter of its own, where packages may be missing."""

    def run(script, *arguments, without=()):
        head = WITHOUT.format(blocked=set(without)) if without else ""
        return subprocess.run(
            [sys.executable, "-c", head + script, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def paddle_model(tmp_path_factory):
    """The bundled model for Paddle Inference, its `.pdiparams`: exported once, it takes a while."""
    pytest.importorskip("mirnet.export.paddle", reason="needs Paddle: pip install paddlepaddle")
    from mirnet import export
    from mirnet.models import catalog

    folder = tmp_path_factory.mktemp("paddle")
    return export.export(catalog.find("denoise").weights(), "paddle", folder)[0]


COMMAND = """
import sys
from mirnet.cli import main
sys.argv[0] = "mirnet"
main()
"""


@pytest.fixture(scope="session")
def mirnet_without(python):
    """A function that runs `mirnet` with the given words where packages are missing."""
    return lambda *arguments, without: python(COMMAND, *arguments, without=without)
