"""The page for everyone: keys, screen readers, languages, themes, small and large screens."""

import pytest
from browsing import DONE, add, expect, position, rows, saved, shown


def test_the_keyboard_alone_is_enough(open_page, save, picture, tmp_path):
    paths = [save(tmp_path / f"{n}.png", pixels=picture(300, 400, seed=n)) for n in range(3)]
    page = open_page(width=900, height=700)

    def focus():
        return page.evaluate("document.activeElement.id || document.activeElement.className")

    def tab_to(wanted, most=60):
        for _ in range(most):
            page.keyboard.press("Tab")
            if wanted in focus():
                return
        raise AssertionError(f"{wanted} is not reached")

    tab_to("choose-files")
    chosen = []
    page.on("filechooser", lambda each: chosen.append(each))
    while not chosen:  # a busy browser may drop a dialog that a key asks for
        page.keyboard.press("Enter")
        page.wait_for_timeout(1000)
    chosen[0].set_files([str(path) for path in paths])
    expect(page).to_have_title(DONE)
    assert focus() == "open"  # the first picture
    page.keyboard.press("ArrowDown")
    expect(page.locator("#name")).to_have_text("1.png")
    tab_to("viewport")
    page.keyboard.press("1")
    page.keyboard.press("+")
    expect(page.locator("#zoom")).to_have_text("200 %")
    page.keyboard.press("ArrowRight")
    tab_to("divider")
    page.keyboard.press("ArrowLeft")
    assert position(page) == 48
    tab_to("strength")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#strength-value")).to_have_text("99 %")
    download = saved(page, lambda: page.keyboard.press("d"))
    assert download.suggested_filename == "1_restored.png"
    page.keyboard.press("]")
    expect(page.locator("#name")).to_have_text("2.png")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()

    # no trap: with Tab alone, every control is met and the page is left again
    met = []
    for _ in range(80):
        page.keyboard.press("Tab")
        met.append(focus())
    assert {"language", "theme", "viewport", "divider", "strength", "format", "model"} <= set(met)
    assert met.count("language") >= 2

    # single keys can be switched off, for those who speak to their computer
    page.locator("#help-open").click()
    page.locator("#shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("[")
    page.wait_for_timeout(100)
    expect(page.locator("#name")).to_have_text("2.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_axe_finds_nothing(
    open_page, save, tmp_path, photograph, violations, screenshot, scheme, locale
):
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"nothing")
    page = open_page(color_scheme=scheme, locale=locale)
    assert page.locator("html").get_attribute("lang") == ("zh-CN" if locale == "zh-CN" else "en")
    assert violations(page) == []
    screenshot(page, f"empty_{scheme}_{locale[:2]}")
    add(page, damaged, photograph, save(tmp_path / "two.png"))
    expect(rows(page).and_(page.locator("[data-state=done]"))).to_have_count(2)
    assert violations(page) == []
    rows(page).filter(has_text="damaged").locator(".open").click()
    assert violations(page) == []
    rows(page).filter(has_text="cat").locator(".open").click()
    shown(page, 100)
    assert violations(page) == []
    screenshot(page, f"done_{scheme}_{locale[:2]}")
    page.locator("#help-open").click()
    assert violations(page) == []


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [390, 3840])
def test_it_fits_a_phone_and_a_large_screen(
    open_page, folder, photograph, screenshot, violations, locale, width
):
    phone = width == 390
    page = open_page(width, 844 if phone else 2160, locale=locale, has_touch=phone)

    def no_scrolling():
        inner, outer = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert inner <= outer

    no_scrolling()
    screenshot(page, f"empty_{width}_{locale[:2]}", full_page=True)
    add(page, photograph, *sorted(folder.glob("day one/*"))[:3])
    expect(rows(page)).to_have_count(4)
    try:
        expect(rows(page).and_(page.locator("[data-state=done]"))).to_have_count(4)
    except AssertionError as error:
        told = "rows => rows.map((row) => [row.dataset.state, row.innerText])"
        raise AssertionError(rows(page).evaluate_all(told)) from error
    shown(page, 100)
    no_scrolling()
    assert violations(page) == []
    screenshot(page, f"done_{width}_{locale[:2]}", full_page=True)
    page.locator("#layout").click()
    no_scrolling()


def test_a_long_name_leaves_the_focus_ring_of_its_row_free(open_page, save, tmp_path):
    names = ["a.png", "the last evening of a long holiday at the sea, from the terrace.png"]
    page = open_page()
    add(page, *(save(tmp_path / name) for name in names))
    expect(rows(page).locator(".facts")).to_have_text(["0.00 MP"] * 2)

    ends = page.evaluate(
        """() => [...document.querySelectorAll("#pictures li")].map((row) => {
            const end = (part) => row.querySelector(part).getBoundingClientRect().right;
            return [end(".name"), end(".facts"), end(".open")];
        })"""
    )
    assert len(ends) == 2
    for name, facts, button in ends:
        assert name < facts <= button - 4  # the ring is 2 pixels wide, and needs some air


def test_language_and_theme_are_remembered(open_page):
    page = open_page(color_scheme="light")
    expect(page.locator("#welcome h2")).to_have_text("Drop noisy photographs here")
    page.locator("#language").click()
    expect(page.locator("#welcome h2")).to_contain_text("照片")
    page.locator("#theme").click()
    page.reload()
    expect(page.locator("#welcome h2")).to_contain_text("照片")
    assert page.locator("html").get_attribute("data-theme") == "dark"
