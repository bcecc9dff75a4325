"""Time from a move of the page's strength slider to the new pixels on the screen, at 1:1.

    python benchmarks/slider.py PICTURE [--moves 50] [--model denoise-print]

Starts `mirnet serve`, opens its page in Debian's chromium-headless-shell (1440x900), restores the
picture, and moves the slider to strengths it has not shown yet, somewhere else in the picture every
tenth time. The browser's own clock counts from the event to the frame that shows the pixels.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

MOVE = """async (percent) => {
    const slider = document.getElementById("strength");
    const viewport = document.getElementById("viewport");
    const start = performance.now();
    slider.value = String(percent);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    while (viewport.dataset.shown !== String(percent)) await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


def measure(page: Page, picture: Path, moves: int) -> list[float]:
    """Milliseconds of each move."""
    page.locator("body[data-ready]").wait_for()
    page.set_input_files("#files", str(picture))
    expect(page).to_have_title(re.compile("^Done"), timeout=3_600_000)
    page.locator("#zoom-one").click()
    viewport = page.locator("#viewport")
    expect(viewport).to_have_attribute("data-shown", "100", timeout=60_000)
    times = []
    for number in range(moves):
        if number % 10 == 0:
            for _ in range(4):
                viewport.press("ArrowRight" if number % 20 else "ArrowDown")
            expect(viewport).to_have_attribute("data-shown", re.compile(r"\d"), timeout=60_000)
            page.wait_for_timeout(1000)
        times.append(float(page.evaluate(MOVE, 1 + number * 37 % 99)))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--model", default="denoise-print")
    arguments = parser.parse_args()
    browser_path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    command = ["-m", "mirnet", "serve", "--port", "0", "--no-browser", "--model", arguments.model]
    server = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdout
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(server.stdout.readline().strip())
            times = measure(page, arguments.picture, arguments.moves)
            facts = page.locator("#facts").inner_text()
            browser.close()
    finally:
        server.terminate()
        server.wait()
    print(facts)
    print(
        f"{len(times)} moves: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms"
    )


if __name__ == "__main__":
    main()
