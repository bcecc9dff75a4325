"""A report of a real run, and a real browser that opens it from disk."""

import subprocess
import sys
from dataclasses import dataclass, field

import pytest


@pytest.fixture(scope="session")
def hostile():
    """A name that would run if it became markup."""
    return "<img src=x onerror=alert(1)>&\"'"


@pytest.fixture(scope="session")
def report(tmp_path_factory, save, picture, hostile):
    """Two data sets: four pairs, one of them broken; and one, wide, of a hostile name."""
    folder = tmp_path_factory.mktemp("report")
    for index, name in enumerate(["a", "b", "broken", "c"]):
        for seed, half in enumerate(("noisy", "clean")):
            pixels = picture(40 + 8 * index, 64, seed=2 * index + seed)
            save(folder / "val" / half / f"{name}.png", pixels=pixels)
    (folder / "val" / "noisy" / "broken.png").write_bytes(b"nothing")
    for seed, half in enumerate(("noisy", "clean")):
        pixels = picture(48, 600, seed=20 + seed)
        save(folder / "test" / half / "d.png", pixels=pixels)
        (folder / "test" / half / "d.png").rename(folder / "test" / half / f"{hostile}.png")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mirnet", "evaluate", "val", "test"),
            *("--baseline", "nlm", "--report", "report.html", "--threads", "1"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr  # of the broken pair
    return folder / "report.html"


@dataclass
class Heard:
    """What a page said and asked for."""

    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(chromium, report):
    """A function that opens the report in a window of its own; `page.heard` is what it said."""
    contexts = []

    def show(width=1280, height=900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.heard = heard = Heard()
        page.on("console", lambda message: heard.messages.append(message.text))
        page.on("pageerror", lambda error: heard.messages.append(str(error)))
        page.on("dialog", lambda dialog: heard.messages.append(dialog.message))
        page.on("request", lambda request: heard.requests.append(request.url))
        page.goto(report.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
