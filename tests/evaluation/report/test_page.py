"""The page in a real browser, from disk: what it says, and that all of it moves."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from mirnet import runtimes
from mirnet.evaluation.report import page as module

PAIRS = 4


def cells(page, row):
    return page.locator("#pairs tbody tr").nth(row).locator("td").all_inner_texts()


def column(page, heading):
    headings = page.locator("#pairs thead th").all_inner_texts()
    index = headings.index(heading)
    rows = page.locator("#pairs tbody tr").count()
    return [cells(page, row)[index] for row in range(rows)]


def position(page, number=0):
    """Where the line of a picture is, in percent from the left."""
    return page.locator("img-comparison-slider").nth(number).evaluate("it => it.value")


def drag_by_mouse(page, box, part):
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + part * box["width"], middle, steps=4)
    page.mouse.up()


def drag_by_touch(page, box, part):
    middle = box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    for kind, at in (("touchStart", 0.5), ("touchMove", 0.4), ("touchMove", part)):
        points = [{"x": box["x"] + at * box["width"], "y": middle}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_it_says_nothing_to_the_console_and_asks_for_nothing(open_page, report):
    page = open_page()
    page.locator("#figure").select_option("noise")
    page.locator("#left").select_option("truth")

    assert page.heard.messages == []
    asked = {url for url in page.heard.requests if not url.startswith("data:")}
    assert asked == {report.as_uri()}


def test_it_holds_the_means_the_command_and_what_failed(open_page):
    page = open_page()
    text = page.locator("body").inner_text()

    assert "mirnet evaluate val test --baseline nlm --report report.html --threads 1" in text
    assert "1 pairs failed" in text
    assert "val/noisy/broken.png cannot be read" in text
    captions = page.locator("caption").all_inner_texts()
    assert captions == ["val: 3 pairs, 1 failed", "test: 1 pairs", "all: 4 pairs, 1 failed"]
    rows = page.locator("table").first.locator("tbody th").all_inner_texts()
    assert rows == ["input", "denoise", "nlm"]
    assert f"{runtimes.facts('denoise').parameters:,}" in text


def test_names_of_files_never_become_markup(open_page, hostile):
    page = open_page()

    assert page.locator("#pairs a", has_text=hostile).count() == 1
    assert page.locator("img[src=x]").count() == 0
    assert page.heard.messages == []


def test_every_pair_has_a_slider_with_both_pictures(open_page):
    page = open_page()
    sliders = page.locator("img-comparison-slider")

    assert sliders.count() == PAIRS
    for number in range(PAIRS):
        images = sliders.nth(number).locator("img")
        sizes = images.evaluate_all("all => all.map(it => [it.naturalWidth, it.naturalHeight])")
        assert sizes[0] == sizes[1]
        assert sizes[0] == ([512, 48] if number == PAIRS - 1 else [64, (40, 48, 64)[number]])


@pytest.mark.parametrize("part", [0.25, 0.9])
def test_a_slider_follows_the_mouse(open_page, part):
    page = open_page()
    slider = page.locator("img-comparison-slider").first
    slider.scroll_into_view_if_needed()
    assert position(page) == 50

    drag_by_mouse(page, slider.bounding_box(), part)

    assert position(page) == pytest.approx(100 * part, abs=3)
    assert int(slider.get_attribute("aria-valuenow")) == pytest.approx(100 * part, abs=3)


def test_a_slider_follows_a_finger(open_page):
    page = open_page(width=390, height=844, has_touch=True)
    slider = page.locator("img-comparison-slider").first
    slider.scroll_into_view_if_needed()

    drag_by_touch(page, slider.bounding_box(), 0.2)

    page.wait_for_function("document.querySelector('img-comparison-slider').value < 30")
    assert position(page) == pytest.approx(20, abs=5)


@pytest.mark.parametrize(("key", "is_further"), [("ArrowRight", True), ("ArrowLeft", False)])
def test_a_slider_follows_the_arrow_keys(open_page, key, is_further):
    page = open_page()
    page.locator("img-comparison-slider").first.focus()

    page.keyboard.down(key)
    page.wait_for_function("document.querySelector('img-comparison-slider').value != 50")
    page.keyboard.up(key)

    assert (position(page) > 50) == is_further
    assert position(page, 1) == 50


def test_both_sides_can_be_chosen(open_page):
    page = open_page()
    sources = "all => all.map(it => it.src)"
    images = page.locator("img-comparison-slider").first.locator("img")
    before = images.evaluate_all(sources)

    options = page.locator("#left option").all_inner_texts()
    page.locator("#left").select_option("truth")
    page.locator("#right").select_option("error of nlm")

    data = json.loads(page.locator("#data").inner_text())
    after = images.evaluate_all(sources)
    assert options[:4] == ["input", "denoise", "nlm", "truth"]
    assert before == [data["views"]["0"]["pictures"][name] for name in ("input", "denoise")]
    assert after == [data["views"]["0"]["pictures"]["truth"], data["views"]["0"]["errors"]["nlm"]]
    sides = page.locator(".card .sides").first.inner_text().split()
    assert sides[0] == "truth"
    assert sides[1:4] == ["error", "of", "nlm"]
    assert float(sides[4]) == pytest.approx(data["pairs"][0]["figures"]["nlm"]["psnr"], abs=0.005)


def test_pictures_can_be_ordered_by_gain(open_page):
    page = open_page()
    data = json.loads(page.locator("#data").inner_text())
    gains = [
        pair["figures"]["denoise"]["psnr"] - pair["figures"]["input"]["psnr"]
        for pair in data["pairs"]
    ]

    page.locator("#order").select_option("least")

    numbers = page.locator(".card").evaluate_all("all => all.map(it => +it.id.slice(5))")
    assert numbers == sorted(range(PAIRS), key=gains.__getitem__)


def test_pictures_can_be_seen_at_their_own_pixels_and_larger(open_page):
    page = open_page()
    image = page.locator("img-comparison-slider img").first

    widths = []
    for size in ("1", "2", "4"):
        page.locator("#size").select_option(size)
        widths.append(image.bounding_box()["width"])

    assert widths == [64, 128, 256]


def test_the_table_sorts_by_mouse_and_by_keyboard(open_page):
    page = open_page()
    heading = page.locator("#pairs thead th", has_text=re.compile("^input"))

    heading.click()
    page.wait_for_selector("th[aria-sort=descending]")
    page.wait_for_timeout(50)
    descending = [float(text) for text in column(page, "input")]
    heading.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("th[aria-sort=ascending]")
    page.wait_for_timeout(50)
    ascending = [float(text) for text in column(page, "input")]

    assert len(set(descending)) > 1
    assert descending == sorted(descending, reverse=True)
    assert ascending == sorted(ascending)


def test_the_figure_that_is_chosen_is_in_plots_and_table(open_page):
    page = open_page()
    data = json.loads(page.locator("#data").inner_text())

    for key, digits in (("psnr", 2), ("ssim", 4), ("noise", 2)):
        page.locator("#figure").select_option(key)
        for method in ("input", "denoise", "nlm"):
            expected = [f"{pair['figures'][method][key]:.{digits}f}" for pair in data["pairs"]]
            shown = column(page, method)
            for one, other in zip(shown, expected, strict=True):
                assert float(one) == pytest.approx(float(other), abs=1.01 * 10**-digits)
        dots = page.locator("#spread svg circle[aria-label]")
        assert dots.count() == 3 * PAIRS
        assert page.locator("#against svg circle[aria-label]").count() == 2 * PAIRS


def test_time_has_no_column_for_the_input(open_page):
    page = open_page()

    page.locator("#figure").select_option("seconds_per_megapixel")

    headings = page.locator("#pairs thead th").all_inner_texts()
    assert headings == ["data", "pair", "megapixels", "denoise", "nlm"]
    assert page.locator("#against-figure").is_hidden()


def test_pairs_are_found_by_part_of_their_name(open_page):
    page = open_page()

    page.locator("#find").fill("onerror")

    rows = page.locator("#pairs tbody tr").evaluate_all("all => all.map(it => it.hidden)")
    assert rows == [True, True, True, False]


def test_a_name_in_the_table_leads_to_its_pictures(open_page):
    page = open_page()

    page.locator("#pairs a", has_text=re.compile("^c$")).click()

    assert page.url.endswith("#pair-2")
    assert page.locator(".card:target h3").inner_text().startswith("c ·")


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1920])
def test_nothing_is_wider_than_the_window(open_page, width):
    page = open_page(width=width)

    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_light_and_dark_differ_and_both_can_be_read(open_page):
    def brightness(scheme):
        page = open_page(color_scheme=scheme)
        colours = page.evaluate(
            "(() => { const it = getComputedStyle(document.body);"
            " return [it.backgroundColor, it.color]; })()"
        )
        numbers = [[int(n) for n in re.findall(r"\d+", colour)[:3]] for colour in colours]
        return [sum(each) / 3 for each in numbers]

    light, dark = brightness("light"), brightness("dark")

    assert light[0] - light[1] > 150
    assert dark[1] - dark[0] > 150


def test_what_the_page_carries_is_listed_with_its_licence():
    folder = Path(module.__file__).parent / "vendor"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in folder.iterdir() if path.name != "README.md")

    assert len(files) == 5
    for name in files:
        assert f"`{name}`" in listed
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert digest in listed, f"{name} is not the file that was taken over: {digest}"


def test_without_jinja_it_says_what_to_install_before_anything_is_measured(mirnet_without, report):
    data = report.parent / "val"
    target = report.parent / "other.html"

    done = mirnet_without("evaluate", data, "--report", target, without=["jinja2"])

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'mirnet: the report needs jinja2: pip install "mirnet[evaluate]"\n'
    assert not target.exists()
