"""What a user does on the page, and sees."""

import re

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = playwright.expect

DONE = re.compile("^Done")


def rows(page):
    return page.locator("#pictures li")


def add(page, *paths):
    page.set_input_files("#files", [str(path) for path in paths])


def add_and_wait(page, *paths):
    add(page, *paths)
    expect(page).to_have_title(DONE)


def drop(page, *paths):
    """What a file manager drops: files and whole folders."""
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        if kind == "drop":
            expect(page.locator("#drop")).to_be_visible()
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})


def set_strength(page, percent):
    page.locator("#strength").fill(str(percent))


def shown(page, percent):
    return expect(page.locator("#viewport")).to_have_attribute("data-shown", str(percent))


def saved(page, act):
    with page.expect_download() as waiting:
        act()
    return waiting.value


def middle_of(page):
    box = page.locator("#viewport").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def position(page):
    return int(page.locator("#divider").get_attribute("aria-valuenow"))


def zoom(page):
    expect(page.locator("#zoom")).not_to_be_empty()  # it follows with the next frame
    return page.locator("#zoom").inner_text()
