"""Make the picture of the page: `mirnet serve` with some photographs.

The noise is synthetic, on scikit-image's photographs, so anyone can make them. Wants Playwright and
a Chromium.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyvips
from playwright.sync_api import expect, sync_playwright
from skimage import data

PICTURE = Path(__file__).parent / "images" / "page.jpg"
CAT = Path(__file__).parents[1] / "examples" / "cat_noisy.png"
PHOTOGRAPHS = ("coffee", "rocket")
CHROMIUM = ("chromium-headless-shell", "chromium", "google-chrome")
SIZE = {"width": 1100, "height": 760}
MIRNET = [sys.executable, "-m", "mirnet"]


def noisy(folder: Path) -> list[Path]:
    """Photographs with the noise of a camera, 352x352."""
    for name in PHOTOGRAPHS:
        picture = np.ascontiguousarray(getattr(data, name)())
        (folder / "photographs").mkdir(exist_ok=True)
        pyvips.Image.new_from_array(picture).pngsave(str(folder / "photographs" / f"{name}.png"))
    synthesize = ["data", "synthesize", "photographs", "pairs", "--per-image", "1"]
    subprocess.run([*MIRNET, *synthesize, "--patch", "352", "--seed", "3"], cwd=folder, check=True)
    return sorted((folder / "pairs" / "input").iterdir())


def screenshot(pictures: list[Path], path: Path) -> None:
    """The page in a browser, all pictures restored, the first one in view."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)))
    server = subprocess.Popen(
        [*MIRNET, "serve", "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            window = browser.new_page(viewport=SIZE, locale="en-GB")
            window.goto(server.stdout.readline().strip())
            window.locator("body[data-ready]").wait_for()
            window.set_input_files("#files", [str(picture) for picture in pictures])
            expect(window).to_have_title(re.compile("^Done"), timeout=600_000)
            expect(window.locator("#viewport")).to_have_attribute("data-shown", "100")
            window.mouse.move(0, 0)
            window.screenshot(path=path)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        screenshot([CAT, *noisy(folder)], folder / "page.png")
        page = pyvips.Image.new_from_file(str(folder / "page.png"))
        page.jpegsave(str(PICTURE), Q=88, strip=True)
