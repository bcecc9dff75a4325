"""Make the picture of a report: a page of `mirnet evaluate --report`, in light and dark.

The pairs are patches of scikit-image's photographs with synthetic noise, so anyone can make them.
Wants Playwright and a Chromium.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyvips
from playwright.sync_api import sync_playwright
from skimage import data

PICTURE = Path(__file__).parent / "images" / "report.jpg"
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")
CHROMIUM = ("chromium-headless-shell", "chromium", "google-chrome")
WIDTH, HEIGHT = 900, 1500


def report(folder: Path) -> Path:
    """Evaluate the bundled model beside non-local means, and write the page."""
    for name in PHOTOGRAPHS:
        picture = np.ascontiguousarray(getattr(data, name)())
        (folder / "photographs").mkdir(exist_ok=True)
        pyvips.Image.new_from_array(picture).pngsave(str(folder / "photographs" / f"{name}.png"))
    mirnet = [sys.executable, "-m", "mirnet"]
    synthesize = ["data", "synthesize", "photographs", "pairs", "--per-image", "4", "--seed", "3"]
    evaluate = ["evaluate", "pairs", "--baseline", "nlm", "--report", "report.html"]
    evaluate += ["--threads", "1"]
    for command in (synthesize, evaluate):
        subprocess.run([*mirnet, *command], cwd=folder, check=True)
    return folder / "report.html"


def screenshot(page: Path, scheme: str, path: Path) -> None:
    """The page as a browser of this colour scheme shows it: its top or, in the dark, pictures."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        size = {"width": WIDTH, "height": HEIGHT}
        window = browser.new_page(viewport=size, color_scheme=scheme)
        window.goto(page.as_uri())
        window.wait_for_selector("#spread svg")
        if scheme == "dark":
            window.get_by_role("heading", name="Pictures").evaluate("it => it.scrollIntoView()")
        window.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = report(folder)
        halves = []
        for scheme in ("light", "dark"):
            screenshot(page, scheme, folder / f"{scheme}.png")
            halves.append(pyvips.Image.new_from_file(str(folder / f"{scheme}.png"))[:3])
        joined = halves[0].join(halves[1], "horizontal").resize(0.75)
        joined.jpegsave(str(PICTURE), Q=82)
    print(PICTURE)
