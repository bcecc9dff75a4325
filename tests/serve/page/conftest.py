"""A running server, and a real browser that opens its page."""

import base64
import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import numpy as np
import pytest

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
EXAMPLE = Path(__file__).parents[3] / "examples" / "cat_noisy.png"
SCREENSHOTS = Path(__file__).parents[3] / "build" / "screenshots"
PATIENCE = 180_000  # milliseconds: other tests run beside these


@pytest.fixture(scope="module", autouse=True)
def patience(chromium):
    """Expectations about the page wait longer than Playwright's usual five seconds."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    playwright.expect.set_options(timeout=PATIENCE)
    yield
    playwright.expect.set_options(timeout=5000)


@contextlib.contextmanager
def serving(folder, *options):
    """A server of its own, stopped at the end; yields the address that it printed."""
    command = [*(sys.executable, "-m", "mirnet", "serve", "--port", "0", "--no-browser"), *options]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*map(str, command)], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            server.stdout.close()


@pytest.fixture(scope="module")
def models():
    """The options that name models and runtime."""
    return "--model", "denoise-print", "--threads", "1", "--runtime", "mnn"


@pytest.fixture(scope="module")
def address(chromium, models, tmp_path_factory):
    """Where a server of its own can be reached, with its token."""
    pytest.importorskip("fastapi", reason="needs the extra serve")
    with serving(tmp_path_factory.mktemp("server"), *models) as address:
        yield address


@pytest.fixture(scope="module")
def folder(tmp_path_factory, save, picture):
    """Twenty small photographs in folders, and files that are none."""
    top = tmp_path_factory.mktemp("pictures") / "holiday"
    for index in range(20):
        kind = ("jpg", "jpg", "png", "tif", "webp")[index % 5]
        day = "day one" if index < 10 else "day two"
        # of which ones with a name in both folders
        name = f"IMG_{index % 15 + 1:04}.{kind}"
        save(top / day / name, pixels=picture(72 + 2 * index, 96, seed=index))
    (top / "notes.txt").write_text("no picture")
    (top / ".hidden.jpg").write_bytes(b"a file manager's")
    return top


@pytest.fixture(scope="session")
def photograph():
    """A real noisy one: 448x300."""
    return EXAMPLE


@pytest.fixture(scope="module")
def large(tmp_path_factory, save, picture):
    """A picture that takes a while: 5.6 megapixels."""
    return save(tmp_path_factory.mktemp("large") / "large.jpg", pixels=picture(2000, 2800))


@dataclass
class Heard:
    """What a page said and asked for."""

    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def clear(address):
    """Delete what is left on the server: the next page would list it."""
    origin, _, token = address.partition("/?token=")

    def ask(path, method="GET"):
        headers = {"Authorization": f"Bearer {token}"}
        return urlopen(Request(origin + path, method=method, headers=headers), timeout=30).read()

    while jobs := json.loads(ask("/v1/jobs"))["jobs"]:
        for job in jobs:
            ask(f"/v1/jobs/{job['id']}", "DELETE")  # cancels first, then deletes


@pytest.fixture
def open_page(chromium, address):
    """A function that opens the page in a browser of its own; `page.heard` is what it said."""
    contexts = []

    def show(width=1280, height=800, *, with_token=True, **options):
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            accept_downloads=True,
            **{"locale": "en-GB", "reduced_motion": "reduce", **options},
        )
        context.set_default_timeout(PATIENCE)
        context.add_init_script(path=AXE)
        contexts.append(context)
        page = context.new_page()
        page.heard = heard = Heard()
        page.on("console", lambda message: heard.messages.append(message.text))
        page.on("pageerror", lambda error: heard.messages.append(str(error)))
        page.on("request", lambda request: heard.requests.append(request.url))
        page.test_address = address
        page.goto(address if with_token else address.partition("?")[0])
        if with_token:
            page.locator("body[data-ready]").wait_for()
        return page

    yield show
    for context in contexts:
        context.close()
    clear(address)


@pytest.fixture
def screenshot():
    """A function that keeps what a page looks like, to be looked at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return lambda page, name, **options: page.screenshot(
        path=SCREENSHOTS / f"page_{name}.png", **options
    )


@pytest.fixture
def violations():
    """A function that lists what axe-core finds on a page."""

    def find(page):
        found = page.evaluate("async () => (await axe.run()).violations")
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ]

    return find


@pytest.fixture
def origin(address):
    """The server's own address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.fixture
def canvas():
    """A function that reads the pixels of the view, h w 4."""

    def read(page):
        height, width, flat = page.evaluate(
            """() => {
                const canvas = document.getElementById("canvas");
                const { width, height } = canvas;
                const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
                let text = "";
                for (let at = 0; at < pixels.length; at += 8192)
                    text += String.fromCharCode(...pixels.subarray(at, at + 8192));
                return [height, width, btoa(text)];
            }"""
        )
        return np.frombuffer(base64.b64decode(flat), np.uint8).reshape(height, width, 4)

    return read
